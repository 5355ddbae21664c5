"""KVG201 pending-connection: its endpoint answers nothing until somebody approves or rejects it.

What it finds
-------------
A private endpoint connection that is Pending. An endpoint from a foreign subscription is KVG206's subject alone,
unless the vault's profile is ``partner``, which expects such endpoints.

Why it matters
--------------
Until it is approved the endpoint answers nothing, and whoever deployed it waits. The longer it lasts the likelier it
is forgotten, so age raises the severity.

Example
-------
A private endpoint made with a manual connection, ``privateLinkServiceConnectionState.status`` Pending.

Remediation
-----------
Approve or reject the connection.

Remediation safety
------------------
Never by itself: approving lets a network in, rejecting is final for the consumer. The first approval of a vault also
creates its public alias, which changes the answer in every network whose zone lacks the record; the evidence shows
each linked network before and after.

Links
-----
https://learn.microsoft.com/azure/key-vault/general/private-link-service
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from types import MappingProxyType

from shared.domain.change import ApproveConnection, RejectConnection
from shared.domain.grades import Applicability, Mode, Severity
from shared.domain.history import History
from shared.domain.reading import Unread
from shared.domain.rule import Blocker, Case, Proposal, Rule, Unknown, Violation
from shared.domain.vault import Connection, ConnectionStatus

_ASK = Blocker("letting a network in or turning it away is a person's decision")


def check(case: Case) -> Iterator[Violation | Unknown]:
    """Yield every Pending connection whose endpoint is expected here."""
    vault = case.snapshot.vault
    answers: tuple[str, ...] | None = None
    for connection in vault.connections:
        if connection.status is not ConnectionStatus.PENDING:
            continue
        if connection.endpoint is not None and case.policy.is_unexpected(connection.endpoint, vault):
            continue
        named = connection.endpoint.name if connection.endpoint is not None else "an endpoint without a name"
        approve = ApproveConnection(connection)
        if answers is None:
            answers = _answers(case, approve)
        yield Violation(
            subject=connection.id,
            message=f"Private endpoint {named} waits for approval at vault {vault.name}.",
            facts={
                "status": connection.status.value,
                "endpoint": None if connection.endpoint is None else connection.endpoint.key,
                "first_approval": not vault.has_alias,
                # What a person decides on; a zone of a hub has a thousand links.
                "answers": hashlib.sha256("\n".join(answers).casefold().encode()).hexdigest()[:32] if answers else "",
            },
            proposals=(
                Proposal(approve, (_ASK,), Applicability.APPROVAL, _warning(case)),
                Proposal(
                    RejectConnection(connection),
                    (_ASK,),
                    Applicability.APPROVAL,
                    "Irreversible for the consumer: the endpoint must be created anew.",
                ),
            ),
            evidence=(*answers, *_service(case, connection)),
            severity=_severity(case, connection),
        )


def _severity(case: Case, connection: Connection) -> Severity:
    history = case.snapshot.history
    if not isinstance(history, History):
        return RULE.severity
    sighting = history.sightings.get(connection.id)
    if sighting is None or sighting.status is not ConnectionStatus.PENDING:
        return RULE.severity
    old = case.snapshot.read_at - sighting.since >= case.policy.timing.pending_connection_age
    return RULE.severity.raised if old else RULE.severity


def _service(case: Case, connection: Connection) -> tuple[str, ...]:
    """The label of an endpoint that one of Microsoft's own services has made."""
    if connection.endpoint is None or not case.policy.is_managed_service(connection.endpoint):
        return ()
    return ("managed-service: policy lists the endpoint's subscription as one of Microsoft's own.",)


def _warning(case: Case) -> str:
    if case.snapshot.vault.has_alias:
        return ""
    return "First approval: the vault gets its public alias. Put the record into the zone first, then approve."


def _answers(case: Case, approve: ApproveConnection) -> tuple[str, ...]:
    """The simulated answer per linked network, before and after, where it differs: by the alias, if at all.

    They are the same for whichever connection is approved first. Anybody can ask for many, and a zone of a hub has a
    thousand links, so they are simulated once.
    """
    if case.snapshot.vault.has_alias:
        return ()
    before, after = case.snapshot, approve.simulate(case.snapshot)
    networks = sorted(
        {link.network for zone in before.zones for link in (() if isinstance(zone.links, Unread) else zone.links)}
    )
    lines = []
    for network in networks:
        old = case.resolver.view(before, network, before.vault)
        new = case.resolver.view(after, network, after.vault)
        if (old.kind, old.addresses) != (new.kind, new.addresses):
            lines.append(f"In network {network.name}: {old.summary} today, {new.summary} after approval.")
    return tuple(lines)


RULE = Rule(
    id="KVG201",
    name="pending-connection",
    title="A private endpoint connection waits for approval",
    severity=Severity.MEDIUM,
    ceiling=Applicability.APPROVAL,
    default=Mode.APPROVE,
    check=check,
    controls=MappingProxyType({}),
)
