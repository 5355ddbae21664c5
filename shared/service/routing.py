"""Which vaults does a hint concern? The index knows most of it; ARM is asked where the index cannot know yet.

A delete is routed from the index, which outlives what it describes. A zone or a network may concern a thousand vaults,
so these come page by page, and the cursor of a page says where the next one begins.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from shared.domain.arm_id import A_RECORD, CONNECTION, ENDPOINT, LINK, PEERING, VAULT, ZONE, ZONE_GROUP, ArmId
from shared.domain.message import Hint
from shared.domain.reading import Gone
from shared.service.nearby import deletes_in
from shared.service.ports import Clock, Deadline, Estate, EstateForbidden, Ledger

# How many looks one invocation puts on the queue: some seconds of sending, whatever hangs on a hub's zone.
PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class Routed:
    """The vaults to look at; ``sweep`` when the change cannot be traced to single vaults.

    ``cursor`` is where the next page begins, empty when this was the last. ``asked`` says that ARM's answer about an
    endpoint was used, which may be older than the event.
    """

    vaults: tuple[ArmId, ...] = ()
    sweep: bool = False
    cursor: str = ""
    asked: bool = False


class Router:
    """Traces hints to vaults of the subscriptions that kvguard watches."""

    def __init__(
        self, estate: Estate, ledger: Ledger, clock: Clock, subscriptions: frozenset[str], private_zone: str
    ) -> None:
        self._estate = estate
        self._ledger = ledger
        self._clock = clock
        self._subscriptions = frozenset(subscription.lower() for subscription in subscriptions)
        self._private_zone = private_zone

    def route(self, hint: Hint, deadline: Deadline, *, told: tuple[ArmId, ...] | None = None) -> Routed:
        """The vaults a hint concerns.

        ``told`` is what ARM has said lately about the endpoint of this hint, when it need not be asked now: somebody
        else asks, late enough to see what this hint announces. Raises EstateUnavailable or LedgerUnavailable when it
        cannot be told now.
        """
        resource = hint.resource
        if resource.is_a(VAULT):
            return self._within((resource,))
        if resource.is_a(CONNECTION):
            return self._within((resource.parent,))
        if resource.is_a(ENDPOINT):
            if told is not None:
                return self._within((*self._ledger.vaults_near(resource)[0], *told))
            return self._endpoint(resource, hint, deadline)
        if resource.is_a(ZONE_GROUP):
            # A group changes its endpoint's names, never its vault.
            known, _ = self._ledger.vaults_near(resource.parent)
            return self._within(known) if known else self._endpoint(resource.parent, hint, deadline)
        if resource.is_a(A_RECORD):
            return self._record(resource, deadline)
        if resource.is_a(LINK):
            return self._zone(resource.parent, hint)
        if resource.is_a(ZONE):
            return self._zone(resource, hint)
        # The network of a changed peering is enough: the index has it also for vaults on the other side that wait for
        # this one, and that what is deleted here cuts off; see ``nearby.near``.
        network = resource.parent if resource.is_a(PEERING) else resource
        return self._page(deletes_in(network) if hint.operation.casefold().endswith("/delete") else network, hint)

    def _endpoint(self, endpoint: ArmId, hint: Hint, deadline: Deadline) -> Routed:
        """ARM names the endpoint's vaults; the index remembers those of an endpoint that is gone or unreadable.

        Whoever asks again wants only what the index does not know: the others are looked at already.
        """
        known, _ = self._ledger.vaults_near(endpoint)
        try:
            named = self._estate.vaults_of_endpoint(endpoint, deadline=deadline)
        except EstateForbidden:
            return self._within(known)
        targets = () if isinstance(named, Gone) else named
        vaults = set(targets) - set(known) if hint.again else {*known, *targets}
        return self._within(vaults, asked=True)

    def _record(self, record: ArmId, deadline: Deadline) -> Routed:
        """The vault of the record's name: from the index, else from the list of vaults."""
        if not self._answers_for_vaults(record.parent):
            return Routed()
        near, _ = self._ledger.vaults_near(record)
        if near:
            return self._within(near)
        wanted = record.name.lower()
        return self._within(
            vault
            for subscription in sorted(self._subscriptions)
            for vault in self._estate.vaults(subscription, deadline=deadline)
            if vault.name.lower() == wanted
        )

    def _zone(self, zone: ArmId, hint: Hint) -> Routed:
        """The vaults known to depend on the zone. A zone for vaults that nobody knows yet may concern any of them."""
        if not self._answers_for_vaults(zone):
            return Routed()
        page = self._page(zone, hint)
        return page if page.vaults or page.cursor or hint.cursor else Routed(sweep=True)

    def _page(self, resource: ArmId, hint: Hint) -> Routed:
        """A page of the vaults near a zone or a network; in a network that the index does not know there is none."""
        if not hint.cursor:
            self._ledger.note_hint(resource, self._clock.now())
        vaults, cursor = self._ledger.vaults_near(resource, hint.cursor, PAGE)
        return self._within(vaults, cursor=cursor)

    def _answers_for_vaults(self, zone: ArmId) -> bool:
        """Whether a zone of this name can answer for a vault's alias: the private zone, one above or one below it."""
        name, wanted = zone.name.lower(), self._private_zone
        return name == wanted or name.endswith("." + wanted) or wanted.endswith("." + name)

    def _within(self, vaults: Iterable[ArmId], *, cursor: str = "", asked: bool = False) -> Routed:
        """Only vaults of watched subscriptions; anything else is none of kvguard's business."""
        watched = {vault for vault in vaults if vault.subscription.lower() in self._subscriptions}
        return Routed(tuple(sorted(watched)), cursor=cursor, asked=asked)
