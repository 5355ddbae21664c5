"""Policy: what the owners of an estate allow. Values only; reading the file is an adapter's work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final, TypeVar

from shared.domain.arm_id import ArmId
from shared.domain.grades import ClientRole, DnsMode, Mode, Profile, TrustedServices, Writer
from shared.domain.vault import Vault
from shared.domain.zone import ResolutionPolicy

T = TypeVar("T")

# The tag by which a vault chooses among the profiles that policy allows it.
PROFILE_TAG: Final = "kvguard-profile"
# The rules by which kvguard reports about itself: nothing may silence them.
_OWN_RULES: Final = "KVG9"


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
class IpRanges:
    """What IP rules of a firewall may name. Without ``allowed`` ranges every public one that is narrow enough may.

    ``widest`` is the smallest prefix length, so 24 forbids a /16. ``forbidden`` ranges may not even be touched.
    """

    widest: int = 24
    allowed: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ClientNetwork:
    """A virtual network whose clients are meant to reach vaults, and what they need there."""

    network: ArmId
    role: ClientRole = ClientRole.DATA


def exemptable(rule: str) -> bool:
    """Whether findings of a rule may be exempted at all: not what kvguard reports about itself."""
    return not rule.upper().startswith(_OWN_RULES)


@dataclass(frozen=True, slots=True)
class Exemption:
    """A rule that is not to be reported in a scope (an id or a prefix of ids) until ``expires`` (UTC).

    It only silences: what is exempt is neither reported nor repaired, and nothing becomes possible by it.
    """

    rule: str
    scope: str
    reason: str
    owner: str
    expires: datetime

    def covers(self, rule: str, vault: ArmId, subject: ArmId, now: datetime) -> bool:
        """Whether a finding is exempt at ``now``: the scope holds the vault or the subject."""
        return self.rule == rule and now < self.expires and (vault.within(self.scope) or subject.within(self.scope))


@dataclass(frozen=True, slots=True)
class Policy:
    """The whole policy. Absent parts have the cautious default: no zone is kvguard's, nothing is foreign-allowed.

    ``unusable`` says why the policy that was configured could not be used; then no change is made and none is asked.
    ``scoped_modes`` are modes for one scope, ``tag_profiles`` the profiles that a vault of a scope may choose by its
    tag ``kvguard-profile``; of several scopes the narrowest that holds the vault decides. ``dns_mode`` external says
    that records are written from outside Azure. ``forbidden_principals`` are object ids, in lower case.
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
    scoped_modes: tuple[tuple[str, Mapping[str, Mode]], ...] = ()
    tag_profiles: tuple[tuple[str, frozenset[Profile]], ...] = ()
    ip_ranges: IpRanges = IpRanges()
    trusted_services: TrustedServices = TrustedServices.IGNORE
    client_networks: tuple[ClientNetwork, ...] = ()
    dns_mode: DnsMode = DnsMode.ZONE_GROUP
    managed_service_subscriptions: frozenset[str] = frozenset()
    forbidden_principals: frozenset[str] = frozenset()
    exemptions: tuple[Exemption, ...] = ()
    reviewers: tuple[str, ...] = ()
    stated: frozenset[str] = field(default=frozenset(), compare=False)

    def mode_of(self, rule: str, vault: ArmId) -> Mode | None:
        """The mode that policy gives a rule for a vault, None where it says nothing."""
        scoped = self.scoped_mode(rule, vault)
        return self.modes.get(rule) if scoped is None else scoped[1]

    def scoped_mode(self, rule: str, vault: ArmId) -> tuple[str, Mode] | None:
        """The narrowest scope around a vault that gives the rule a mode, with that mode."""
        return _narrowest_with(
            vault, tuple((scope, modes[rule]) for scope, modes in self.scoped_modes if rule in modes)
        )

    def profile_of(self, vault: Vault) -> Profile:
        """The access profile of a vault: what its tag chooses if policy allows that, else that of its scope.

        A tag that names no profile, or one that is not allowed there, changes nothing.
        """
        scoped = self.scoped_profile(vault.id)
        profile = self.default_profile if scoped is None else scoped[1]
        chosen = profile_named(vault.settings.tag(PROFILE_TAG) or "")
        return chosen if chosen is not None and chosen in self.tag_choices(vault.id) else profile

    def scoped_profile(self, vault: ArmId) -> tuple[str, Profile] | None:
        """The narrowest scope around a vault that has a profile, with that profile."""
        return _narrowest_with(vault, self.profiles)

    def tag_choices(self, vault: ArmId) -> frozenset[Profile]:
        """The profiles that the vault may choose by tag."""
        scoped = _narrowest_with(vault, self.tag_profiles)
        return frozenset() if scoped is None else scoped[1]

    def exemption(self, rule: str, vault: ArmId, subject: ArmId, now: datetime) -> Exemption | None:
        """The exemption that covers a finding at ``now``, of several the one that lasts longest.

        None without a usable policy, and for what kvguard reports about itself.
        """
        if self.unusable or not exemptable(rule):
            return None
        covering = (entry for entry in self.exemptions if entry.covers(rule, vault, subject, now))
        return max(covering, key=lambda entry: (entry.expires, entry.scope, entry.owner, entry.reason), default=None)

    def zone(self, zone: ArmId) -> ZonePolicy | None:
        """What policy says about a zone, None when it is not listed."""
        return next((candidate for candidate in self.zones if candidate.id == zone), None)

    def writer_of(self, zone: ArmId) -> Writer | None:
        """Who maintains a zone, None when policy does not list it."""
        listed = self.zone(zone)
        return None if listed is None else listed.writer

    def client_role(self, network: ArmId) -> ClientRole | None:
        """What the clients of a network need, None when policy does not list it."""
        return next((entry.role for entry in self.client_networks if entry.network == network), None)

    def is_foreign(self, endpoint: ArmId) -> bool:
        """Whether a private endpoint lies in a subscription that policy neither watches nor allows."""
        known = self.watched_subscriptions | self.allowed_connection_subscriptions | self.managed_service_subscriptions
        return endpoint.subscription.lower() not in {subscription.lower() for subscription in known}

    def is_unexpected(self, endpoint: ArmId, vault: Vault) -> bool:
        """Whether a private endpoint is foreign at a vault whose profile expects none that are."""
        return self.is_foreign(endpoint) and self.profile_of(vault) is not Profile.PARTNER

    def is_managed_service(self, endpoint: ArmId) -> bool:
        """Whether a private endpoint lies in a subscription of Microsoft's own managed services."""
        known = {subscription.lower() for subscription in self.managed_service_subscriptions}
        return endpoint.subscription.lower() in known


def profile_named(text: str) -> Profile | None:
    """The profile of a name, whatever its casing."""
    return next((profile for profile in Profile if profile.value == text.casefold()), None)


def _narrowest_with(vault: ArmId, scopes: tuple[tuple[str, T], ...]) -> tuple[str, T] | None:
    """The longest scope that holds the vault, with its value."""
    holding = [entry for entry in scopes if vault.within(entry[0])]
    return max(holding, key=lambda entry: len(entry[0].rstrip("/"))) if holding else None
