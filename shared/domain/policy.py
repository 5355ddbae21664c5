"""Policy: what the owners of an estate allow. Values only; reading the file is an adapter's work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType

from shared.domain.arm_id import ArmId
from shared.domain.grades import Mode, Profile, Writer
from shared.domain.snapshot import ResolutionPolicy


@dataclass(frozen=True, slots=True)
class ZonePolicy:
    """A private DNS zone that policy designates. Empty ``networks`` means that it serves every network."""

    id: ArmId
    writer: Writer
    networks: tuple[ArmId, ...] = ()
    link_resolution_policy: ResolutionPolicy = ResolutionPolicy.DEFAULT

    def serves(self, network: ArmId) -> bool:
        """Whether this zone is meant for a virtual network."""
        return not self.networks or network in self.networks


@dataclass(frozen=True, slots=True)
class Timing:
    """How long things must last before kvguard acts on them."""

    settle: timedelta = timedelta(seconds=120)
    max_settle: timedelta = timedelta(seconds=900)
    controller_grace: timedelta = timedelta(seconds=1200)
    consistency: timedelta = timedelta(seconds=10)
    dead_connection_age: timedelta = timedelta(hours=24)
    pending_connection_age: timedelta = timedelta(hours=24)
    approved_memory: timedelta = timedelta(days=30)
    undo_window: timedelta = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class TtlBounds:
    """Seconds. The source guide recommends 10 to 600.

    Source: https://learn.microsoft.com/azure/key-vault/general/private-link-diagnostics
    """

    minimum: int = 10
    maximum: int = 600
    default: int = 60


@dataclass(frozen=True, slots=True)
class Policy:
    """The whole policy. Absent parts have the cautious default: no zone is kvguard's, nothing is foreign-allowed.

    ``unusable`` says why the policy that was configured could not be used; then no change is made and none is asked.
    """

    modes: Mapping[str, Mode] = field(default_factory=lambda: MappingProxyType({}))
    zones: tuple[ZonePolicy, ...] = ()
    zone_subscriptions: tuple[str, ...] = ()
    zone_subscriptions_complete: bool = False
    default_profile: Profile = Profile.PRIVATE
    profiles: tuple[tuple[str, Profile], ...] = ()
    ttl: TtlBounds = TtlBounds()
    timing: Timing = Timing()
    allowed_connection_subscriptions: frozenset[str] = frozenset()
    watched_subscriptions: frozenset[str] = frozenset()
    pipeline_ranges: tuple[str, ...] = ()
    writes_per_hour: int = 20
    unusable: str = ""

    def profile_of(self, vault: ArmId) -> Profile:
        """The access profile of a vault: that of the narrowest scope that holds it."""
        found, longest = self.default_profile, -1
        for scope, profile in self.profiles:
            if vault.within(scope) and len(scope) > longest:
                found, longest = profile, len(scope)
        return found

    def zone(self, zone: ArmId) -> ZonePolicy | None:
        """What policy says about a zone, None when it is not listed."""
        return next((candidate for candidate in self.zones if candidate.id == zone), None)

    def writer_of(self, zone: ArmId) -> Writer | None:
        """Who maintains a zone, None when policy does not list it."""
        listed = self.zone(zone)
        return None if listed is None else listed.writer

    def is_foreign(self, endpoint: ArmId) -> bool:
        """Whether a private endpoint lies in a subscription that policy neither watches nor allows."""
        known = self.watched_subscriptions | self.allowed_connection_subscriptions
        return endpoint.subscription.lower() not in {subscription.lower() for subscription in known}
