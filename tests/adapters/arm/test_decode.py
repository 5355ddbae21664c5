"""ARM bodies become domain values: every recorded shape, every quirk, and no exception but ArmUndecodable."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.adapters import arm_bodies as bodies
from shared.adapters import arm_bodies_access as access
from shared.adapters import arm_bodies_network as network_bodies
from shared.adapters import arm_decode as decode
from shared.adapters import arm_decode_network as decode_network
from shared.adapters import arm_decode_vault as decode_vault
from shared.adapters.arm_errors import ArmError, ArmForbidden, ArmNotFound, ArmUnavailable, ArmUndecodable, error_of
from shared.domain.arm_id import ArmId
from shared.domain.network import PeeringState
from shared.domain.reading import Unread, UnreadReason, is_transient
from shared.domain.vault import ConnectionStatus, DefaultAction, PublicAccess
from shared.domain.zone import ResolutionPolicy

BODIES: Final = Path(__file__).parents[2] / "arm"
WHY: Final = Unread(UnreadReason.DEFERRED, "not asked here")
G: Final = "/subscriptions/11111111-2222-4333-8444-555555555555/resourceGroups/Rg"

Decoded = Callable[[bytes], Any]


def _both(shape: type[Any], convert: Callable[[Any], Any]) -> Decoded:
    read = decode.decoder(shape)
    return lambda body: convert(read(body))


def _rows(shape: Any, convert: Callable[[Any], Any]) -> Decoded:
    read = decode.decoder(bodies.Listing[shape])
    return lambda body: [convert(row) for row in read(body).value or ()]


VAULT: Final = _both(bodies.VaultBody, decode_vault.vault)
ENDPOINT: Final = _both(bodies.EndpointBody, lambda body: decode.endpoint(body, WHY))
INTERFACE: Final = _both(bodies.InterfaceBody, decode.interface_addresses)
GROUP: Final = _both(bodies.ZoneGroupBody, decode.zone_group)
NETWORK: Final = _both(network_bodies.NetworkBody, decode_network.network)
ZONE: Final = _both(bodies.ZoneBody, decode.zone)
LINK: Final = _both(bodies.LinkBody, decode.zone_link)
RECORD: Final = _both(bodies.RecordBody, decode.record)
RULE: Final = _both(network_bodies.ForwardingRuleBody, decode_network.forwarding_rule)

DIAGNOSTICS: Final = _rows(access.DiagnosticBody, decode_vault.diagnostic)
DELETED: Final = _both(access.DeletedBody, decode_vault.deleted_vault)
SECURITY_GROUP: Final = _both(
    network_bodies.SecurityGroupBody, lambda body: decode_network.security_group(body, ArmId.parse(body.id))
)
ROUTE_TABLE: Final = _both(
    network_bodies.RouteTableBody, lambda body: decode_network.route_table(body, ArmId.parse(body.id))
)

# By the longest prefix of the file's name. None: a body that kvguard never reads, or reads as an error.
READ: Final[dict[str, Decoded | None]] = {
    "accepted": None,
    "connection": _both(bodies.ConnectionBody, lambda body: decode.arm_id(body.id)),
    "diagnostic-settings": DIAGNOSTICS,
    "endpoint": ENDPOINT,
    "error": None,
    "group": None,
    "link": LINK,
    "list-empty-page": _rows(bodies.VaultBody, decode_vault.vault),
    "network": NETWORK,
    "nic": INTERFACE,
    "operation": None,
    "role-assignments": _rows(access.AssignmentBody, decode_vault.role_of),
    "role-definition": _both(access.RoleBody, lambda body: len(body.properties.permissions)),
    "route-table": ROUTE_TABLE,
    "peering": None,
    "record-a": RECORD,
    "record-aaaa": None,
    "record-auto-registered": RECORD,
    "record-cname": _both(bodies.CnameBody, lambda body: decode.cname(body, ArmId.parse(body.id))),
    "record-empty": RECORD,
    "record-list": _rows(bodies.RecordBody, decode.record),
    "record-of-zone-group": RECORD,
    "record-soa": None,
    "record-txt": None,
    "ruleset": _both(network_bodies.RulesetBody, lambda body: decode.arm_id(body.id)),
    "ruleset-list": None,
    "ruleset-rule": RULE,
    "security-group": SECURITY_GROUP,
    "subnet": None,
    "subscription": None,
    "vault": VAULT,
    "vault-deleted": DELETED,
    "vault-list": _rows(bodies.VaultBody, decode_vault.vault),
    "zone": ZONE,
    "zone-group": GROUP,
}


def body(name: str) -> bytes:
    return (BODIES / f"{name}.json").read_bytes()


def prefix_of(name: str) -> str:
    """How a file is read, by READ."""
    matching = [prefix for prefix in READ if name == prefix or name.startswith(f"{prefix}-")]
    assert matching, f"{name}.json: say in READ how it is read"
    return max(matching, key=len)


FILES: Final = sorted(path.stem for path in BODIES.glob("*.json"))


def test_there_are_bodies_of_every_kind() -> None:
    assert {prefix_of(name) for name in FILES} == set(READ)


@pytest.mark.parametrize("name", [name for name in FILES if READ[prefix_of(name)] is not None])
def test_every_body_is_read(name: str) -> None:
    read = READ[prefix_of(name)]
    assert read is not None
    assert read(body(name)) is not None


STATUS: Final = {
    "error-record-exists-flat": 412,
    "error-etag-mismatch-flat": 412,
    "error-no-rights": 403,
    "error-no-rights-on-linked": 403,
    "error-network-busy": 409,
    "error-zone-with-links": 409,
    "error-retryable-another-operation": 429,
    "error-retryable-not-provisioned": 429,
    "error-resource-not-found": 404,
    "error-parent-not-found": 404,
    "error-group-not-found": 404,
    "error-subscription-not-found": 404,
    "error-deleted-vault-not-found": 404,
}


FORBIDDEN: Final = {
    "error-no-rights": "Microsoft.KeyVault/vaults/read",
    "error-no-rights-on-linked": "Microsoft.Network/privateDnsZones/join/action",
}


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith("error-")])
def test_every_error_body_is_an_error_with_azures_code(name: str) -> None:
    status = STATUS.get(name, 400)
    error = error_of("GET x", f"{G}/providers/Microsoft.Sql/servers/s", status, {}, body(name))
    sent = json.loads(body(name))
    code = sent.get("error", sent)["code"]
    assert code in str(error)
    expected = {403: ArmForbidden, 404: ArmNotFound, 429: ArmUnavailable}.get(status, ArmError)
    assert isinstance(error, ArmUnavailable if code == "AnotherOperationInProgress" else expected)
    if isinstance(error, ArmNotFound):
        assert error.absent is (code in ("ResourceNotFound", "ParentResourceNotFound", "ResourceGroupNotFound"))
    if isinstance(error, ArmForbidden):
        assert error.action == FORBIDDEN[name]


def test_a_vault_without_rules_is_open() -> None:
    vault = VAULT(body("vault-without-acls"))
    assert (vault.acl, vault.public_access, vault.connections) == (None, PublicAccess.ENABLED, ())


def test_a_vault_whose_properties_say_nothing_is_undecodable() -> None:
    """Each absence has a meaning; together they would be an open vault without connections, tags or policies."""
    sent = json.loads(body("vault-closed"))
    for empty in ({}, {"sku": {"name": "standard"}, "later": 1}):
        with pytest.raises(ArmUndecodable):
            VAULT(raw({**sent, "properties": empty}))


def test_an_old_body_without_public_network_access_is_enabled() -> None:
    assert "publicNetworkAccess" not in json.loads(body("vault-of-2019"))["properties"]
    assert VAULT(body("vault-of-2019")).public_access is PublicAccess.ENABLED


def test_a_registering_vault_is_in_transit() -> None:
    assert is_transient(VAULT(body("vault-registering")).provisioning_state)


def test_the_connection_inside_a_vault_is_named_by_its_id() -> None:
    (connection,) = VAULT(body("vault-with-connections")).connections
    assert connection.id.name.startswith("Pe-Orders_")
    assert connection.effective
    assert connection.endpoint == ArmId.parse(json.loads(body("endpoint-succeeded"))["id"])


@pytest.mark.parametrize(
    ("name", "addresses", "quiet"),
    [("record-a", 1, True), ("record-empty", 0, True), ("record-a-with-metadata", 1, True)],
)
def test_record_sets_exist_with_and_without_addresses(name: str, addresses: int, quiet: bool) -> None:
    record = RECORD(body(name))
    assert len(record.addresses) == addresses
    assert bool(record.metadata) is (name == "record-a-with-metadata")
    assert record.etag == json.loads(body(name))["etag"]


def test_a_record_of_a_zone_group_and_an_auto_registered_one_are_told() -> None:
    assert RECORD(body("record-of-zone-group")).made_by_zone_group
    assert RECORD(body("record-auto-registered")).auto_registered


def test_links_say_whether_they_are_completed_and_how_they_resolve() -> None:
    assert LINK(body("link-completed")).completed
    assert not LINK(body("link-in-progress")).completed
    assert LINK(body("link-nxdomain-redirect")).resolution_policy is ResolutionPolicy.NXDOMAIN_REDIRECT


def test_networks_bring_servers_and_peerings() -> None:
    assert NETWORK(body("network-with-custom-dns")).dns_servers
    (peering,) = NETWORK(body("network-with-peering")).peerings
    assert peering.remote_prefixes
    assert peering.state in (PeeringState.CONNECTED, PeeringState.INITIATED)
    assert peering.access
    for written, allowed in ((b"false", False), (b"null", True), (b"true", True)):
        text = body("network-with-peering").replace(
            b'"allowVirtualNetworkAccess": true', b'"allowVirtualNetworkAccess": ' + written
        )
        assert [one.access for one in NETWORK(text).peerings] == [allowed]


def test_the_interface_of_an_endpoint_names_it_and_a_plain_one_does_not() -> None:
    read = decode.decoder(bodies.InterfaceBody)
    home = decode.interface_home(read(body("nic-private-endpoint")))
    assert home is not None
    assert home[1].is_a("Microsoft.Network/virtualNetworks")
    assert decode.interface_home(read(body("nic-plain"))) is None


def test_a_zone_group_says_what_it_wrote() -> None:
    read = decode.decoder(bodies.ZoneGroupBody)
    assert decode.zone_group_addresses([read(body("zone-group-succeeded"))]) != ()
    assert decode.zone_group_addresses([read(body("zone-group-updating"))]) == ()


def raw(document: Any) -> bytes:
    return json.dumps(document).encode()


def vault_with(**properties: Any) -> bytes:
    return raw({"id": f"{G}/providers/Microsoft.KeyVault/vaults/Kv", "properties": {"tenantId": G, **properties}})


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("Enabled", PublicAccess.ENABLED),
        ("enabled", PublicAccess.ENABLED),
        ("disabled", PublicAccess.DISABLED),
        ("DISABLED", PublicAccess.DISABLED),
        ("securedByPerimeter", PublicAccess.SECURED_BY_PERIMETER),
        ("Sometimes", PublicAccess.UNKNOWN),
        ("", PublicAccess.UNKNOWN),
        (None, PublicAccess.ENABLED),
    ],
)
def test_public_network_access_in_any_casing(sent: str | None, expected: PublicAccess) -> None:
    assert VAULT(vault_with(publicNetworkAccess=sent)).public_access is expected


@pytest.mark.parametrize(
    ("sent", "action", "bypass"),
    [
        ({}, DefaultAction.ALLOW, "AzureServices"),
        ({"defaultAction": "deny", "bypass": "None"}, DefaultAction.DENY, "None"),
        ({"defaultAction": "Perhaps", "bypass": None, "ipRules": None}, DefaultAction.UNKNOWN, "AzureServices"),
    ],
)
def test_network_acls_with_absent_members(sent: dict[str, Any], action: DefaultAction, bypass: str) -> None:
    acl = VAULT(vault_with(networkAcls=sent)).acl
    assert (acl.default_action, acl.bypass, acl.ip_rules, acl.network_rules) == (action, bypass, (), ())


@pytest.mark.parametrize(
    ("state", "status", "endpoint"),
    [
        (None, ConnectionStatus.UNKNOWN, None),
        ({"status": "approved"}, ConnectionStatus.APPROVED, "/no/id"),
        ({"status": "PENDING", "description": None}, ConnectionStatus.PENDING, ""),
        ({"status": "Odd"}, ConnectionStatus.UNKNOWN, None),
    ],
)
def test_a_connection_of_an_odd_shape_is_kept(state: Any, status: ConnectionStatus, endpoint: str | None) -> None:
    """A rule that needs its endpoint finds it unsupported; the others still see the connection."""
    entry = {
        "id": f"{G}/providers/Microsoft.KeyVault/vaults/Kv/privateEndpointConnections/c",
        "properties": {"privateLinkServiceConnectionState": state, "privateEndpoint": {"id": endpoint}},
    }
    (connection,) = VAULT(vault_with(privateEndpointConnections=[entry])).connections
    assert (connection.status, connection.endpoint, connection.effective) == (status, None, False)


def test_only_ipv4_addresses_of_an_interface_count() -> None:
    entries = [
        {"properties": {"privateIPAddress": "fd00::4", "privateIPAddressVersion": "IPv6"}},
        {"properties": {"privateIPAddress": "10.0.0.4"}},
        {"properties": {"privateIPAddress": "10.0.0.4", "privateIPAddressVersion": "IPv4"}},
        {"properties": {"privateIPAddress": None}},
        {"properties": None},
        {},
    ]
    assert INTERFACE(raw({"properties": {"ipConfigurations": entries}})) == ("10.0.0.4",)


@pytest.mark.parametrize("member", ["privateLinkServiceConnections", "manualPrivateLinkServiceConnections"])
def test_both_arrays_of_an_endpoint_count_and_aliases_do_not(member: str) -> None:
    vault = f"{G}/providers/Microsoft.KeyVault/vaults/Kv"
    services = [vault, "service.0f.westeurope.azure.privatelinkservice", f"{G}/providers/Microsoft.Sql/servers/s"]
    entries: list[Any] = [{"properties": {"privateLinkServiceId": service}} for service in services]
    sent = {
        "id": f"{G}/providers/Microsoft.Network/privateEndpoints/p",
        "properties": {
            "subnet": {
                "id": f"{G.upper().replace('/SUB', '/sub')}/providers/Microsoft.Network/virtualNetworks/V/subnets/S"
            },
            member: entries,
        },
    }
    endpoint = ENDPOINT(raw(sent))
    assert [(link.target.name, link.manual) for link in endpoint.links] == [
        ("Kv", member.startswith("manual")),
        ("s", member.startswith("manual")),
    ]
    assert endpoint.network == ArmId.parse(f"{G}/providers/Microsoft.Network/virtualNetworks/v")
    assert decode.vault_targets(decode.decoder(bodies.EndpointBody)(raw(sent))) == (ArmId.parse(vault),)


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"privateLinkServiceConnections": None, "manualPrivateLinkServiceConnections": None},
        {"privateLinkServiceConnections": [{"properties": None}]},
        {"privateLinkServiceConnections": [], "manualPrivateLinkServiceConnections": [{"properties": {}}]},
    ],
)
def test_an_endpoint_that_does_not_say_what_it_connects_to_is_undecodable(members: dict[str, Any]) -> None:
    sent = {"id": f"{G}/providers/Microsoft.Network/privateEndpoints/p", "properties": members}
    with pytest.raises(ArmUndecodable):
        decode.vault_targets(decode.decoder(bodies.EndpointBody)(raw(sent)))


@pytest.mark.parametrize("resolution", [None, "Default", "nxdomainredirect", "Odd"])
def test_an_absent_resolution_policy_is_the_default(resolution: str | None) -> None:
    sent = {
        "id": f"{G}/providers/Microsoft.Network/privateDnsZones/z/virtualNetworkLinks/l",
        "etag": '"6a0148f5-0000-0100-0000-000000000000"',
        "properties": {
            "virtualNetwork": {"id": f"{G}/providers/Microsoft.Network/virtualNetworks/V"},
            "virtualNetworkLinkState": "COMPLETED",
            "registrationEnabled": False,
            "resolutionPolicy": resolution,
        },
    }
    expected = {
        None: ResolutionPolicy.DEFAULT,
        "Default": ResolutionPolicy.DEFAULT,
        "nxdomainredirect": ResolutionPolicy.NXDOMAIN_REDIRECT,
        "Odd": ResolutionPolicy.UNKNOWN,
    }
    link = LINK(raw(sent))
    assert (link.completed, link.registration_enabled, link.resolution_policy) == (True, False, expected[resolution])


@pytest.mark.parametrize(
    "odd",
    [{}, {"domainName": "a."}, {"domainName": "a"}, {"targetDnsServers": []}, {"targetDnsServers": [{"port": 53}]}],
    ids=["nothing", "no servers", "no domain", "empty servers", "no address"],
)
def test_a_disabled_rule_forwards_nothing_and_one_without_domain_or_server_is_odd(odd: dict[str, Any]) -> None:
    servers = {"targetDnsServers": [{"ipAddress": "10.9.0.4"}]}
    rule = RULE(raw({"properties": {"domainName": "a.", **servers}}))
    assert (rule.domain, rule.targets) == ("a.", ("10.9.0.4",))
    assert RULE(raw({"properties": {**odd, "forwardingRuleState": "disabled"}})) is None
    sent = odd if "domainName" in odd and odd["domainName"] == "a." else {"domainName": "a.", **servers, **odd}
    with pytest.raises(ArmUndecodable):
        RULE(raw({"properties": sent if odd else {}}))


@pytest.mark.parametrize("sent", [b"", b"[]", b"null", b"{", b'{"id":7}', b'{"id":"/x"}', b"\xff", b'{"id":null}'])
@pytest.mark.parametrize("read", [VAULT, ENDPOINT, GROUP, NETWORK, ZONE, LINK, RECORD])
def test_a_body_of_another_shape_is_undecodable(read: Decoded, sent: bytes) -> None:
    with pytest.raises(ArmUndecodable):
        read(sent)


JSON: Final = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from([G, f"{G}/providers/A.B/c/d", "10.0.0.4"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "properties", "value", "subnet", "ttl", "status"]), inner, max_size=4)
    ),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(data=st.data(), replacement=JSON)
def test_no_change_to_a_body_brings_another_exception(data: st.DataObject, replacement: Any) -> None:
    """Any member of any recorded body may turn into anything."""
    name = data.draw(st.sampled_from([name for name in FILES if READ[prefix_of(name)] is not None]))
    read = READ[prefix_of(name)]
    assert read is not None
    document = json.loads(body(name))
    path = data.draw(st.sampled_from(list(_paths(document))))
    outcome: object
    try:
        outcome = read(raw(_with(document, path, replacement)))
    except ArmUndecodable as error:
        outcome = error
    assert (
        outcome is None
        or isinstance(outcome, ArmUndecodable)
        or type(outcome).__module__.startswith(("shared", "builtins"))
    )


def _paths(document: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    items: list[tuple[str | int, Any]] = []
    if isinstance(document, dict):
        items = list(document.items())
    elif isinstance(document, list):
        items = list(enumerate(document))
    return [path, *(found for key, value in items for found in _paths(value, (*path, key)))]


def _with(document: Any, path: tuple[str | int, ...], value: Any) -> Any:
    if not path:
        return value
    copy: Any = dict(document) if isinstance(document, dict) else list(document)
    copy[path[0]] = _with(document[path[0]], path[1:], value)
    return copy
