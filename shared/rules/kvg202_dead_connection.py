"""KVG202 dead-connection: a connection that can never carry data again.

What it finds
-------------
A private endpoint connection that is Rejected or Disconnected.

Why it matters
--------------
It admits nobody, blocks redeployments under the same name and makes scanners count a door that is none.

Example
-------
``privateLinkServiceConnectionState.status`` Rejected, or Disconnected after its endpoint was deleted.

Remediation
-----------
Delete the connection from the vault.

Remediation safety
------------------
By itself only when all hold: its provisioning state is final; it has been seen dead for ``dead_connection_age``; it was
not seen Approved in the last 30 days; kvguard did not reject it within the undo window; its endpoint is gone or says
the same. An endpoint that cannot be read proves nothing, so the change is then a question. Deleting is irreversible,
though nothing is lost but the object, which the journal keeps whole.

Links
-----
https://learn.microsoft.com/azure/private-link/manage-private-endpoint
"""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType

from shared.domain.change import DeleteConnection
from shared.domain.grades import Applicability, Mode, Severity
from shared.domain.reading import Gone, Unread, is_terminal
from shared.domain.rule import Blocker, Case, Proposal, Rule, Unknown, Violation
from shared.domain.vault import Connection


def check(case: Case) -> Iterator[Violation | Unknown]:
    """Yield every dead connection."""
    for connection in case.snapshot.vault.connections:
        if not connection.status.dead:
            continue
        yield Violation(
            subject=connection.id,
            message=f"Connection {connection.id.name} is {connection.status.value} and admits nobody.",
            facts={
                "status": connection.status.value,
                "provisioning_state": connection.provisioning_state.casefold(),
                "endpoint": None if connection.endpoint is None else connection.endpoint.key,
            },
            proposals=(
                Proposal(
                    DeleteConnection(connection),
                    tuple(_blockers(case, connection)),
                    warning="Irreversible: the consumer needs a new private endpoint to connect again.",
                ),
            ),
        )


def _blockers(case: Case, connection: Connection) -> Iterator[Blocker]:
    yield from _unfinished(connection)
    yield from _too_fresh(case, connection)
    yield from _lately_approved(case, connection)
    yield from _rejected_here(case, connection)
    yield from _endpoint_disagrees(case, connection)


def _unfinished(connection: Connection) -> Iterator[Blocker]:
    if not is_terminal(connection.provisioning_state):
        yield Blocker(f"its provisioning state {connection.provisioning_state or 'unknown'} is not final")


def _too_fresh(case: Case, connection: Connection) -> Iterator[Blocker]:
    """Dead in two readings, ``dead_connection_age`` apart. An unread history proves no age."""
    history = case.snapshot.history
    sighting = None if isinstance(history, Unread) else history.sightings.get(connection.id)
    age = case.policy.timing.dead_connection_age
    known = sighting is not None and sighting.status is connection.status
    since = sighting.since if sighting is not None and known else case.snapshot.read_at
    if not known or case.snapshot.read_at - since < age:
        why = f"it has not been seen {connection.status.value} for {age.total_seconds():.0f} s yet"
        yield Blocker(why, until=since + age)


def _lately_approved(case: Case, connection: Connection) -> Iterator[Blocker]:
    history = case.snapshot.history
    sighting = None if isinstance(history, Unread) else history.sightings.get(connection.id)
    if sighting is None or sighting.last_approved is None:
        return
    until = sighting.last_approved + case.policy.timing.approved_memory
    if case.snapshot.read_at < until:
        yield Blocker("it was Approved within the last 30 days", until=until)


def _rejected_here(case: Case, connection: Connection) -> Iterator[Blocker]:
    history = case.snapshot.history
    sighting = None if isinstance(history, Unread) else history.sightings.get(connection.id)
    if sighting is None or sighting.rejected_by_kvguard is None:
        return
    until = sighting.rejected_by_kvguard + case.policy.timing.undo_window
    if case.snapshot.read_at < until:
        yield Blocker("it was rejected through kvguard and the undo window is open", until=until)


def _endpoint_disagrees(case: Case, connection: Connection) -> Iterator[Blocker]:
    endpoint = case.snapshot.endpoint_of(connection)
    if isinstance(endpoint, Gone):
        return
    if isinstance(endpoint, Unread):
        yield Blocker("its private endpoint could not be read", endpoint)
        return
    link = endpoint.link_to(case.snapshot.vault.id)
    if link is not None and not link.status.dead:
        yield Blocker(f"its private endpoint says {link.status.value}")


RULE = Rule(
    id="KVG202",
    name="dead-connection",
    title="A private endpoint connection is dead",
    severity=Severity.LOW,
    ceiling=Applicability.SAFE,
    default=Mode.FIX,
    check=check,
    controls=MappingProxyType({}),
)
