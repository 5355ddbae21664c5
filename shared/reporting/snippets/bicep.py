"""The equivalent Bicep text of a change. What a template cannot say gets a comment instead of a resource.

Sources: https://learn.microsoft.com/azure/azure-resource-manager/bicep/data-types#strings,
https://learn.microsoft.com/azure/templates/microsoft.network/privatednszones,
https://learn.microsoft.com/azure/templates/microsoft.network/privateendpoints/privatednszonegroups
and https://learn.microsoft.com/azure/templates/microsoft.keyvault/vaults.
"""

from __future__ import annotations

from typing import Final, assert_never

from shared.domain.arm_id import A_RECORD, ENDPOINT, LINK, VAULT, ZONE, ZONE_GROUP, ArmId
from shared.domain.change import (
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
from shared.reporting.snippets import arm
from shared.reporting.snippets.arm import NETWORK_API, VAULTS_API, ZONES_API, Object
from shared.reporting.snippets.layout import Layout

_DELETE: Final = "// A Bicep deployment deletes nothing: use the Azure CLI, and take the resource out of its template."
_DECIDE: Final = "// A connection is approved or rejected by an action, not by a template: use the Azure CLI."
_PART: Final = "// A part: merge it into the template that declares the whole vault. Alone it is refused."
_TAGS: Final = "// Add the tags that the link has: a deployment takes away the tags that it does not name."
# Words of the language: as bare keys not every parser takes them for names.
_WORDS: Final = frozenset(
    {
        "true",
        "false",
        "null",
        "if",
        "for",
        "in",
        "using",
        "import",
        "existing",
        "module",
        "param",
        "resource",
        "var",
        "output",
    }
)


def text(change: Change) -> str:
    """The template, or the comment. Raises Unsayable."""
    match change:
        case CreateRecord():
            properties = arm.record_properties(change.addresses, change.ttl, arm.created_metadata(change))
            return _record(change.target, properties)
        case UpdateRecord():
            properties = arm.record_properties(change.addresses, change.ttl, arm.updated_metadata(change))
            return _record(change.target, properties)
        case CreateLink():
            return _link(change.target, arm.link_properties(change.network, False, change.resolution_policy))
        case SetLinkRegistration(before=link):
            properties = arm.link_properties(link.network, change.enabled, link.resolution_policy)
            return f"{_TAGS}\n{_link(link.id, properties)}"
        case CreateZone(zone=zone):
            body: Object = {"location": "global", "tags": {**arm.OURS}}
            return _deployed(zone, _resource("zone", ZONE, ZONES_API, zone.name, body))
        case CreateZoneGroup(zone=zone):
            return _zone_group(change.target, arm.group_properties((zone,)))
        case RefreshZoneGroup(group=group):
            return _zone_group(group.id, arm.group_properties(group.zones))
        case PointZoneGroup():
            return _zone_group(change.target, arm.group_properties(arm.pointed_zones(change)))
        case SetPublicAccess(vault=vault):
            return _vault(vault, {"publicNetworkAccess": arm.known_access(change.after)})
        case SetNetworkAcl(vault=vault):
            return _vault(vault, {"networkAcls": arm.acl_members(change.after)})
        case ApproveConnection() | RejectConnection():
            return _DECIDE
        case DeleteRecord() | DeleteLink() | DeleteZone() | DeleteZoneGroup() | DeleteEndpoint() | DeleteConnection():
            return _DELETE
        case _:
            assert_never(change)


def literal(value: str) -> str:
    r"""A string in single quotes, in which nothing is an expression.

    A quote gets a backslash. What cannot be seen is written ``\u{..}``, and so are a backslash and ``$`` before ``{``:
    unlike ``\\`` and ``\${`` these mean the same to every reader, whatever stands next to them.
    """
    escaped = "".join(map(_escaped, arm.encodable(value))).replace("${", "\\u{24}{")
    return f"'{escaped}'"


def _escaped(character: str) -> str:
    if character == "'":
        return "\\'"
    return f"\\u{{{ord(character):x}}}" if character == "\\" or arm.invisible(character) else character


def _record(record: ArmId, properties: Object) -> str:
    zone = _existing("zone", ZONE, ZONES_API, record.names[0])
    body: Object = {"properties": properties}
    return _deployed(record, zone, _resource("record", A_RECORD, ZONES_API, record.name, body, "zone"))


def _link(link: ArmId, properties: Object) -> str:
    zone = _existing("zone", ZONE, ZONES_API, link.names[0])
    body: Object = {"location": "global", "properties": properties}
    return _deployed(link, zone, _resource("link", LINK, ZONES_API, link.name, body, "zone"))


def _zone_group(group: ArmId, properties: Object) -> str:
    endpoint = _existing("endpoint", ENDPOINT, NETWORK_API, group.names[0])
    body: Object = {"properties": properties}
    return _deployed(group, endpoint, _resource("group", ZONE_GROUP, NETWORK_API, group.name, body, "endpoint"))


def _vault(vault: ArmId, properties: Object) -> str:
    resource = _resource("vault", VAULT, VAULTS_API, vault.name, {"properties": properties})
    return f"{_PART}\n{resource}"


def _deployed(target: ArmId, *resources: str) -> str:
    # Both were matched against grammars that know no line break.
    where = f"// Deploy to resource group {target.resource_group} of subscription {target.subscription}.\n"
    return where + "\n\n".join(resources)


def _existing(symbol: str, kind: str, version: str, name: str) -> str:
    return f"resource {symbol} '{kind}@{version}' existing = {_LAYOUT.text({'name': name})}"


def _resource(symbol: str, kind: str, version: str, name: str, body: Object, parent: str = "") -> str:
    above: Object = {"parent": arm.Reference(parent)} if parent else {}
    return f"resource {symbol} '{kind}@{version}' = {_LAYOUT.text({**above, 'name': name, **body})}"


_LAYOUT: Final = Layout(literal, _WORDS, between=": ", behind="")
