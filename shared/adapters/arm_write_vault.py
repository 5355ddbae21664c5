"""Changes to a vault: its private endpoint connections, its public network access, its firewall.

Key Vault's control plane has no precondition for these: the state is read again right before, its facts are compared,
the smallest object is sent, and the vault is read once more. What is left is a window of at most two seconds.
Source: azure-rest-api-specs, specification/keyvault/resource-manager
"""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from typing import Any

import msgspec
from azure.core.exceptions import AzureError, HttpResponseError

from shared.adapters.arm_answers import status_of
from shared.adapters.arm_attempt import Attempt, NoAnswer, OutOfTime
from shared.domain.arm_id import ArmId
from shared.domain.change import (
    ApproveConnection,
    DeleteConnection,
    RejectConnection,
    SetNetworkAcl,
    SetPublicAccess,
)
from shared.domain.plan import Outcome, OutcomeKind
from shared.domain.reading import is_repeatable, is_terminal
from shared.domain.vault import ConnectionStatus, DefaultAction, NetworkAcl, PublicAccess

_OPEN_ACL = NetworkAcl(DefaultAction.ALLOW, "AzureServices")


class _Reference(msgspec.Struct):
    id: str = ""


class _State(msgspec.Struct):
    status: str | None = None


class _ConnectionProperties(msgspec.Struct, rename="camel"):
    provisioning_state: str | None = None
    private_endpoint: _Reference | None = None
    private_link_service_connection_state: _State | None = None


class _Connection(msgspec.Struct):
    properties: _ConnectionProperties = msgspec.field(default_factory=_ConnectionProperties)

    @property
    def status(self) -> str:
        state = self.properties.private_link_service_connection_state
        return ((state and state.status) or "").casefold()

    @property
    def endpoint(self) -> str:
        endpoint = self.properties.private_endpoint
        return "" if endpoint is None else endpoint.id.rstrip("/").casefold()

    @property
    def provisioning_state(self) -> str:
        return self.properties.provisioning_state or ""


class _Rule(msgspec.Struct):
    value: str | None = None
    id: str | None = None


class _Acls(msgspec.Struct, rename="camel"):
    bypass: str | None = None
    default_action: str | None = None
    ip_rules: list[_Rule] | None = None
    virtual_network_rules: list[_Rule] | None = None


class _VaultProperties(msgspec.Struct, rename="camel"):
    public_network_access: str | None = None
    network_acls: _Acls | None = None


class _Vault(msgspec.Struct):
    properties: _VaultProperties = msgspec.field(default_factory=_VaultProperties)


def delete_connection(attempt: Attempt, change: DeleteConnection) -> Outcome:
    """Delete a connection that still is what it was and on which nothing is under way; the outcome keeps it whole."""
    before, connections = change.before, _connections(attempt, change.before.id)
    read = _find_connection(attempt, before.id)
    if read is None:
        return attempt.outcome(OutcomeKind.ALREADY_TRUE, "the connection is gone")
    found, body = read
    moved = _moved(found, before.status, before.endpoint)
    if moved:
        return attempt.outcome(OutcomeKind.CONFLICT, moved)
    if not is_terminal(found.provisioning_state):
        state = found.provisioning_state or "without a provisioning state"
        return attempt.outcome(OutcomeKind.CONFLICT, f"the connection is {state}")
    try:
        status = attempt.write(connections.begin_delete, **_connection_path(before.id), polling=False)
    except HttpResponseError as error:
        if status_of(error) != 404:
            raise
        return attempt.outcome(OutcomeKind.ALREADY_TRUE, "the connection is gone")
    return replace(attempt.done(status), kept=body.decode("utf-8", "replace"))


def decide_connection(attempt: Attempt, change: ApproveConnection | RejectConnection) -> Outcome:
    """Approve or reject a connection that still is what it was; Azure goes on Updating after its answer."""
    before, connections = change.before, _connections(attempt, change.before.id)
    approve = isinstance(change, ApproveConnection)
    wanted = ConnectionStatus.APPROVED if approve else ConnectionStatus.REJECTED
    read = _find_connection(attempt, before.id)
    if read is None:
        return attempt.outcome(OutcomeKind.CONFLICT, "the connection is gone")
    found, _ = read
    repeated = before.status is wanted and is_repeatable(found.provisioning_state)
    if not _moved(found, wanted, before.endpoint) and not repeated:
        return attempt.outcome(OutcomeKind.ALREADY_TRUE, f"the connection is already {wanted.value}")
    moved = _moved(found, before.status, before.endpoint)
    if moved:
        return attempt.outcome(OutcomeKind.CONFLICT, moved)
    body = {"properties": {"privateLinkServiceConnectionState": {"status": wanted.value}}}
    attempt.write(connections.put, **_connection_path(before.id), properties=body)
    return attempt.outcome(OutcomeKind.ACCEPTED)


