"""The equivalent Azure CLI text of a change, for a POSIX shell: one command a line, joined so that a failure ends it.

Where ``az`` has no exact way (a precondition, a whole record set at once, one property) it is ``az rest``, which sends
what kvguard would. Values come from Azure and are untrusted: each word is quoted for the shell, each value is bound to
its option by ``=``, and a value to which ``az`` itself gives a meaning gets no command.
Sources: https://learn.microsoft.com/cli/azure/network/private-dns,
https://learn.microsoft.com/cli/azure/network/private-endpoint,
https://learn.microsoft.com/cli/azure/network/private-endpoint-connection,
https://learn.microsoft.com/cli/azure/keyvault and https://learn.microsoft.com/cli/azure/reference-index#az-rest.
"""

from __future__ import annotations

import ipaddress
import json
import shlex
from typing import Final, assert_never

from shared.domain.arm_id import ArmId
from shared.domain.change import (
    MANAGED_BY,
    OWNER,
    ApproveConnection,
    Change,
    CreateLink,
    CreateRecord,
    CreateZone,
    CreateZoneGroup,
    DeleteConnection,
    DeleteEndpoint,
    DeleteLink,
    DeleteRecord,
    DeleteZone,
    DeleteZoneGroup,
    PointZoneGroup,
    RefreshZoneGroup,
    RejectConnection,
    SetLinkRegistration,
    SetNetworkAcl,
    SetPublicAccess,
    UpdateRecord,
)
from shared.domain.vault import NetworkAcl, PublicAccess
from shared.reporting.snippets import arm
from shared.reporting.snippets.arm import NETWORK_API, VAULTS_API, ZONES_API, Object, Unsayable

Command = tuple[str, ...]

_RECORD: Final = ("az", "network", "private-dns", "record-set", "a")
_LINK: Final = ("az", "network", "private-dns", "link", "vnet")
_ZONE: Final = ("az", "network", "private-dns", "zone")
_ENDPOINT: Final = ("az", "network", "private-endpoint")
_CONNECTION: Final = ("az", "network", "private-endpoint-connection")
_VAULT: Final = ("az", "keyvault")
# The values that the options of ``az keyvault`` take.
_BYPASS: Final = {"azureservices": "AzureServices", "none": "None"}
# MAX_ARG_STRLEN of Linux: 32 pages, the final zero among them.
_LONGEST_WORD: Final = 128 * 1024
_MARK: Final = f"{MANAGED_BY}={OWNER}"


def text(change: Change) -> str:
    """The commands as shell text. Raises Unsayable."""
    found = commands(change)
    if any(len(word.encode()) >= _LONGEST_WORD for command in found for word in command):
        raise Unsayable("The firewall is too long for a command line.")
    return " &&\n".join(shlex.join(command) for command in found)


def commands(change: Change) -> tuple[Command, ...]:
    """The words of each command, in order; each is for after the one before it has succeeded. Raises Unsayable."""
    match change:
        case CreateRecord():
            return _create_record(change)
        case UpdateRecord(before=before):
            properties = arm.record_properties(change.addresses, change.ttl, arm.updated_metadata(change))
            # az's own commands write addresses one by one, with an answer in between that is neither old nor new.
            return (_rest("put", before.id, ZONES_API, {"properties": properties}, {"If-Match": before.etag or "*"}),)
        case DeleteRecord(before=before):
            # az's own command has no precondition.
            return (_rest("delete", before.id, ZONES_API, None, {"If-Match": before.etag or "*"}),)
        case CreateLink():
            policy = arm.known_policy(change.resolution_policy)
            options = [_option("virtual-network", change.network.text), "--registration-enabled=false"]
            return ((*_LINK, "create", *_child(change.target), *options, f"--resolution-policy={policy}"),)
        case DeleteLink(before=link):
            return ((*_LINK, "delete", *_child(link.id), "--yes"),)
        case SetLinkRegistration(before=link):
            # Older versions of az write the whole link with an API version that knows no resolution policy.
            return (_rest("patch", link.id, ZONES_API, {"properties": {"registrationEnabled": change.enabled}}),)
        case CreateZone(zone=zone):
            return ((*_ZONE, "create", *_top(zone), f"--tags={_MARK}"),)
        case DeleteZone(zone=zone):
            return ((*_ZONE, "delete", *_top(zone), "--yes"),)
        case CreateZoneGroup(zone=zone):
            into = [_option("private-dns-zone", zone.text), _option("zone-name", arm.config_name(zone))]
            return ((*_ENDPOINT, "dns-zone-group", "create", *_group(change.target), *into),)
        case DeleteZoneGroup(before=group):
            return ((*_ENDPOINT, "dns-zone-group", "delete", *_group(group.id)),)
        case RefreshZoneGroup(group=group):
            return (_rest("put", group.id, NETWORK_API, {"properties": arm.group_properties(group.zones)}),)
        case PointZoneGroup():
            # az can only remove one zone and add the other, with no record in between.
            properties = arm.group_properties(arm.pointed_zones(change))
            return (_rest("put", change.target, NETWORK_API, {"properties": properties}),)
        case DeleteEndpoint(before=endpoint):
            return ((*_ENDPOINT, "delete", *_top(endpoint.id)),)
        case ApproveConnection(before=connection):
            return ((*_CONNECTION, "approve", _option("id", connection.id.text)),)
        case RejectConnection(before=connection):
            return ((*_CONNECTION, "reject", _option("id", connection.id.text)),)
        case DeleteConnection(before=connection):
            return ((*_CONNECTION, "delete", _option("id", connection.id.text), "--yes"),)
        case SetPublicAccess(vault=vault):
            access = arm.known_access(change.after)
            if change.after is PublicAccess.SECURED_BY_PERIMETER:
                return (_rest("patch", vault, VAULTS_API, {"properties": {"publicNetworkAccess": access}}),)
            return ((*_VAULT, "update", *_top(vault), f"--public-network-access={access}"),)
        case SetNetworkAcl():
            return (_set_network_acl(change),)
        case _:
            assert_never(change)


