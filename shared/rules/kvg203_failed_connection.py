"""KVG203 failed-connection: nobody can say whether data flows over this connection.

What it finds
-------------
A private endpoint connection whose status kvguard does not know, or one that is Approved while its provisioning ended
in Failed, Canceled, Disconnected or Error.

Why it matters
--------------
It is not effective by what Azure says, yet its data path may still work: a list shows Approved, clients may or may not
get through, and the next redeployment may take the path away.

Example
-------
``privateLinkServiceConnectionState.status`` Approved and ``provisioningState`` Failed.

Remediation
-----------
First repeat the approval, which starts the provisioning again. Where that fails as well, delete the connection and let
its owner create the private endpoint anew.

Remediation safety
------------------
Never by itself: a deletion cuts a path that may be in use, and is irreversible. Repeating an approval lets in nobody
who was not let in before, so it is offered where provisioning ended in Failed, Canceled or Error and only there: under
a status that kvguard does not know, or for an endpoint that has no business at the vault, it could admit somebody whom
a person has turned away.

Links
-----
https://learn.microsoft.com/azure/key-vault/general/private-link-diagnostics
https://learn.microsoft.com/azure/private-link/manage-private-endpoint
"""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import Final

from shared.domain.change import ApproveConnection, DeleteConnection
from shared.domain.grades import Applicability, Mode, Severity
from shared.domain.reading import Unread, UnreadReason, is_repeatable, is_transient
from shared.domain.rule import Blocker, Case, Proposal, Rule, Unknown, Violation
from shared.domain.vault import Connection, ConnectionStatus

_ENDED_BADLY: Final = frozenset({"failed", "canceled", "disconnected", "error"})
_ASK: Final = Blocker("the data path may still work, so a person decides")


def check(case: Case) -> Iterator[Violation | Unknown]:
    """Yield every connection of an unknown status, and every Approved one whose provisioning failed."""
    for connection in case.snapshot.vault.connections:
        if connection.status is ConnectionStatus.UNKNOWN:
            yield _found(case, connection, "has a status that kvguard does not know")
        elif connection.status is ConnectionStatus.APPROVED:
            yield from _judge(case, connection)


def _judge(case: Case, connection: Connection) -> Iterator[Violation | Unknown]:
    state = connection.provisioning_state
    if connection.effective or is_transient(state):
        return
    if state.casefold() in _ENDED_BADLY:
        yield _found(case, connection, f"is Approved, but its provisioning is {state}")
        return
    said = f"{state} says nothing" if state else "is absent, which says nothing"
    why = f"provisioning state of connection {connection.id.name} {said} about its path"
    yield Unknown(connection.id, Unread(UnreadReason.UNSUPPORTED, why))


def _found(case: Case, connection: Connection, what: str) -> Violation:
    vault = case.snapshot.vault
    named = "an endpoint without a name" if connection.endpoint is None else connection.endpoint.name
    return Violation(
        subject=connection.id,
        message=(
            f"Connection {connection.id.name} of private endpoint {named} at vault {vault.name} {what}: whether its "
            "data path works is not known."
        ),
        facts={
            "status": connection.status.value,
            "provisioning_state": connection.provisioning_state.casefold(),
            "endpoint": None if connection.endpoint is None else connection.endpoint.key,
        },
        proposals=tuple(_proposals(case, connection)),
        advice=f"Test vault {vault.name} from the endpoint's network before anything is deleted.",
    )


def _proposals(case: Case, connection: Connection) -> Iterator[Proposal]:
    """The harmless one first."""
    if _may_repeat(case, connection):
        yield Proposal(ApproveConnection(connection), (_ASK,), Applicability.APPROVAL)
    cut = "Cuts a path that may be in use. Irreversible: the consumer needs a new private endpoint to connect again."
    unsure = " kvguard does not know this status: look the connection up in the portal first."
    warning = cut + (unsure if connection.status is ConnectionStatus.UNKNOWN else "")
    yield Proposal(DeleteConnection(connection), (_ASK,), Applicability.APPROVAL, warning)


def _may_repeat(case: Case, connection: Connection) -> bool:
    stranger = connection.endpoint is not None and case.policy.is_unexpected(connection.endpoint, case.snapshot.vault)
    came_to_nothing = connection.status is ConnectionStatus.APPROVED and is_repeatable(connection.provisioning_state)
    return came_to_nothing and not stranger


RULE = Rule(
    id="KVG203",
    name="failed-connection",
    title="A private endpoint connection failed or has an unknown status",
    severity=Severity.MEDIUM,
    ceiling=Applicability.APPROVAL,
    default=Mode.APPROVE,
    check=check,
    controls=MappingProxyType({}),
)