def set_public_access(attempt: Attempt, change: SetPublicAccess) -> Outcome:
    """PATCH of ``publicNetworkAccess`` and nothing else."""
    if change.after is PublicAccess.UNKNOWN or change.before is PublicAccess.UNKNOWN:
        return attempt.outcome(OutcomeKind.REFUSED, "publicNetworkAccess has a value that kvguard does not know")
    body = {"properties": {"publicNetworkAccess": change.after.value}}
    vault, text = _read_vault(attempt, change.vault)
    # Absent means Enabled.
    now = vault.properties.public_network_access or PublicAccess.ENABLED.value
    if now.casefold() == change.after.value.casefold():
        return attempt.outcome(OutcomeKind.ALREADY_TRUE, f"publicNetworkAccess is already {now}")
    if now.casefold() != change.before.value.casefold():
        return attempt.outcome(OutcomeKind.CONFLICT, f"publicNetworkAccess is {now}")
    return _patch(attempt, change.vault, body, text, member="publicNetworkAccess")


def set_network_acl(attempt: Attempt, change: SetNetworkAcl) -> Outcome:
    """PATCH of the whole ``networkAcls`` as just read, with the members in question put in place."""
    if DefaultAction.UNKNOWN in (change.after.default_action, (change.before or _OPEN_ACL).default_action):
        return attempt.outcome(OutcomeKind.REFUSED, "the default action has a value that kvguard does not know")
    vault, text = _read_vault(attempt, change.vault)
    now, before = _acl_facts(vault.properties.network_acls), _facts(change.before or _OPEN_ACL)
    after = _facts(change.after)
    if now == after:
        return attempt.outcome(OutcomeKind.ALREADY_TRUE, "the firewall is already so")
    if now != before:
        moved = ", ".join(name for name in before if before[name] != now[name])
        return attempt.outcome(OutcomeKind.CONFLICT, f"the vault's firewall is another now: {moved}")
    fresh: dict[str, Any] = msgspec.json.decode(text)["properties"].get("networkAcls") or {}
    body = {"properties": {"networkAcls": _merged(fresh, change.after, before, after)}}
    return _patch(attempt, change.vault, body, text, member="networkAcls")


def _merged(
    fresh: dict[str, Any], wanted: NetworkAcl, before: dict[str, object], after: dict[str, object]
) -> dict[str, Any]:
    """The firewall as read, unknown members included, with only those members replaced that change."""
    merged = dict(fresh)
    if not fresh or before["defaultAction"] != after["defaultAction"]:
        merged["defaultAction"] = wanted.default_action.value
    if not fresh or before["bypass"] != after["bypass"]:
        merged["bypass"] = wanted.bypass
    if not fresh or before["ipRules"] != after["ipRules"]:
        merged["ipRules"] = [{"value": rule} for rule in wanted.ip_rules]
    if not fresh or before["virtualNetworkRules"] != after["virtualNetworkRules"]:
        known = {str(rule.get("id", "")).casefold(): rule for rule in fresh.get("virtualNetworkRules") or []}
        merged["virtualNetworkRules"] = [known.get(rule.key, {"id": rule.text}) for rule in wanted.network_rules]
    return merged


def _patch(attempt: Attempt, vault: ArmId, body: dict[str, Any], before: bytes, *, member: str) -> Outcome:
    vaults = attempt.clients.key_vault(vault.subscription).vaults
    attempt.write(vaults.update, **_vault_path(vault), parameters=body)
    try:
        _, after = _read_vault(attempt, vault)
    except (AzureError, NoAnswer, OutOfTime, msgspec.DecodeError) as error:
        return attempt.outcome(OutcomeKind.APPLIED, f"made; the vault could not be read again: {error}")
    return attempt.outcome(OutcomeKind.APPLIED, _other_differences(before, after, member, body))


