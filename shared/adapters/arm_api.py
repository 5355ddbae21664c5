"""The API versions that Azure Resource Manager is read with, each with its source, and the paths that are not ids.

Key Vault versions before 2026-02-01 are retired on 2027-02-27, so nothing older is used.
"""

from __future__ import annotations

from typing import Final

from shared.domain.arm_id import ENDPOINT, INTERFACE, VAULT, ZONE, ArmId

# azure-rest-api-specs: specification/keyvault/resource-manager/Microsoft.KeyVault, stable/2026-02-01.
VAULTS_API: Final = "2026-02-01"
# azure-rest-api-specs: specification/keyvault/resource-manager/Microsoft.KeyVault, preview/2026-04-01-preview; no
# stable version lists the perimeter associations of a vault.
PERIMETERS_API: Final = "2026-04-01-preview"
# azure-rest-api-specs: specification/network/resource-manager/Microsoft.Network, stable/2024-05-01.
NETWORK_API: Final = "2024-05-01"
# azure-rest-api-specs: specification/privatedns/resource-manager/Microsoft.Network, stable/2024-06-01; the first one
# with resolutionPolicy.
ZONES_API: Final = "2024-06-01"
# azure-rest-api-specs: specification/dnsresolver/resource-manager/Microsoft.Network, stable/2022-07-01.
RULESETS_API: Final = "2022-07-01"
# azure-rest-api-specs: specification/monitor/resource-manager/Microsoft.Insights, preview/2021-05-01-preview; there is
# no stable version with category groups.
DIAGNOSTICS_API: Final = "2021-05-01-preview"
# azure-rest-api-specs: specification/authorization/resource-manager/Microsoft.Authorization, stable/2022-04-01; the
# first one with conditions.
ROLES_API: Final = "2022-04-01"
# The version that Azure CLI asks with (azure-cli: azure/cli/core/cloud.py); older ones answer one object.
METADATA_API: Final = "2022-09-01"

AT_SCOPE: Final = "$filter=atScope()"
RULESET: Final = "Microsoft.Network/dnsForwardingRulesets"


def all_of(resource_type: str, subscription: str) -> str:
    """The path that lists all resources of a type in a subscription."""
    return f"/subscriptions/{subscription}/providers/{resource_type}"


def vaults_of(subscription: str) -> str:
    """All vaults of a subscription, bodies inline."""
    return all_of(VAULT, subscription)


def zones_of(subscription: str) -> str:
    """All private DNS zones of a subscription."""
    return all_of(ZONE, subscription)


def interfaces_of(subscription: str) -> str:
    """All network interfaces of a subscription."""
    return all_of(INTERFACE, subscription)


def rulesets_of(subscription: str) -> str:
    """All DNS forwarding rulesets of a subscription."""
    return all_of(RULESET, subscription)


def endpoints_of(subscription: str) -> str:
    """All private endpoints of a subscription, bodies inline."""
    return all_of(ENDPOINT, subscription)


def deleted_vaults_of(subscription: str) -> str:
    """All soft-deleted vaults of a subscription."""
    return all_of("Microsoft.KeyVault/deletedVaults", subscription)


def diagnostics_of(vault: ArmId) -> str:
    """The diagnostic settings of a vault."""
    return f"{vault}/providers/Microsoft.Insights/diagnosticSettings"


def assignments_of(vault: ArmId) -> str:
    """The role assignments that reach a vault; with AT_SCOPE those at and above it."""
    return f"{vault}/providers/Microsoft.Authorization/roleAssignments"


def role_in(subscription: str, role: str) -> str:
    """A role definition by its GUID, built-in or assignable in the subscription."""
    return f"{all_of('Microsoft.Authorization/roleDefinitions', subscription)}/{role}"


def perimeters_of(vault: ArmId) -> str:
    """The network security perimeter associations of a vault."""
    return f"{vault}/networkSecurityPerimeterConfigurations"


def zone_groups_of(endpoint: ArmId) -> str:
    """The private DNS zone groups of a private endpoint."""
    return f"{endpoint}/privateDnsZoneGroups"


def links_of(zone: ArmId) -> str:
    """The virtual network links of a zone."""
    return f"{zone}/virtualNetworkLinks"


def records_of(zone: ArmId) -> str:
    """The A record sets of a zone."""
    return f"{zone}/A"
