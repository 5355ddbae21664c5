"""The public door of a vault: what decides who may come through it.

Public network access, the firewall and a network security perimeter decide together, never one of them alone.
Source: https://learn.microsoft.com/azure/key-vault/general/network-security
"""

from __future__ import annotations

from typing import Final

from shared.domain.reading import Unread, UnreadReason
from shared.domain.vault import DefaultAction, NetworkAcl, PerimeterMode, PublicAccess, Vault

# What an absent ``networkAcls`` stands for.
OPEN_ACL: Final = NetworkAcl(DefaultAction.ALLOW, "AzureServices")

_TRUSTED: Final = "azureservices"
_NOBODY: Final = "none"


def firewall(vault: Vault) -> NetworkAcl:
    """The vault's firewall, the open one where it has none."""
    return vault.acl or OPEN_ACL


def rule_count(acl: NetworkAcl) -> int:
    """How many IP and virtual network rules a firewall has."""
    return len(acl.ip_rules) + len(acl.network_rules)


def rules_in_words(acl: NetworkAcl) -> str:
    """How many rules a firewall has, as people say it."""
    count = rule_count(acl)
    return "1 rule" if count == 1 else f"{count} rules"


def trusted_services_pass(vault: Vault) -> bool | None:
    """Whether Azure's trusted services bypass the firewall, also while public access is Disabled; None if unknown.

    Source: https://learn.microsoft.com/azure/key-vault/general/overview-vnet-service-endpoints
    """
    return {_TRUSTED: True, _NOBODY: False}.get(firewall(vault).bypass.casefold())


def perimeter_decides(vault: Vault) -> bool | Unread:
    """Whether an enforced network security perimeter decides instead of public access and firewall.

    Unread where that is not known, or where ``SecuredByPerimeter`` names a perimeter that is not in force.
    Source: https://learn.microsoft.com/azure/private-link/network-security-perimeter-transition
    """
    if isinstance(vault.perimeters, Unread):
        return vault.perimeters
    if PerimeterMode.UNKNOWN in vault.perimeters:
        return Unread(UnreadReason.UNSUPPORTED, "a perimeter association has an unknown access mode")
    if PerimeterMode.ENFORCED in vault.perimeters:
        return True
    if vault.public_access is PublicAccess.SECURED_BY_PERIMETER:
        return Unread(UnreadReason.UNSUPPORTED, "SecuredByPerimeter without an enforced perimeter association")
    return False


def unknown_value(vault: Vault) -> Unread | None:
    """Why the door cannot be judged: ``publicNetworkAccess`` or ``defaultAction`` has a value nobody knows."""
    if vault.public_access is PublicAccess.UNKNOWN or firewall(vault).default_action is DefaultAction.UNKNOWN:
        return Unread(UnreadReason.UNSUPPORTED, "publicNetworkAccess or defaultAction has an unknown value")
    return None


def closed_by_empty_rules(vault: Vault) -> bool:
    """Whether public access is on and the firewall denies by default without a single rule."""
    acl = firewall(vault)
    return (
        vault.public_access is PublicAccess.ENABLED and acl.default_action is DefaultAction.DENY and not rule_count(acl)
    )


def allow_list_in_force(vault: Vault) -> bool:
    """Whether public access is on and the firewall denies everybody but those whom a rule names."""
    acl = firewall(vault)
    return (
        vault.public_access is PublicAccess.ENABLED and acl.default_action is DefaultAction.DENY and rule_count(acl) > 0
    )