def _other_differences(before: bytes, after: bytes, member: str, sent: dict[str, Any]) -> str:
    """What else differs between two readings of a vault, the old and the new value of each; empty when nothing."""
    old, new = _comparable(before), _comparable(after)
    wanted = sent["properties"][member]
    shown = new.pop(f"properties.{member}", None)
    old.pop(f"properties.{member}", None)
    lines = [
        f"{name} {_short(old.get(name))} -> {_short(new.get(name))}"
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
    ]
    if member == "publicNetworkAccess" and str(shown or "Enabled").casefold() != str(wanted).casefold():
        lines.insert(0, f"{member} reads {_short(shown)} after it was set to {wanted}")
    if member == "networkAcls":
        reads, set_to = (msgspec.convert(value, _Acls | None) for value in (shown, wanted))
        if _acl_facts(reads) != _acl_facts(set_to):
            lines.insert(0, f"{member} reads {_short(shown)} after it was set to {_short(wanted)}")
    return f"changed by somebody else meanwhile: {'; '.join(lines)}" if lines else ""


def _comparable(body: bytes) -> dict[str, object]:
    vault = msgspec.json.decode(body)
    properties = {f"properties.{name}": value for name, value in (vault.get("properties") or {}).items()}
    properties.pop("properties.provisioningState", None)
    return {"location": vault.get("location"), "tags": vault.get("tags") or {}, **properties}


def _short(value: object) -> str:
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= 80 else text[:77] + "..."


def _facts(acl: NetworkAcl) -> dict[str, object]:
    return {
        "defaultAction": acl.default_action.value.casefold(),
        "bypass": acl.bypass.casefold(),
        "ipRules": {_range(rule) for rule in acl.ip_rules},
        "virtualNetworkRules": {rule.key for rule in acl.network_rules},
    }


def _acl_facts(acls: _Acls | None) -> dict[str, object]:
    """Absent stands for the open firewall: Azure leaves out {AzureServices, Allow} even when it was set."""
    if acls is None:
        return _facts(_OPEN_ACL)
    return {
        "defaultAction": (acls.default_action or DefaultAction.ALLOW.value).casefold(),
        "bypass": (acls.bypass or _OPEN_ACL.bypass).casefold(),
        "ipRules": {_range(rule.value or "") for rule in acls.ip_rules or []},
        "virtualNetworkRules": {(rule.id or "").rstrip("/").casefold() for rule in acls.virtual_network_rules or []},
    }


def _range(text: str) -> str:
    """An address and its /32 are the same rule; Azure answers with the latter."""
    try:
        return str(ipaddress.ip_network(text, strict=False))
    except ValueError:
        return text.casefold()


def _connections(attempt: Attempt, connection: ArmId) -> Any:
    return attempt.clients.key_vault(connection.subscription).private_endpoint_connections


def _connection_path(connection: ArmId) -> dict[str, str]:
    return {
        "resource_group_name": connection.resource_group,
        "vault_name": connection.names[0],
        "private_endpoint_connection_name": connection.name,
    }


def _vault_path(vault: ArmId) -> dict[str, str]:
    return {"resource_group_name": vault.resource_group, "vault_name": vault.name}


def _read_vault(attempt: Attempt, vault: ArmId) -> tuple[_Vault, bytes]:
    vaults = attempt.clients.key_vault(vault.subscription).vaults
    return attempt.read_with_body(vaults.get, _Vault, **_vault_path(vault))


def _find_connection(attempt: Attempt, connection: ArmId) -> tuple[_Connection, bytes] | None:
    get = _connections(attempt, connection).get
    try:
        return attempt.read_with_body(get, _Connection, **_connection_path(connection))
    except HttpResponseError as error:
        if status_of(error) == 404:
            return None
        raise


def _moved(found: _Connection, status: ConnectionStatus, endpoint: ArmId | None) -> str:
    """What is no longer as it was, empty when nothing."""
    if found.status != status.value.casefold():
        return f"the connection is {found.status or 'without a status'}, not {status.value}"
    if found.endpoint != ("" if endpoint is None else endpoint.key):
        return "the connection names another private endpoint"
    return ""
