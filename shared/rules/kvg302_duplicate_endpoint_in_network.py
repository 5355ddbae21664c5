"""KVG302 duplicate-endpoint-in-network: two endpoints of one vault side by side.

What it finds
-------------
Several effective private endpoints of the vault in one virtual network.

Why it matters
--------------
The vault's name has one record per zone. The zone groups of both endpoints write it in turn, and deleting the endpoint
that wrote last takes the record away from the other one too: an outage that nobody expects.

Example
-------
``pe-1`` and ``pe-1-copy`` in ``vnet-1``, both Approved, after a redeployment under a new name.

Remediation
-----------
Keep one of them, let the record name it, and delete the other.

Remediation safety
------------------
Never by kvguard: which of the two is in use, and what else was built on it, is known to its owners.

Links
-----
https://learn.microsoft.com/azure/key-vault/general/private-link-diagnostics
"""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType

from shared.domain.arm_id import ArmId
from shared.domain.endpoint import PrivateEndpoint
from shared.domain.grades import Applicability, Mode, Severity
from shared.domain.reading import Unread
from shared.domain.rule import Case, Rule, Unknown, Violation


def check(case: Case) -> Iterator[Violation | Unknown]:
    """Yield every network that holds several effective endpoints of the vault."""
    ends = case.snapshot.private_ends()
    together: dict[ArmId, list[PrivateEndpoint]] = {}
    for subject, endpoint in ends:
        if isinstance(endpoint, PrivateEndpoint):
            together.setdefault(endpoint.network, []).append(endpoint)
        elif len(ends) > 1:
            yield Unknown(subject, endpoint)
    for network, endpoints in sorted(together.items()):
        if len(endpoints) > 1:
            named = sorted(f"{endpoint.id.name} ({_addresses(endpoint)})" for endpoint in endpoints)
            yield Violation(
                subject=network,
                message=(
                    f"Virtual network {network.name} holds {len(endpoints)} private endpoints of vault "
                    f"{case.snapshot.vault.name}: {', '.join(named)}. One record cannot serve them all."
                ),
                facts={
                    "network": network.key,
                    "endpoints": sorted(f"{end.id.key}={_addresses(end)}" for end in endpoints),
                },
                advice=(
                    "Choose the endpoint to keep. Remove the zone group of each other one, make sure that the vault's "
                    "record names the one that stays, then delete the others."
                ),
            )


def _addresses(endpoint: PrivateEndpoint) -> str:
    if isinstance(endpoint.addresses, Unread):
        return "address unread"
    return ", ".join(sorted(endpoint.addresses)) or "no address"


RULE = Rule(
    id="KVG302",
    name="duplicate-endpoint-in-network",
    title="Several private endpoints of the vault in one virtual network",
    severity=Severity.MEDIUM,
    ceiling=Applicability.MANUAL,
    default=Mode.AUDIT,
    check=check,
    controls=MappingProxyType({}),
)
