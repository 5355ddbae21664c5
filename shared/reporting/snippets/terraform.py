"""The equivalent Terraform text of a change: azurerm where it has the resource, azapi for a part of one.

``azapi_update_resource`` reads the resource and writes it back with the members of ``body`` put in place. What exists
already and is declared whole gets an ``import`` block (Terraform 1.5). What Terraform cannot say gets a comment.
Sources: https://developer.hashicorp.com/terraform/language/expressions/strings,
https://registry.terraform.io/providers/hashicorp/azurerm/latest/docs/resources/private_dns_a_record
and https://registry.terraform.io/providers/Azure/azapi/latest/docs/resources/update_resource.
"""

from __future__ import annotations

from typing import Final, assert_never

from shared.domain.arm_id import LINK as LINK_TYPE
from shared.domain.arm_id import VAULT, ZONE_GROUP, ArmId
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

_DELETE: Final = "# Terraform deletes what leaves its configuration: take the resource out of it, or use the Azure CLI."
_DECIDE: Final = "# Terraform has no resource that approves or rejects a connection: use the Azure CLI."
_AGAIN: Final = "# Terraform does not write again what has not changed: use the Azure CLI."
# Words of the language, which are values and loops as bare keys.
_WORDS: Final = frozenset({"true", "false", "null", "if", "for", "in", "else", "endif", "endfor"})


def text(change: Change) -> str:
    """The configuration, or the comment. Raises Unsayable."""
    match change:
        case CreateRecord():
            record = _record(change.target, change.addresses, change.ttl, {**arm.created_metadata(change)})
            return _of(change.target, record)
        case UpdateRecord():
            imported = _block(
                "import", {"to": arm.Reference("azurerm_private_dns_a_record.kvguard"), "id": change.target.text}
            )
            record = _record(change.target, change.addresses, change.ttl, {**arm.updated_metadata(change)})
            return _of(change.target, f"{imported}\n\n{record}")
        case CreateLink():
            link: Object = {
                "name": change.name,
                "resource_group_name": change.zone.resource_group,
                "private_dns_zone_name": change.zone.name,
                "virtual_network_id": change.network.text,
                "registration_enabled": False,
                "resolution_policy": arm.known_policy(change.resolution_policy),
            }
            return _of(change.zone, _resource("azurerm_private_dns_zone_virtual_network_link", link))
        case SetLinkRegistration(before=before):
            return _update(before.id, LINK_TYPE, ZONES_API, {"registrationEnabled": change.enabled})
        case CreateZone(zone=zone):
            body: Object = {"name": zone.name, "resource_group_name": zone.resource_group, "tags": {**arm.OURS}}
            return _of(zone, _resource("azurerm_private_dns_zone", body))
        case CreateZoneGroup(zone=zone, endpoint=endpoint):
            # azurerm has zone groups only inside a private endpoint that it declares whole.
            group: Object = {
                "type": f"{ZONE_GROUP}@{NETWORK_API}",
                "name": change.name,
                "parent_id": endpoint.id.text,
                "body": {"properties": arm.group_properties((zone,))},
            }
            return _resource("azapi_resource", group)
        case PointZoneGroup():
            properties = arm.group_properties(arm.pointed_zones(change))
            return _update(change.target, ZONE_GROUP, NETWORK_API, properties)
        case SetPublicAccess(vault=vault):
            return _update(vault, VAULT, VAULTS_API, {"publicNetworkAccess": arm.known_access(change.after)})
        case SetNetworkAcl(vault=vault):
            members = arm.changed_acl_members(change.before, change.after)
            return _update(vault, VAULT, VAULTS_API, {"networkAcls": members})
        case RefreshZoneGroup():
            return _AGAIN
        case ApproveConnection() | RejectConnection():
            return _DECIDE
        case DeleteRecord() | DeleteLink() | DeleteZone() | DeleteZoneGroup() | DeleteEndpoint() | DeleteConnection():
            return _DELETE
        case _:
            assert_never(change)


def literal(value: str) -> str:
    r"""A string in double quotes, in which nothing is a template.

    ``$`` before ``{`` and ``%`` before ``{`` are written ``\u0024`` and ``\u0025``: unlike ``$${`` this means the same
    whatever stands before it. What cannot be seen is written ``\uNNNN`` or ``\UNNNNNNNN``.
    """
    escaped = "".join(map(_escaped, arm.encodable(value)))
    return '"' + escaped.replace("${", "\\u0024{").replace("%{", "\\u0025{") + '"'


def _escaped(character: str) -> str:
    if character in '\\"':
        return f"\\{character}"
    if not arm.invisible(character):
        return character
    return f"\\u{ord(character):04x}" if ord(character) <= 0xFFFF else f"\\U{ord(character):08x}"


def _record(record: ArmId, addresses: tuple[str, ...], ttl: int, metadata: Object) -> str:
    return _resource(
        "azurerm_private_dns_a_record",
        {
            "name": record.name,
            "zone_name": record.names[0],
            "resource_group_name": record.resource_group,
            "ttl": ttl,
            "records": [*addresses],
            # azurerm writes its tags of a record set as Azure's metadata.
            "tags": metadata,
        },
    )


def _update(resource: ArmId, kind: str, version: str, properties: Object) -> str:
    return _resource(
        "azapi_update_resource",
        {"type": f"{kind}@{version}", "resource_id": resource.text, "body": {"properties": properties}},
    )


def _of(target: ArmId, text: str) -> str:
    # It was matched against the grammar of subscription ids, which knows no line break.
    return f"# For a provider of subscription {target.subscription}.\n{text}"


def _resource(kind: str, body: Object) -> str:
    return _block(f'resource "{kind}" "kvguard"', body)


def _block(head: str, body: Object) -> str:
    return f"{head} {_LAYOUT.text(body)}"


_LAYOUT: Final = Layout(literal, _WORDS, between=" = ", behind=",")
