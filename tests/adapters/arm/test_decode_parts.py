"""The bodies that deeper readings bring: settings, subnets, filters, logs, roles, what zone groups wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest

from shared.adapters import arm_bodies as bodies
from shared.adapters import arm_bodies_access as access
from shared.adapters import arm_bodies_network as network_bodies
from shared.adapters import arm_decode as decode
from shared.adapters import arm_decode_network as decode_network
from shared.adapters import arm_decode_vault as decode_vault
from shared.adapters.arm_errors import ArmUndecodable
from shared.domain.arm_id import ArmId
from shared.domain.network import EndpointPolicies, Flow, Network, NextHop, SecurityGroup
from shared.domain.reading import Unread, UnreadReason
from shared.domain.vault import AccessPolicy, RoleAssignment, VaultSettings

BODIES: Final = Path(__file__).parents[2] / "arm"
WHY: Final = Unread(UnreadReason.DEFERRED, "not asked here")
GROUP: Final = "/subscriptions/11111111-2222-4333-8444-555555555555/resourceGroups/Rg-Kv-Prod"
SECURITY: Final = ArmId.parse(f"{GROUP}/providers/Microsoft.Network/networkSecurityGroups/nsg-clients")
ROUTES: Final = ArmId.parse(f"{GROUP}/providers/Microsoft.Network/routeTables/rt-clients")
TENANT: Final = "7f0c6f5e-8f8a-4b7d-9f5e-2a1d6c3b4e10"
PRINCIPAL: Final = "8c1e6f0a-7b9d-4e52-a3c4-d5e6f7a8b9c0"
OTHER: Final = "9a8b7c6d-5e4f-4a3b-8c2d-1e0f9a8b7c6d"


def document(name: str) -> Any:
    return json.loads((BODIES / f"{name}.json").read_bytes())


def raw(sent: Any) -> bytes:
    return json.dumps(sent).encode()


def settings_of(**properties: Any) -> VaultSettings:
    sent = document("vault-with-settings")
    sent["properties"].update(properties)
    return decode_vault.vault(decode.decoder(bodies.VaultBody)(raw(sent))).settings


def test_a_vault_brings_its_settings_without_another_call() -> None:
    found = settings_of()
    assert (found.rbac, found.soft_delete, found.purge_protection, found.retention_days) == (False, True, True, 30)
    assert (found.deployment, found.disk_encryption, found.template_deployment) == (True, False, True)
    assert found.tenant == TENANT
    assert (found.tag("KVGUARD-PROFILE"), found.tag("none")) == ("Hybrid", None)
    assert found.access_policies == (
        AccessPolicy(PRINCIPAL, TENANT, keys=frozenset({"get", "all"}), secrets=frozenset({"get", "list"})),
        AccessPolicy(OTHER, TENANT, secrets=frozenset({"get"}), application="5b0d7a3c-2f7e-4c8e-9d3b-1f6a0c9e2d41"),
    )


@pytest.mark.parametrize(("sent", "rbac"), [(True, True), (False, False), (None, False)])
def test_a_vault_that_does_not_say_uses_access_policies(sent: bool | None, rbac: bool) -> None:
    assert settings_of(enableRbacAuthorization=sent).rbac is rbac


@pytest.mark.parametrize("sent", [True, False, None])
def test_soft_delete_is_unknown_where_the_vault_does_not_say(sent: bool | None) -> None:
    assert settings_of(enableSoftDelete=sent).soft_delete is sent


def test_purge_protection_is_off_until_it_is_on() -> None:
    assert settings_of(enablePurgeProtection=None).purge_protection is False


@pytest.mark.parametrize("broken", [{"objectId": None}, {"permissions": None}, {"tenantId": 7}])
def test_an_access_policy_without_its_parts_is_undecodable(broken: dict[str, Any]) -> None:
    whole = document("vault-with-settings")["properties"]["accessPolicies"][0]
    with pytest.raises(ArmUndecodable):
        settings_of(accessPolicies=[{**whole, **broken}])


def test_a_tag_without_a_value_is_empty() -> None:
    sent = {**document("vault-with-settings"), "tags": {"a": None}}
    assert decode_vault.vault(decode.decoder(bodies.VaultBody)(raw(sent))).settings.tag("A") == ""


def network_with(change: Any = None) -> Network:
    sent = document("network-with-filters")
    if change is not None:
        change(sent["properties"])
    return decode_network.network(decode.decoder(network_bodies.NetworkBody)(raw(sent)))


def test_a_network_brings_its_subnets() -> None:
    endpoints, clients = network_with().subnets
    assert endpoints.prefixes == ("10.1.0.0/24",)
    assert (endpoints.security_group, endpoints.route_table, endpoints.service_endpoints) == (None, None, frozenset())
    assert endpoints.endpoint_policies is EndpointPolicies.DISABLED
    assert clients.prefixes == ("10.1.2.0/24", "10.1.3.0/24")
    assert (clients.security_group, clients.route_table) == (SECURITY, ROUTES)
    assert clients.service_endpoints == {"microsoft.keyvault", "microsoft.storage"}
    assert clients.endpoint_policies is EndpointPolicies.GROUP_ENABLED


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("enabled", EndpointPolicies.ENABLED),
        ("ROUTETABLEENABLED", EndpointPolicies.ROUTES_ENABLED),
        ("Later", EndpointPolicies.UNKNOWN),
        (None, EndpointPolicies.UNKNOWN),
    ],
)
def test_network_policies_in_any_casing(sent: str | None, expected: EndpointPolicies) -> None:
    def change(properties: Any) -> None:
        properties["subnets"][0]["properties"]["privateEndpointNetworkPolicies"] = sent

    assert network_with(change).subnets[0].endpoint_policies is expected


@pytest.mark.parametrize("member", ["subnets", "virtualNetworkPeerings", "addressSpace"])
def test_a_network_without_what_is_always_sent_is_undecodable(member: str) -> None:
    with pytest.raises(ArmUndecodable):
        network_with(lambda properties: properties.pop(member))


def test_a_subnet_without_a_range_or_with_a_reference_to_nothing_is_undecodable() -> None:
    with pytest.raises(ArmUndecodable):
        network_with(lambda properties: properties["subnets"][0]["properties"].pop("addressPrefix"))
    with pytest.raises(ArmUndecodable):
        network_with(lambda properties: properties["subnets"][1]["properties"].update(networkSecurityGroup={}))


def security_group(change: Any = None) -> SecurityGroup:
    sent = document("security-group")
    if change is not None:
        change(sent["properties"])
    return decode_network.security_group(decode.decoder(network_bodies.SecurityGroupBody)(raw(sent)), SECURITY)


def test_a_security_group_brings_its_own_and_the_default_rules() -> None:
    group = security_group()
    assert [(rule.priority, rule.flow) for rule in group.rules if rule.allow] == [
        (100, Flow.OUTBOUND),
        (65000, Flow.INBOUND),
        (65001, Flow.INBOUND),
        (65000, Flow.OUTBOUND),
        (65001, Flow.OUTBOUND),
    ]
    vault, several, servers, *_ = group.rules
    assert (vault.name, vault.protocol, vault.sources) == ("allow-vault", "tcp", ("VirtualNetwork",))
    assert (vault.destinations, vault.ports) == (("AzureKeyVault",), ("443",))
    assert (several.sources, several.destinations) == (("10.1.1.0/24", "10.1.2.0/24"), ("10.9.0.4", "10.9.0.5"))
    assert several.ports == ("80", "443", "8000-8999")
    assert servers.sources == ()
    assert [known.name for known in servers.groups] == ["Asg-Servers"]


@pytest.mark.parametrize(
    "change",
    [
        lambda properties: properties.pop("defaultSecurityRules"),
        lambda properties: properties.update(securityRules=None),
        lambda properties: properties["securityRules"][0]["properties"].update(access="Perhaps"),
        lambda properties: properties["securityRules"][0]["properties"].pop("sourceAddressPrefix"),
        lambda properties: properties["securityRules"][0]["properties"].pop("destinationAddressPrefix"),
        lambda properties: properties["securityRules"][0]["properties"].pop("destinationPortRange"),
        lambda properties: properties["securityRules"][2]["properties"].pop("sourceApplicationSecurityGroups"),
        lambda properties: properties["securityRules"][0]["properties"].update(priority=None),
    ],
)
def test_a_rule_that_does_not_say_what_it_filters_makes_the_group_undecodable(change: Any) -> None:
    with pytest.raises(ArmUndecodable):
        security_group(change)


def test_a_route_table_brings_its_routes() -> None:
    table = decode_network.route_table(
        decode.decoder(network_bodies.RouteTableBody)(raw(document("route-table"))), ROUTES
    )
    assert table.gateway_routes is False
    assert [(route.prefix, route.next_hop, route.address) for route in table.routes] == [
        ("0.0.0.0/0", NextHop.APPLIANCE, "10.9.0.4"),
        ("169.254.169.254/32", NextHop.NONE, ""),
        ("AzureActiveDirectory", NextHop.INTERNET, ""),
    ]


def test_an_answer_about_another_filter_is_undecodable() -> None:
    table = decode.decoder(network_bodies.RouteTableBody)(raw(document("route-table")))
    group = decode.decoder(network_bodies.SecurityGroupBody)(raw(document("security-group")))
    with pytest.raises(ArmUndecodable):
        decode_network.route_table(table, SECURITY)
    with pytest.raises(ArmUndecodable):
        decode_network.security_group(group, ROUTES)


def test_diagnostic_settings_name_what_is_switched_on_and_where_it_goes() -> None:
    rows = decode.decoder(bodies.Listing[access.DiagnosticBody])(raw(document("diagnostic-settings"))).value
    workspace, archive, siem = map(decode_vault.diagnostic, rows)
    assert workspace.categories == {"auditevent"}
    assert workspace.workspace is not None
    assert (workspace.workspace.name, workspace.storage, workspace.event_hub) == ("Log-Security", None, False)
    assert archive.categories == {"audit"}
    assert archive.storage is not None
    assert (siem.categories, siem.workspace, siem.event_hub) == (frozenset(), None, True)


def test_role_assignments_bring_each_block_of_their_role_apart() -> None:
    rows = decode.decoder(bodies.Listing[access.AssignmentBody])(raw(document("role-assignments"))).value
    read = decode.decoder(access.RoleBody)
    user, custom = (read(raw(document(name))) for name in ("role-definition-secrets-user", "role-definition-custom"))
    (direct,) = decode_vault.assignments(rows[0], user)
    secrets = frozenset(
        {"microsoft.keyvault/vaults/secrets/getsecret/action", "microsoft.keyvault/vaults/secrets/readmetadata/action"}
    )
    assert direct == RoleAssignment(
        PRINCIPAL, "Key Vault Secrets User", f"{GROUP}/providers/Microsoft.KeyVault/vaults/Kv-Orders", secrets
    )
    (inherited,) = decode_vault.assignments(rows[1], user)
    assert (inherited.scope, inherited.conditional) == (
        "/providers/Microsoft.Management/managementGroups/platform",
        True,
    )
    everything, keys = decode_vault.assignments(rows[2], custom)
    assert everything.data_actions == {"microsoft.keyvault/vaults/*"}
    assert everything.not_data_actions == {"microsoft.keyvault/vaults/keys/*"}
    assert keys.data_actions == {"microsoft.keyvault/vaults/keys/read"}
    assert keys.not_data_actions == frozenset()
    assert decode_vault.role_of(rows[0]) == decode_vault.role_of(rows[1]) != decode_vault.role_of(rows[2])


def test_an_endpoint_brings_its_location_and_what_it_says_of_its_names() -> None:
    found = decode.endpoint(decode.decoder(bodies.EndpointBody)(raw(document("endpoint-succeeded"))), WHY)
    assert found.location == "westeurope"
    assert [(config.fqdn, config.addresses) for config in found.dns_configs] == [
        ("kv-orders.vault.azure.net", ("10.1.0.4",))
    ]


def test_an_interface_brings_its_own_dns_servers() -> None:
    sent = document("nic-private-endpoint")
    read = decode.decoder(bodies.InterfaceBody)
    assert decode.interface_servers(read(raw(sent))) == ()
    sent["properties"]["dnsSettings"]["dnsServers"] = ["10.9.0.4"]
    assert decode.interface_servers(read(raw(sent))) == ("10.9.0.4",)


def test_a_zone_group_brings_the_records_that_it_wrote() -> None:
    group = decode.zone_group(decode.decoder(bodies.ZoneGroupBody)(raw(document("zone-group-succeeded"))))
    (zone,) = group.zones
    assert [(record.zone, record.name, record.addresses) for record in group.records] == [
        (zone, "kv-orders", ("10.1.0.4",))
    ]


@pytest.mark.parametrize(
    "properties", [{}, {"privateDnsZoneConfigs": None}, {"privateDnsZoneConfigs": [{"properties": {}}]}]
)
def test_a_zone_group_that_names_no_zone_is_undecodable(properties: dict[str, Any]) -> None:
    sent = {**document("zone-group-succeeded"), "properties": properties}
    with pytest.raises(ArmUndecodable):
        decode.zone_group(decode.decoder(bodies.ZoneGroupBody)(raw(sent)))


def test_a_cname_loses_its_final_dot_and_belongs_to_the_name_that_was_asked_for() -> None:
    sent = document("record-cname")
    sent["properties"]["cnameRecord"]["cname"] = "Elsewhere.Example.com."
    body = decode.decoder(bodies.CnameBody)(raw(sent))
    wanted = ArmId.parse(sent["id"])
    assert decode.cname(body, wanted) == "elsewhere.example.com"
    with pytest.raises(ArmUndecodable):
        decode.cname(body, wanted.parent.child("CNAME", "other"))


def test_a_deleted_vault_says_which_vault_it_was() -> None:
    body = decode.decoder(access.DeletedBody)(raw(document("vault-deleted")))
    assert decode_vault.deleted_vault(body) == ArmId.parse(f"{GROUP}/providers/Microsoft.KeyVault/vaults/kv-orders")


@pytest.mark.parametrize("sent", [{"registrationEnabled": None}, {"virtualNetworkLinkState": None}])
def test_a_link_without_its_state_is_undecodable(sent: dict[str, Any]) -> None:
    whole = document("link-completed")
    whole["properties"].update(sent)
    with pytest.raises(ArmUndecodable):
        decode.zone_link(decode.decoder(bodies.LinkBody)(raw(whole)))
