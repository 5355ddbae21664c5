"""KVG205 connection-stuck: Azure has been at work on it for too long.

What it finds
-------------
A private endpoint connection that has been in a transient provisioning state, such as Updating, for more than 15
minutes.

Why it matters
--------------
While it lasts the path works or not by chance, Azure refuses further changes of the connection, and kvguard changes
nothing about the vault. Approving and rejecting take Azure about a minute.

Example
-------
``provisioningState`` Updating since 11:20, seen again at 11:36.

Remediation
-----------
Look the operation up in the activity log of the private endpoint. Where it has ended, write the private endpoint again
as it is; where it has not, ask Azure support. The last resort is a new private endpoint.

Remediation safety
------------------
Never by kvguard: whatever is written into a running operation is refused or races it.

Links
-----
https://learn.microsoft.com/azure/key-vault/general/private-link-diagnostics
https://learn.microsoft.com/azure/azure-resource-manager/management/async-operations
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from shared.domain.grades import Applicability, Mode, Severity
from shared.domain.reading import Unread, is_transient
from shared.domain.rule import Case, Rule, Unknown, Violation
from shared.domain.vault import Connection

_STUCK_AFTER: Final = timedelta(minutes=15)


def check(case: Case) -> Iterator[Violation | Unknown]:
    """Yield every connection that has been seen in a transient state for too long."""
    history = case.snapshot.history
    for connection in case.snapshot.vault.connections:
        if not is_transient(connection.provisioning_state):
            continue
        if isinstance(history, Unread):
            yield Unknown(connection.id, history)
            continue
        sighting = history.sightings.get(connection.id)
        if sighting is None or sighting.status is not connection.status or sighting.moving_since is None:
            continue
        if case.snapshot.read_at - sighting.moving_since > _STUCK_AFTER:
            since = f"{sighting.moving_since:%Y-%m-%d %H:%M} UTC"
            yield Violation(
                subject=connection.id,
                message=(
                    f"Connection {connection.id.name} of vault {case.snapshot.vault.name} has been "
                    f"{connection.provisioning_state} since {since}."
                ),
                facts={
                    "status": connection.status.value,
                    "provisioning_state": connection.provisioning_state.casefold(),
                    "since": since,
                },
                advice=_advice(connection),
            )


def _advice(connection: Connection) -> str:
    named = "the private endpoint" if connection.endpoint is None else f"private endpoint {connection.endpoint.name}"
    return (
        f"Look for the running operation in the activity log of {named}. If none runs, write the endpoint again as it "
        "is; if that does not help, create a new one and delete this connection."
    )


RULE = Rule(
    id="KVG205",
    name="connection-stuck",
    title="A private endpoint connection does not come to rest",
    severity=Severity.MEDIUM,
    ceiling=Applicability.MANUAL,
    default=Mode.AUDIT,
    check=check,
    controls=MappingProxyType({}),
    of_moving=True,
)
