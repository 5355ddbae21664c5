"""Which vaults does a hint concern? The index knows most of it; ARM is asked where the index cannot know yet."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from shared.domain.arm_id import A_RECORD, CONNECTION, ENDPOINT, LINK, PEERING, VAULT, ZONE, ZONE_GROUP, ArmId
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

    def __init__(self, estate: Estate, ledger: Ledger, subscriptions: frozenset[str], private_zone: str) -> None:
        self._estate = estate
        self._ledger = ledger
        self._subscriptions = frozenset(subscription.lower() for subscription in subscriptions)
        self._private_zone = private_zone

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
            return self._record(resource, deadline)
        if resource.is_a(LINK):
            return self._zone(resource.parent)
        if resource.is_a(ZONE):
            return self._zone(resource)
        return self._network(resource.parent if resource.is_a(PEERING) else resource)

    def _endpoint(self, endpoint: ArmId, deadline: Deadline) -> Routed:
        """ARM names the endpoint's vaults; the index remembers those of an endpoint that is gone or unreadable."""
        known = self._ledger.vaults_near(endpoint)
        try:
            named = self._estate.vaults_of_endpoint(endpoint, deadline=deadline)
        except EstateForbidden:
            named = ()
        return self._within((*known, *(() if isinstance(named, Gone) else named)))

    def _record(self, record: ArmId, deadline: Deadline) -> Routed:
        """The vault of the record's name: from the index, else from the list of vaults."""
        if not self._answers_for_vaults(record.parent):
            return Routed()
        wanted = record.name.lower()
        near = [vault for vault in self._ledger.vaults_near(record.parent) if vault.name.lower() == wanted]
        if near:
            return self._within(near)
        return self._within(
            vault
            for subscription in sorted(self._subscriptions)
            for vault in self._estate.vaults(subscription, deadline=deadline)
            if vault.name.lower() == wanted
        )

    def _zone(self, zone: ArmId) -> Routed:
        """The vaults known to depend on the zone. A zone for vaults that nobody knows yet may concern any of them."""
        if not self._answers_for_vaults(zone):
            return Routed()
        near = self._within(self._ledger.vaults_near(zone))
        return near if near.vaults else Routed(sweep=True)

    def _network(self, network: ArmId) -> Routed:
        """The vaults with an endpoint in the network; in one that the index does not know there is none."""
        return self._within(self._ledger.vaults_near(network))

    def _answers_for_vaults(self, zone: ArmId) -> bool:
        """Whether a zone of this name can answer for a vault's alias: the private zone, one above or one below it."""
        name, wanted = zone.name.lower(), self._private_zone
        return name == wanted or name.endswith("." + wanted) or wanted.endswith("." + name)

    def _within(self, vaults: Iterable[ArmId]) -> Routed:
        """Only vaults of watched subscriptions; anything else is none of kvguard's business."""
        watched = {vault for vault in vaults if vault.subscription.lower() in self._subscriptions}
        return Routed(tuple(sorted(watched)))