def _create_record(change: CreateRecord) -> tuple[Command, ...]:
    """``create`` refuses a set that exists; metadata of others is written as JSON, in one request with the rest."""
    if change.metadata is not None:
        properties = arm.record_properties(change.addresses, change.ttl, change.metadata)
        return (_rest("put", change.target, ZONES_API, {"properties": properties}, {"If-None-Match": "*"}),)
    create = (*_RECORD, "create", *_child(change.target), f"--ttl={change.ttl}", f"--metadata={_MARK}")
    where = _child(change.target, "record-set-name")
    adds = ((*_RECORD, "add-record", *where, _option("ipv4-address", address)) for address in change.addresses)
    return (create, *adds)


def _set_network_acl(change: SetNetworkAcl) -> Command:
    """The command of ``az keyvault`` for one rule, or for action and bypass; the whole firewall for all else."""
    vault, before, after = change.vault, change.before, change.after
    whole = _rest("patch", vault, VAULTS_API, {"properties": {"networkAcls": arm.acl_members(after)}})
    if before is None:
        return whole
    if (before.default_action, before.bypass) == (after.default_action, after.bypass):
        return _one_rule(vault, before, after) or whole
    bypass = _BYPASS.get(after.bypass.casefold())
    if (before.ip_rules, before.network_rules) != (after.ip_rules, after.network_rules) or bypass is None:
        return whole
    options = []
    if before.default_action is not after.default_action:
        options.append(f"--default-action={after.default_action.value}")
    if before.bypass != after.bypass:
        options.append(f"--bypass={bypass}")
    return (*_VAULT, "update", *_top(vault), *options)


def _one_rule(vault: ArmId, before: NetworkAcl, after: NetworkAcl) -> Command | None:
    """The command for the one rule that came or went, None where it is another number or no address range."""
    ranges = sorted({*before.ip_rules} ^ {*after.ip_rules})
    subnets = sorted({*before.network_rules} ^ {*after.network_rules})
    if len(ranges) + len(subnets) != 1:
        return None
    if subnets:
        verb = "remove" if subnets[0] in before.network_rules else "add"
        return (*_VAULT, "network-rule", verb, *_top(vault), _option("subnet", subnets[0].text))
    if not _is_range(ranges[0]):
        return None
    verb = "remove" if ranges[0] in before.ip_rules else "add"
    return (*_VAULT, "network-rule", verb, *_top(vault), _option("ip-address", ranges[0]))


def _is_range(rule: str) -> bool:
    try:
        ipaddress.ip_network(rule, strict=False)
    except ValueError:
        return False
    return True


def _rest(
    method: str, resource: ArmId, version: str, body: Object | None, headers: dict[str, str] | None = None
) -> Command:
    """One request. Names are encoded in the path and texts in JSON, so no value has a meaning for shell or az."""
    words = ["az", "rest", f"--method={method}", f"--url={arm.path(resource, version)}"]
    if headers is not None:
        words.append(f"--headers={json.dumps(headers)}")
    if body is not None:
        words.append(f"--body={json.dumps(body)}")
    return tuple(words)


def _top(resource: ArmId) -> Command:
    return (_option("name", resource.name), *_group_of(resource))


def _child(resource: ArmId, name: str = "name") -> Command:
    return (_option(name, resource.name), _option("zone-name", resource.names[0]), *_group_of(resource))


def _group(resource: ArmId) -> Command:
    return (_option("name", resource.name), _option("endpoint-name", resource.names[0]), *_group_of(resource))


def _group_of(resource: ArmId) -> Command:
    return (
        _option("resource-group", resource.resource_group),
        _option("subscription", resource.subscription),
    )


def _option(name: str, value: str) -> str:
    """An option with its value. Raises Unsayable for a value that ``az`` would not take as it stands.

    ``az`` puts a file in place of a value ``@path``, unwraps single quotes, and knows ``null`` and ``??``.
    Source: https://learn.microsoft.com/cli/azure/use-azure-cli-successfully-quoting
    and https://github.com/Azure/azure-cli/blob/dev/doc/shorthand_syntax.md
    """
    if any(map(arm.invisible, value)):
        raise Unsayable("A name holds a character that cannot be seen, so no command line is given.")
    if (value.startswith("@") and value != "@") or value.startswith("'") or value in ("", "null", "??"):
        raise Unsayable("A name has a meaning of its own for az, so no command line is given.")
    return f"--{name}={value}"
