"""Looks at Azure, one per switch: what a client sees that the switch changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.emulator.arm.estate import (
    ENDPOINT,
    GROUP,
    LINK,
    NETWORK,
    RECORD,
    SUBNET,
    SUBSCRIPTION_ID,
    VAULT,
    ZONE,
    ZONE_GROUP,
    endpoint_body,
    link_body,
    record_body,
    vault_body,
    zone_group_body,
)
from tests.emulator.arm.inprocess import Local

Look = Callable[[Local], Any]
MISSING = "missing"
CONNECTIONS = f"{VAULT}/privateEndpointConnections"
DENY = {"bypass": "None", "defaultAction": "Deny"}
HEX, GUID = 32, 36


def _connection(local: Local) -> Any:
    [connection] = local.get(CONNECTIONS)["value"]
    return connection


def _decide(local: Local, status: str = "Approved") -> None:
    body = {"properties": {"privateLinkServiceConnectionState": {"status": status}}}
    local.put(_connection(local)["id"], body)


def _member(body: Any, *path: str) -> Any:
    for name in path:
        if name not in body:
            return MISSING
        body = body[name]
    return body


def _quoted(reply_etag: Any, header: str) -> bool:
    assert reply_etag == header
    return bool(reply_etag.startswith('"') and reply_etag.endswith('"'))


def dns_etags(local: Local) -> Any:
    local.estate.zone()
    local.put(RECORD, record_body("10.1.0.4"))
    record, zone = local.call("GET", RECORD), local.call("GET", ZONE)
    seen = {_quoted(reply.body["etag"], reply.headers["ETag"]) for reply in (record, zone)}
    [listed] = [row for row in local.get(f"{ZONE}/A")["value"] if row["name"] == "kv-orders"]
    return {*seen, listed["etag"].startswith('"')}


def link_etags(local: Local) -> Any:
    local.estate.everything()
    link = local.call("GET", LINK)
    return _quoted(link.body["etag"], link.headers["ETag"])


def nested_connection_etag(local: Local) -> Any:
    local.estate.endpoint(manual=True)
    _decide(local)
    [nested] = local.get(VAULT)["properties"]["privateEndpointConnections"]
    return "etag" in nested, "etag" in _connection(local)


def connection_etag_after_decision(local: Local) -> Any:
    local.estate.endpoint(manual=True)
    before = "etag" in _connection(local)
    _decide(local)
    return before, "etag" in _connection(local)


def custom_dns_configs(local: Local) -> Any:
    local.estate.everything()
    return len(local.get(ENDPOINT)["properties"]["customDnsConfigs"])


def unset_network_acls(local: Local) -> Any:
    local.estate.vault()
    return _member(local.get(VAULT), "properties", "networkAcls")


def unset_network_rules(local: Local) -> Any:
    local.estate.vault(networkAcls=DENY)
    acls = local.get(VAULT)["properties"]["networkAcls"]
    return _member(acls, "ipRules"), _member(acls, "virtualNetworkRules")


def unset_vault_connections(local: Local) -> Any:
    local.estate.vault()
    return _member(local.get(VAULT), "properties", "privateEndpointConnections")


def unset_rbac_authorization(local: Local) -> Any:
    local.estate.vault()
    return _member(local.get(VAULT), "properties", "enableRbacAuthorization")


def unset_description(local: Local) -> Any:
    local.estate.endpoint()
    [nested] = local.get(VAULT)["properties"]["privateEndpointConnections"]
    path = ("properties", "privateLinkServiceConnectionState", "description")
    return _member(_connection(local), *path), _member(nested, *path)


def unset_metadata(local: Local) -> Any:
    local.estate.zone()
    local.put(RECORD, record_body("10.1.0.4"))
    return _member(local.get(RECORD), "properties", "metadata")


def unset_tags(local: Local) -> Any:
    local.estate.everything()
    return tuple(_member(local.get(path), "tags") for path in (VAULT, ZONE, LINK))


def unset_custom_dns_configs(local: Local) -> Any:
    local.estate.everything()
    return _member(local.get(ENDPOINT), "properties", "customDnsConfigs")


def unset_record_sets(local: Local) -> Any:
    local.estate.endpoint()
    local.estate.zone()
    [config] = local.put(ZONE_GROUP, zone_group_body()).body["properties"]["privateDnsZoneConfigs"]
    return _member(config, "properties", "recordSets")


def unset_resolution_policy(local: Local) -> Any:
    local.estate.everything()
    return _member(local.get(LINK), "properties", "resolutionPolicy")


def last_next_link(local: Local) -> Any:
    local.estate.everything()
    vaults = local.get(f"{SUBSCRIPTION_ID}/providers/Microsoft.KeyVault/vaults")
    return _member(vaults, "nextLink"), _member(local.get(f"{ZONE}/A"), "nextLink")


def public_network_access(local: Local) -> Any:
    local.estate.vault(publicNetworkAccess="Disabled")
    return local.get(VAULT)["properties"]["publicNetworkAccess"]


def rule_ids(local: Local) -> Any:
    local.estate.vault(networkAcls={**DENY, "virtualNetworkRules": [{"id": SUBNET}]})
    [rule] = local.get(VAULT)["properties"]["networkAcls"]["virtualNetworkRules"]
    return rule["id"]


def _group_and_names(target: str) -> tuple[bool, bool]:
    """Whether group and last name are upper-cased, and whether the type still has its own case."""
    parts = target.split("/")
    return parts[4].isupper() and parts[-1].isupper(), not parts[-2].isupper()


def subnet_members(local: Local) -> Any:
    local.estate.endpoint()
    properties = local.get(SUBNET)["properties"]
    shown = {_group_and_names(properties[name][0]["id"]) for name in ("privateEndpoints", "ipConfigurations")}
    return shown.pop() if len(shown) == 1 else shown


def endpoint_references(local: Local) -> Any:
    local.estate.endpoint()
    properties = local.get(ENDPOINT)["properties"]
    shown = {_group_and_names(properties["subnet"]["id"]), _group_and_names(properties["networkInterfaces"][0]["id"])}
    return shown.pop() if len(shown) == 1 else shown


def connection_references(local: Local) -> Any:
    local.estate.endpoint()
    return _group_and_names(_connection(local)["properties"]["privateEndpoint"]["id"])


def link_references(local: Local) -> Any:
    local.estate.everything()
    return local.get(LINK)["properties"]["virtualNetwork"]["id"]


def _interface(local: Local) -> Any:
    local.estate.endpoint()
    target = local.get(ENDPOINT)["properties"]["networkInterfaces"][0]["id"]
    [item] = local.get(target)["properties"]["ipConfigurations"]
    return item["properties"]


def interface_link_properties(local: Local) -> Any:
    return "privateLinkConnectionProperties" in _interface(local)


def vault_member_name(local: Local) -> Any:
    return _interface(local)["privateLinkConnectionProperties"]["requiredMemberName"]


def key_vault_dns_suffix(local: Local) -> Any:
    local.estate.vault()
    return local.get(VAULT)["properties"]["vaultUri"]


def strict_etag(local: Local) -> Any:
    """What If-Match with the bare etag and with the quoted one are answered."""
    local.estate.zone()
    local.put(RECORD, record_body("10.1.0.4"))
    bare = local.get(RECORD)["etag"].strip('"')
    quoted = local.put(RECORD, record_body("10.1.0.5"), if_match=f'"{bare}"').status
    if quoted == 200:
        bare = local.get(RECORD)["etag"].strip('"')
    return local.put(RECORD, record_body("10.1.0.6"), if_match=bare).status, quoted


def body_etag_enforced(local: Local) -> Any:
    local.estate.zone()
    local.put(RECORD, record_body("10.1.0.4"))
    stale = local.put(RECORD, {**record_body("10.1.0.5"), "etag": "another"}).status
    fresh = local.put(RECORD, {**record_body("10.1.0.5"), "etag": local.get(RECORD)["etag"]}).status
    return stale, fresh


def omitted_network_acls(local: Local) -> Any:
    """Bypass and rules after a PATCH that names the default action only, and after a PUT that names nothing."""
    local.estate.vault(networkAcls={**DENY, "ipRules": [{"value": "203.0.113.7/32"}]})
    local.call("PATCH", VAULT, {"properties": {"networkAcls": {"defaultAction": "Deny"}}})
    patched = local.get(VAULT)["properties"]["networkAcls"]
    local.put(VAULT, vault_body())
    return patched["bypass"], len(patched["ipRules"]), "networkAcls" in local.get(VAULT)["properties"]


def connection_delete_answer(local: Local) -> Any:
    local.estate.endpoint()
    target = _connection(local)["id"]
    local.events.clear()
    answer = local.delete(target)
    gone = local.call("GET", target).status == 404
    again = local.delete(target).status
    local.later(15)
    told = [event.kind for event in local.events if event.resource_id == target]
    assert local.call("GET", target).status == 404
    return answer.status, "Location" in answer.headers, gone, again, told


def connection_removed_with_endpoint(local: Local) -> Any:
    local.estate.endpoint()
    local.estate.delete(ENDPOINT)
    rows = local.get(CONNECTIONS)["value"]
    return [row["properties"]["privateLinkServiceConnectionState"]["status"] for row in rows]


def lost_connection_state(local: Local) -> Any:
    local.estate.endpoint()
    local.estate.delete(ENDPOINT)
    return _connection(local)["properties"]["provisioningState"]


def zone_group_withdraws(local: Local) -> Any:
    local.estate.everything()
    local.estate.put(RECORD, record_body("10.9.9.9"))
    local.estate.delete(ZONE_GROUP)
    return local.call("GET", RECORD).status


def link_needs_network_join(local: Local) -> Any:
    local.estate.network()
    local.estate.zone()
    local.service.world.access.deny("linker", "Microsoft.Network/virtualNetworks/join")
    return local.put(LINK, link_body(), who="linker").status


def network_conflicts(local: Local) -> Any:
    local.estate.endpoint()
    local.estate.zone()
    local.put(ENDPOINT, endpoint_body())
    return local.put(ZONE_GROUP, zone_group_body()).status


def operation_seconds(local: Local) -> Any:
    local.estate.network()
    local.estate.zone()
    local.put(LINK, link_body())
    local.later(30)
    after_30 = local.get(LINK)["properties"]["virtualNetworkLinkState"]
    local.later(46)
    return after_30, local.get(LINK)["properties"]["virtualNetworkLinkState"]


def lagging(change: Callable[[Local], None], look: Callable[[Local], Any]) -> Look:
    """What reads show before a change, right after it, 9 s and 10 s after it."""

    def seen(local: Local) -> Any:
        before = look(local)
        change(local)
        local.service.settle()
        at_once = look(local)
        local.later(9)
        later = look(local)
        local.later(1)
        finally_ = look(local)
        assert finally_ != before
        return at_once != before, later != before

    return seen


def prepared(build: Callable[[Local], None], look: Look) -> Look:
    def seen(local: Local) -> Any:
        build(local)
        local.service.settle()
        return look(local)

    return seen


def deleted(path: str, seconds: float) -> Callable[[Local], None]:
    """Delete, and let the operation end."""

    def change(local: Local) -> None:
        assert local.delete(path).status in (200, 202)
        local.later(seconds)

    return change


def status_of(path: str) -> Look:
    return lambda local: local.call("GET", path).status


def everything(local: Local) -> None:
    local.estate.everything()


def tags(local: Local) -> None:
    local.call("PATCH", VAULT, {"tags": {"a": "b"}})


def tag_zone(local: Local) -> None:
    local.put(ZONE, {"tags": {"a": "b"}})


def add_subnet(local: Local) -> None:
    local.put(f"{NETWORK}/subnets/second", {"properties": {"addressPrefix": "10.1.1.0/24"}})


def reject(local: Local) -> None:
    body = {"properties": {"privateLinkServiceConnectionState": {"status": "Rejected"}}}
    rows = local.service.world.store.all()
    [target] = [row.id.text for row in rows if row.id.type.endswith("/privateEndpointConnections")]
    local.put(target, body)


def nested_status(local: Local) -> Any:
    vault = local.get(VAULT)
    [row] = vault["properties"]["privateEndpointConnections"]
    own = _connection(local)
    states = [item["properties"]["privateLinkServiceConnectionState"]["status"] for item in (row, own)]
    assert states[0] == states[1]
    return states[0]


def interfaces(local: Local) -> Any:
    return len(local.get(f"{GROUP}/providers/Microsoft.Network/networkInterfaces")["value"])


def events_at_start(local: Local) -> Any:
    local.estate.network()
    local.estate.vault()
    local.put(ENDPOINT, endpoint_body())
    return len(local.events)


def own_write_events(local: Local) -> Any:
    """What Azure tells of its own while an endpoint and a zone group come and go."""
    local.estate.network()
    local.estate.vault()
    local.estate.zone()
    local.put(ENDPOINT, endpoint_body())
    local.later(40)
    local.put(ZONE_GROUP, zone_group_body())
    local.put(LINK, link_body())
    local.later(30)
    local.delete(ENDPOINT)
    local.later(13)
    own = [event for event in local.events if event.principal.name == "azure-resource-provider"]
    return {(event.operation_name.rsplit("/", 2)[-2], event.kind) for event in own}


def deployment_events(local: Local) -> Any:
    local.estate.zone()
    local.put(RECORD, record_body("10.1.0.4"))
    assert len({event.correlation_id for event in local.events}) == 1
    return [event.operation_name for event in local.events]


def operation_name(local: Local) -> Any:
    local.estate.zone()
    local.put(RECORD, record_body("10.1.0.4"))
    return local.events[0].operation_name


def throttling(local: Local) -> Any:
    statuses = [local.call("GET", SUBSCRIPTION_ID).status for _ in range(252)]
    return statuses.count(200), statuses.count(429)


def throttle_code(local: Local) -> Any:
    for _ in range(250):
        local.call("GET", SUBSCRIPTION_ID)
    return local.call("GET", SUBSCRIPTION_ID).body["error"]["code"]


def _two_vaults(local: Local) -> Any:
    local.estate.vault()
    local.estate.put(VAULT.replace("Kv-Orders", "kv-second"), vault_body())
    first = local.get(f"{SUBSCRIPTION_ID}/providers/Microsoft.KeyVault/vaults?$top=2")
    return len(first["value"]), first["nextLink"] is not None


def page_size(local: Local) -> Any:
    return _two_vaults(local)[0]


def empty_last_page(local: Local) -> Any:
    return _two_vaults(local)[1]


def record_page_size(local: Local) -> Any:
    local.estate.zone()
    for name in ("a", "b"):
        local.put(f"{ZONE}/A/{name}", record_body("10.1.0.4"))
    return len(local.get(f"{ZONE}/A")["value"])
