"""Identifiers of Azure Resource Manager (ARM) resources.

Azure returns the same id in several casings: private DNS lower-cases, subnets list their private endpoints with
upper-cased group and resource names. Ids are therefore kept as they were written and compared without case.
Source: https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

VAULT: Final = "Microsoft.KeyVault/vaults"
CONNECTION: Final = "Microsoft.KeyVault/vaults/privateEndpointConnections"
ENDPOINT: Final = "Microsoft.Network/privateEndpoints"
ZONE_GROUP: Final = "Microsoft.Network/privateEndpoints/privateDnsZoneGroups"
INTERFACE: Final = "Microsoft.Network/networkInterfaces"
NETWORK: Final = "Microsoft.Network/virtualNetworks"
PEERING: Final = "Microsoft.Network/virtualNetworks/virtualNetworkPeerings"
SUBNET: Final = "Microsoft.Network/virtualNetworks/subnets"
ZONE: Final = "Microsoft.Network/privateDnsZones"
LINK: Final = "Microsoft.Network/privateDnsZones/virtualNetworkLinks"
A_RECORD: Final = "Microsoft.Network/privateDnsZones/A"
CNAME: Final = "Microsoft.Network/privateDnsZones/CNAME"
SECURITY_GROUP: Final = "Microsoft.Network/networkSecurityGroups"
ROUTE_TABLE: Final = "Microsoft.Network/routeTables"

_SUBSCRIPTION = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")
_GROUP = re.compile(r"[-\w.()]{1,90}\Z")
_VAULT_NAME = re.compile(r"[A-Za-z](?:[A-Za-z0-9]|-(?!-)){1,22}[A-Za-z0-9]\Z")
_SEGMENT = re.compile(
    r"[^\x00-\x1f\x7f-\x9f\ud800-\udfff/?#%\\<>&\"\s][^\x00-\x1f\x7f-\x9f\ud800-\udfff/?#%\\<>&\"]{0,259}\Z"
)
_NAMESPACE = re.compile(r"[A-Za-z][A-Za-z0-9.]{0,79}\Z")


class InvalidArmId(ValueError):
    """The text is not the id of a resource inside a resource group."""


@dataclass(frozen=True, slots=True, eq=False)
class ArmId:
    """The id of one resource: ``/subscriptions/{id}/resourceGroups/{name}/providers/{namespace}/{type}/{name}...``.

    Two ids are equal when they differ only in case. ``text`` keeps the casing it was read in,
    ``key`` is the id in lower case: what equality, ordering and hashing use. Names of groups may hold any letter, and
    casefolding would make one of two: ``straße`` and ``strasse``.
    """

    text: str
    subscription: str
    resource_group: str
    namespace: str
    types: tuple[str, ...]
    names: tuple[str, ...]
    key: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        # Estates compare ids by the million.
        object.__setattr__(self, "key", self.text.lower())

    @classmethod
    def parse(cls, text: str) -> ArmId:
        """Parse an id. Raises InvalidArmId when a part is missing or breaks Azure's name grammar."""
        if len(text) > 2048:
            raise InvalidArmId("not a resource id")
        parts = text.rstrip("/").split("/")
        if len(parts) < 9 or len(parts) % 2 == 0 or parts[0]:
            raise InvalidArmId(f"not a resource id: {text[:200]!r}")
        if (parts[1].lower(), parts[3].lower(), parts[5].lower()) != ("subscriptions", "resourcegroups", "providers"):
            raise InvalidArmId(f"not a resource id: {text[:200]!r}")
        group = parts[4]
        if not is_subscription(parts[2]) or not is_resource_group(group) or not _NAMESPACE.match(parts[6]):
            raise InvalidArmId(f"not a resource id: {text[:200]!r}")
        types, names = tuple(parts[7::2]), tuple(parts[8::2])
        if not all(_NAMESPACE.match(kind) for kind in types) or not all(_SEGMENT.match(name) for name in names):
            raise InvalidArmId(f"not a resource id: {text[:200]!r}")
        return cls("/".join(parts), parts[2], group, parts[6], types, names)

    @classmethod
    def of(cls, subscription: str, group: str, resource_type: str, *names: str) -> ArmId:
        """Compose an id from its parts; ``resource_type`` is for example ``Microsoft.KeyVault/vaults``."""
        namespace, *types = resource_type.split("/")
        if len(types) != len(names):
            raise InvalidArmId(f"{resource_type} needs {len(types)} names, got {len(names)}")
        tail = "/".join(f"{kind}/{name}" for kind, name in zip(types, names, strict=True))
        return cls.parse(f"/subscriptions/{subscription}/resourceGroups/{group}/providers/{namespace}/{tail}")

    @property
    def name(self) -> str:
        """The last name of the id."""
        return self.names[-1]

    @property
    def type(self) -> str:
        """The full type as it was written, such as ``Microsoft.Network/privateDnsZones/A``."""
        return "/".join((self.namespace, *self.types))

    def is_a(self, resource_type: str) -> bool:
        """Whether this id is of the given full type, whatever the casing."""
        return self.type.casefold() == resource_type.casefold()

    @property
    def parent(self) -> ArmId:
        """The id one level up. Raises InvalidArmId for a top-level resource."""
        if len(self.names) == 1:
            raise InvalidArmId(f"{self.text} has no parent resource")
        return ArmId.parse(self.text.rsplit("/", 2)[0])

    def child(self, kind: str, name: str) -> ArmId:
        """The id of a child resource, for example ``child("A", "contoso")`` of a zone."""
        return ArmId.parse(f"{self.text}/{kind}/{name}")

    def within(self, scope: str) -> bool:
        """Whether this resource lies in ``scope``: a subscription, resource group or resource id, any casing."""
        prefix = scope.rstrip("/").lower()
        return self.key == prefix or self.key.startswith(prefix + "/")

    def __eq__(self, other: object) -> bool:
        return self.key == other.key if isinstance(other, ArmId) else NotImplemented

    def __lt__(self, other: ArmId) -> bool:
        return self.key < other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __str__(self) -> str:
        return self.text


def is_subscription(text: str) -> bool:
    """Whether the text is a subscription id (a GUID)."""
    return bool(_SUBSCRIPTION.match(text))


def is_resource_group(text: str) -> bool:
    """Whether the text is a resource group name: 1 to 90 word characters, ``-``, ``.``, ``(``, ``)``, no final dot."""
    return bool(_GROUP.match(text)) and not text.endswith(".")


def is_vault_name(text: str) -> bool:
    """Whether the text is a vault name: 3 to 24 letters, digits and single hyphens, first a letter, last no hyphen."""
    return bool(_VAULT_NAME.match(text))
