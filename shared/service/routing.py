"""Which vaults does a hint concern? The index knows most of it; ARM is asked where the index cannot know yet."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from shared.domain.arm_id import A_RECORD, CONNECTION, ENDPOINT, LINK, PEERING, VAULT, ZONE_GROUP, ArmId
from shared.domain.message import Hint
from shared.domain.snapshot import Gone
from shared.service.ports import Deadline, Estate, EstateForbidden, Ledger


@dataclass(frozen=True, slots=True)
class Routed:
    """The vaults to look at; ``sweep`` when the change cannot be traced to single vaults."""

    vaults: tuple[ArmId, ...] = ()
    sweep: bool = False


class Router:
    """Traces hints to vaults of the subscriptions that kvguard watches."""

    def __init__(self, estate: Estate, ledger: Ledger, subscriptions: frozenset[str]) -> None:
        self._estate = estate
        self._ledger = ledger
        self._subscriptions = frozenset(subscription.lower() for subscription in subscriptions)

    def route(self, hint: Hint, deadline: Deadline) -> Routed:
        """The vaults a hint concerns. Raises EstateUnavailable or LedgerUnavailable when that cannot be told now."""
        resource = hint.resource
        if resource.is_a(VAULT):
            return self._within((resource,))
        if resource.is_a(CONNECTION):
            return self._within((resource.parent,))
        if resource.is_a(ENDPOINT):
            return self._endpoint(resource, deadline)
        if resource.is_a(ZONE_GROUP):
            return self._endpoint(resource.parent, deadline)
        if resource.is_a(A_RECORD):
            return self._record(resource)
        if resource.is_a(LINK) or resource.is_a(PEERING):
            return self._indexed(resource.parent)
        return self._indexed(resource)

    def _endpoint(self, endpoint: ArmId, deadline: Deadline) -> Routed:
        """ARM names the endpoint's vaults; the index remembers those of an endpoint that is gone or unreadable."""
        known = self._ledger.vaults_near(endpoint)
        try:
            named = self._estate.vaults_of_endpoint(endpoint, deadline=deadline)
        except EstateForbidden:
            named = ()
        return self._within((*known, *(() if isinstance(named, Gone) else named)))

    def _record(self, record: ArmId) -> Routed:
        """The vault of the record's name, if the index knows one near the zone; else somebody must look everywhere."""
        near = self._ledger.vaults_near(record.parent)
        named = tuple(vault for vault in near if vault.name.lower() == record.name.lower())
        return self._within(named) if named else Routed(sweep=True)

    def _indexed(self, resource: ArmId) -> Routed:
        near = self._within(self._ledger.vaults_near(resource))
        return near if near.vaults else Routed(sweep=True)

    def _within(self, vaults: Iterable[ArmId]) -> Routed:
        """Only vaults of watched subscriptions; anything else is none of kvguard's business."""
        watched = {vault for vault in vaults if vault.subscription.lower() in self._subscriptions}
        return Routed(tuple(sorted(watched)))
