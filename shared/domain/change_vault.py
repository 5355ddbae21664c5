"""Changes of a vault: its private endpoint connections, public access and firewall."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from shared.domain.arm_id import ArmId
from shared.domain.change_base import Facts, Irreversible, Json, Keyed
from shared.domain.snapshot import VaultSnapshot
from shared.domain.vault import Connection, ConnectionStatus, NetworkAcl, PublicAccess

if TYPE_CHECKING:
    from shared.domain.change import Change


@dataclass(frozen=True, slots=True)
class _OnConnection(Keyed):
    """What changes of a connection have in common: the connection as it was read."""

    before: Connection

    @property
    def target(self) -> ArmId:
        return self.before.id

    @property
    def arguments(self) -> Facts:
        return {"status": self.before.status.value, "endpoint": _key(self.before.endpoint)}

    @property
    def precondition(self) -> str:
        return f"the connection is still {self.before.status.value} and names the same private endpoint"


@dataclass(frozen=True, slots=True)
class DeleteConnection(_OnConnection):
    """Delete a private endpoint connection from its vault."""

    verb: Literal["delete-connection"] = "delete-connection"

    @property
    def description(self) -> str:
        return f"delete the {self.before.status.value} connection {self.before.id.name}"

    def simulate(self, snapshot: VaultSnapshot) -> VaultSnapshot:
        kept = tuple(c for c in snapshot.vault.connections if c.id != self.before.id)
        return replace(snapshot, vault=replace(snapshot.vault, connections=kept))

    @property
    def inverse(self) -> Change | Irreversible:
        return Irreversible("the connection object; its owner must create a new private endpoint to connect again")


@dataclass(frozen=True, slots=True)
class ApproveConnection(_OnConnection):
    """Approve a Pending connection, or repeat a failed approval; a vault's first one gives it the public alias."""

    verb: Literal["approve-connection"] = "approve-connection"

    @property
    def description(self) -> str:
        again = " again" if self.before.status is ConnectionStatus.APPROVED else ""
        return f"approve connection {self.before.id.name}{again}"

    def simulate(self, snapshot: VaultSnapshot) -> VaultSnapshot:
        return _put_status(snapshot, self.before, ConnectionStatus.APPROVED)

    @property
    def inverse(self) -> Change | Irreversible:
        if self.before.status is ConnectionStatus.APPROVED:
            return Irreversible("nothing but the failed state: the connection was approved before")
        return Irreversible("the Pending state; an approved connection can be rejected but never waits again")


@dataclass(frozen=True, slots=True)
class RejectConnection(_OnConnection):
    """Reject a connection; its private endpoint can never be approved afterwards."""

    verb: Literal["reject-connection"] = "reject-connection"

    @property
    def description(self) -> str:
        return f"reject connection {self.before.id.name}"

    def simulate(self, snapshot: VaultSnapshot) -> VaultSnapshot:
        return _put_status(snapshot, self.before, ConnectionStatus.REJECTED)

    @property
    def inverse(self) -> Change | Irreversible:
        return Irreversible("the consumer's private endpoint; it stays rejected and must be created anew")


@dataclass(frozen=True, slots=True)
class SetPublicAccess(Keyed):
    """Set ``publicNetworkAccess`` of a vault, and nothing else (PATCH of this one property)."""

    vault: ArmId
    before: PublicAccess
    after: PublicAccess
    verb: Literal["set-public-access"] = "set-public-access"

    @property
    def target(self) -> ArmId:
        return self.vault

    @property
    def arguments(self) -> Facts:
        return {"before": self.before.value, "after": self.after.value}

    @property
    def precondition(self) -> str:
        return f"publicNetworkAccess is still {self.before.value}"

    @property
    def description(self) -> str:
        return f"set public network access of {self.vault.name} from {self.before.value} to {self.after.value}"

    def simulate(self, snapshot: VaultSnapshot) -> VaultSnapshot:
        return replace(snapshot, vault=replace(snapshot.vault, public_access=self.after))

    @property
    def inverse(self) -> Change | Irreversible:
        return SetPublicAccess(self.vault, self.after, self.before)


@dataclass(frozen=True, slots=True)
class SetNetworkAcl(Keyed):
    """Replace ``networkAcls`` of a vault by the freshly read object with one member changed."""

    vault: ArmId
    before: NetworkAcl | None
    after: NetworkAcl
    verb: Literal["set-network-acl"] = "set-network-acl"

    @property
    def target(self) -> ArmId:
        return self.vault

    @property
    def arguments(self) -> Facts:
        return {**_acl_facts("old_", self.before), **_acl_facts("", self.after)}

    @property
    def precondition(self) -> str:
        return "the vault's firewall is still the one that was read"

    @property
    def description(self) -> str:
        rules = len(self.after.ip_rules) + len(self.after.network_rules)
        action, bypass = self.after.default_action.value, self.after.bypass
        return f"set the firewall of {self.vault.name} to {action} with {rules} rules and bypass {bypass}"

    def simulate(self, snapshot: VaultSnapshot) -> VaultSnapshot:
        return replace(snapshot, vault=replace(snapshot.vault, acl=self.after))

    @property
    def inverse(self) -> Change | Irreversible:
        if self.before is None:
            return Irreversible("the absence of a firewall; Allow for everybody has the same effect")
        return SetNetworkAcl(self.vault, self.after, self.before)


def _key(resource: ArmId | None) -> str | None:
    return None if resource is None else resource.key


def _put_status(snapshot: VaultSnapshot, connection: Connection, status: ConnectionStatus) -> VaultSnapshot:
    connections = tuple(
        replace(known, status=status, provisioning_state="Succeeded") if known.id == connection.id else known
        for known in snapshot.vault.connections
    )
    return replace(snapshot, vault=replace(snapshot.vault, connections=connections))


def _acl_facts(prefix: str, acl: NetworkAcl | None) -> dict[str, Json]:
    if acl is None:
        return {f"{prefix}acl": None}
    return {
        f"{prefix}default_action": acl.default_action.value,
        f"{prefix}bypass": acl.bypass.casefold(),
        f"{prefix}ip_rules": sorted(acl.ip_rules),
        f"{prefix}network_rules": sorted(rule.key for rule in acl.network_rules),
    }
