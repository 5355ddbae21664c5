"""A vault as Azure answers it: its doors, its private endpoint connections, its settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Final

from shared.domain.arm_id import ArmId
from shared.domain.reading import Part, Unread, UnreadReason


class PublicAccess(Enum):
    """``publicNetworkAccess`` of a vault, a free string in the API: any other value is UNKNOWN, never compliant.

    Absent means Enabled. Source: https://learn.microsoft.com/azure/key-vault/general/network-security
    """

    ENABLED = "Enabled"
    DISABLED = "Disabled"
    SECURED_BY_PERIMETER = "SecuredByPerimeter"
    UNKNOWN = "unknown"


class DefaultAction(Enum):
    """``networkAcls.defaultAction``: what happens to a caller that no rule names."""

    ALLOW = "Allow"
    DENY = "Deny"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class NetworkAcl:
    """The firewall of a vault. ``ip_rules`` are IPv4 addresses or CIDR ranges, ``network_rules`` subnet ids."""

    default_action: DefaultAction
    bypass: str
    ip_rules: tuple[str, ...] = ()
    network_rules: tuple[ArmId, ...] = ()


class ConnectionStatus(Enum):
    """``privateLinkServiceConnectionState.status``.

    Source: https://learn.microsoft.com/azure/private-link/private-endpoint-overview#private-link-resource
    """

    PENDING = "Pending"
    APPROVED = "Approved"
    REJECTED = "Rejected"
    DISCONNECTED = "Disconnected"
    UNKNOWN = "unknown"

    @property
    def dead(self) -> bool:
        """Whether no data can ever flow over the connection again."""
        return self in (ConnectionStatus.REJECTED, ConnectionStatus.DISCONNECTED)


@dataclass(frozen=True, slots=True)
class Connection:
    """A private endpoint connection as the vault sees it. Its name differs from the endpoint's."""

    id: ArmId
    status: ConnectionStatus
    provisioning_state: str
    endpoint: ArmId | None
    description: str = ""

    @property
    def effective(self) -> bool:
        """Approved and Succeeded: the only state in which the private path works for certain."""
        return self.status is ConnectionStatus.APPROVED and self.provisioning_state.casefold() == "succeeded"


class PerimeterMode(Enum):
    """Access mode of a network security perimeter association; ENFORCED overrides ``publicNetworkAccess``."""

    ENFORCED = "Enforced"
    TRANSITION = "Learning"
    AUDIT = "Audit"
    UNKNOWN = "unknown"


class Existence(Enum):
    """Whether a vault exists; SOFT_DELETED can be recovered with everything in it.

    Source: https://learn.microsoft.com/azure/key-vault/general/soft-delete-overview
    """

    EXISTS = "exists"
    SOFT_DELETED = "soft-deleted"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class AccessPolicy:
    """One entry of ``accessPolicies``: what a principal of a tenant may do. Permissions are in lower case."""

    principal: str
    tenant: str
    keys: frozenset[str] = frozenset()
    secrets: frozenset[str] = frozenset()
    certificates: frozenset[str] = frozenset()
    storage: frozenset[str] = frozenset()
    application: str = ""


@dataclass(frozen=True, slots=True)
class VaultSettings:
    """What a vault says of itself besides its network: the defaults are those of a vault as it should be.

    ``rbac`` is ``enableRbacAuthorization``: null on an existing vault means access policies. ``deployment``,
    ``disk_encryption`` and ``template_deployment`` are the ``enabledFor*`` flags. ``retention_days`` is how long a
    deleted vault can be recovered. ``soft_delete`` and ``retention_days`` are None where the vault does not say: its
    age decides then. Tag names keep their casing and are compared without it.
    Source: https://learn.microsoft.com/azure/key-vault/general/rbac-guide
    """

    rbac: bool = True
    soft_delete: bool | None = True
    purge_protection: bool = True
    retention_days: int | None = 90
    deployment: bool = False
    disk_encryption: bool = False
    template_deployment: bool = False
    tenant: str = ""
    tags: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    access_policies: tuple[AccessPolicy, ...] = ()

    def tag(self, name: str) -> str | None:
        """The value of a tag, whatever the casing of its name."""
        wanted = name.casefold()
        return next((value for known, value in self.tags.items() if known.casefold() == wanted), None)


@dataclass(frozen=True, slots=True)
class DiagnosticSetting:
    """A diagnostic setting of a vault. ``categories`` are the enabled log categories and category groups, lower case.

    Source: https://learn.microsoft.com/azure/key-vault/general/logging
    """

    id: ArmId
    categories: frozenset[str]
    workspace: ArmId | None = None
    storage: ArmId | None = None
    event_hub: bool = False


@dataclass(frozen=True, slots=True)
class RoleAssignment:
    """A role assignment that reaches the vault, with what its role allows on data. ``scope`` is an id or ``/``.

    Actions are as the role definition lists them, wildcards included, in lower case.
    Source: https://learn.microsoft.com/azure/role-based-access-control/role-definitions
    """

    principal: str
    role: str
    scope: str
    data_actions: frozenset[str] = frozenset()
    not_data_actions: frozenset[str] = frozenset()
    conditional: bool = False


_PERIMETERS: Final = Unread(UnreadReason.DEFERRED, "network security perimeter associations", Part.PERIMETER)
_DIAGNOSTICS: Final = Unread(UnreadReason.DEFERRED, "diagnostic settings", Part.DIAGNOSTICS)
_ROLES: Final = Unread(UnreadReason.DEFERRED, "role assignments", Part.ROLES)


@dataclass(frozen=True, slots=True)
class Vault:
    """A vault as ``GET`` and ``LIST`` return it, connections included."""

    id: ArmId
    location: str
    public_access: PublicAccess
    acl: NetworkAcl | None
    provisioning_state: str
    connections: tuple[Connection, ...]
    perimeters: tuple[PerimeterMode, ...] | Unread = _PERIMETERS
    settings: VaultSettings = field(default_factory=VaultSettings)
    diagnostics: tuple[DiagnosticSetting, ...] | Unread = _DIAGNOSTICS
    roles: tuple[RoleAssignment, ...] | Unread = _ROLES
    existence: Existence = Existence.EXISTS

    @property
    def name(self) -> str:
        """The vault's name, also the relative name of its record in the private zone (there in lower case)."""
        return self.id.name

    @property
    def record_name(self) -> str:
        """Relative name of the vault's A record; private DNS answers names in lower case."""
        return self.id.name.lower()

    @property
    def has_alias(self) -> bool:
        """Whether public DNS has the privatelink alias: with at least one Approved connection.

        Source: https://learn.microsoft.com/azure/key-vault/general/private-link-diagnostics
        """
        return any(connection.status is ConnectionStatus.APPROVED for connection in self.connections)

    @property
    def uses_zones(self) -> bool:
        """Whether private zones can matter to its clients: with a connection that is Approved, or may become it.

        Without one no alias leads to a private zone, now or after an approval.
        """
        return any(c.status in (ConnectionStatus.APPROVED, ConnectionStatus.PENDING) for c in self.connections)

    @property
    def effective_connections(self) -> tuple[Connection, ...]:
        """The connections that are Approved and Succeeded."""
        return tuple(connection for connection in self.connections if connection.effective)
