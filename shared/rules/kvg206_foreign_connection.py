"""KVG206 foreign-connection: an endpoint from outside the estate has, or wants, a way into the vault.

What it finds
-------------
A connection that is not dead and whose private endpoint lies in a subscription that policy neither watches nor allows
(``allowed_connection_subscriptions``), at a vault whose profile is not ``partner``. Endpoints of Microsoft's own
services (``managed_service_subscriptions``) are labelled managed-service and are not foreign.

Why it matters
--------------
Anybody on Azure who knows a vault's id can ask for a private endpoint to it. Once approved, their network is a door
that no firewall rule closes, and no scanner shows where it leads.

Example
-------
An Approved connection whose ``privateEndpoint.id`` begins with a subscription of another tenant.

Remediation
-----------
Reject the connection. Where the endpoint is expected, name its subscription in ``allowed_connection_subscriptions``.

Remediation safety
------------------
Never by itself: whether a partner is expected is known to people only. Rejecting is final for the consumer, and where
the connection is Approved it cuts a path that may be in use.

Links
-----
https://learn.microsoft.com/azure/key-vault/general/private-link-service
https://learn.microsoft.com/azure/private-link/private-endpoint-overview
"""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import Final

from shared.domain.arm_id import ArmId
from shared.domain.change import RejectConnection
from shared.domain.grades import Applicability, Mode, Profile, Severity
from shared.domain.reading import Unread, UnreadReason
from shared.domain.rule import Blocker, Case, Proposal, Rule, Unknown, Violation
from shared.domain.vault import Connection, ConnectionStatus

_ASK: Final = Blocker("whether the endpoint is expected is known to people only")


def check(case: Case) -> Iterator[Violation | Unknown]:
    """Yield every living connection whose endpoint is foreign to the vault."""
    vault = case.snapshot.vault
    if case.policy.profile_of(vault) is Profile.PARTNER:
        return
    for connection in case.snapshot.vault.connections:
        if connection.status.dead:
            continue
        if connection.endpoint is None:
            why = f"connection {connection.id.name} names no private endpoint, so whose it is is not known"
            yield Unknown(connection.id, Unread(UnreadReason.UNSUPPORTED, why))
        elif case.policy.is_unexpected(connection.endpoint, vault):
            yield _found(case, connection, connection.endpoint)


def _found(case: Case, connection: Connection, endpoint: ArmId) -> Violation:
    vault = case.snapshot.vault
    return Violation(
        subject=connection.id,
        message=(
            f"Private endpoint {endpoint.name} of foreign subscription {endpoint.subscription.lower()} (tenant "
            f"unknown) {_stands(connection)} at vault {vault.name}."
        ),
        facts={
            "status": connection.status.value,
            "endpoint": endpoint.key,
            "profile": case.policy.profile_of(vault).value,
        },
        proposals=(Proposal(RejectConnection(connection), (_ASK,), Applicability.APPROVAL, _warning(connection)),),
        advice=(
            f"If it is expected, add {endpoint.subscription.lower()} to allowed_connection_subscriptions, or give the "
            "vault the profile partner."
        ),
    )


def _stands(connection: Connection) -> str:
    if connection.status is ConnectionStatus.APPROVED:
        return "is Approved"
    return "waits for approval" if connection.status is ConnectionStatus.PENDING else "has a connection"


def _warning(connection: Connection) -> str:
    final = "Irreversible for the consumer: the endpoint must be created anew."
    return final if connection.status is ConnectionStatus.PENDING else f"Cuts a path that may be in use. {final}"


RULE = Rule(
    id="KVG206",
    name="foreign-connection",
    title="A private endpoint of a foreign subscription is connected or asks to be",
    severity=Severity.HIGH,
    ceiling=Applicability.APPROVAL,
    default=Mode.APPROVE,
    check=check,
    controls=MappingProxyType(
        {
            "Community Policy": (
                "prevent-cross-tenant-private-link-for-key-vault",
                "prevent-cross-subscription-private-link",
            )
        }
    ),
)
