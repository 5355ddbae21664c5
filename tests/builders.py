"""Builders for the pure core: a healthy vault with its private path, and one-line departures from it.

``healthy()`` gives a vault with one effective endpoint in a network, and the linked zone with the right record. Each
method returns a new value with one thing changed, so that a test states only what it is about.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from shared.domain.answer import Answer
from shared.domain.arm_id import A_RECORD, ENDPOINT, LINK, NETWORK, SUBNET, VAULT, ZONE, ZONE_GROUP, ArmId
from shared.domain.change import CHANGE_ID, MANAGED_BY, OWNER
from shared.domain.clouds import AZURE_CLOUD
from shared.domain.endpoint import EndpointLink, PrivateEndpoint, ZoneGroup
from shared.domain.finding import Assessment, Finding, Option
from shared.domain.grades import Applicability, Mode, Profile, Writer
from shared.domain.history import History, Hold, Sighting, WrittenRecord
from shared.domain.network import Network, Peering, PeeringState, Subnet
from shared.domain.plan import ChangePlan
from shared.domain.policy import Policy, ZonePolicy
from shared.domain.reading import Gone, Unread, UnreadReason
from shared.domain.rule import Blocker, Case, Proposal, Rule, Unknown, Violation
from shared.domain.snapshot import Neighbour, NeighbourEndpoint, VaultSnapshot
from shared.domain.vault import Connection, ConnectionStatus, DiagnosticSetting, PublicAccess, Vault
from shared.domain.zone import RecordSet, ResolutionPolicy, Zone, ZoneLink
from shared.engine.evaluate import evaluate
from shared.engine.plan import plan
from shared.engine.resolver import ResolverSimulation
from shared.rules.registry import RULES

NOW: Final = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SUBSCRIPTION: Final = "00000000-0000-0000-0000-00000000000a"
FOREIGN: Final = "00000000-0000-0000-0000-00000000000f"
PRIVATE_ZONE: Final = AZURE_CLOUD.private_zone
FORBIDDEN: Final = Unread(UnreadReason.FORBIDDEN, "Microsoft.Network/some/read")
APPROVED: Final = ConnectionStatus.APPROVED


def vault_id(name: str = "contoso") -> ArmId:
    """The id of a vault."""
    return ArmId.of(SUBSCRIPTION, "rg-app", VAULT, name)


def connection_id(name: str = "c-1", vault: str = "contoso") -> ArmId:
    """The id of a connection of a vault."""
    return vault_id(vault).child("privateEndpointConnections", name)


def endpoint_id(name: str = "pe-1", subscription: str = SUBSCRIPTION) -> ArmId:
    """The id of a private endpoint."""
    return ArmId.of(subscription, "rg-net", ENDPOINT, name)


def network_id(name: str = "vnet-1") -> ArmId:
    """The id of a virtual network."""
    return ArmId.of(SUBSCRIPTION, "rg-net", NETWORK, name)


def subnet_id(network: str = "vnet-1", name: str = "endpoints") -> ArmId:
    """The id of a subnet of a virtual network."""
    return ArmId.of(SUBSCRIPTION, "rg-net", SUBNET, network, name)


def zone_id(name: str = PRIVATE_ZONE, group: str = "rg-dns") -> ArmId:
    """The id of a private DNS zone."""
    return ArmId.of(SUBSCRIPTION, group, ZONE, name)


def record_id(name: str = "contoso", zone: ArmId | None = None) -> ArmId:
    """The id of an A record set."""
    home = zone or zone_id()
    return ArmId.of(home.subscription, home.resource_group, A_RECORD, home.name, name)


def group_of(endpoint: ArmId, *zones: ArmId) -> ZoneGroup:
    """A zone group of an endpoint that points to the zones."""
    identity = ArmId.of(endpoint.subscription, endpoint.resource_group, ZONE_GROUP, endpoint.name, "default")
    return ZoneGroup(identity, zones, "Succeeded")


def link_to(
    network: ArmId,
    zone: ArmId | None = None,
    *,
    completed: bool = True,
    resolution_policy: ResolutionPolicy = ResolutionPolicy.DEFAULT,
) -> ZoneLink:
    """A virtual network link of a zone."""
    home = zone or zone_id()
    identity = ArmId.of(home.subscription, home.resource_group, LINK, home.name, f"to-{network.name}")
    state = "Succeeded" if completed else "InProgress"
    return ZoneLink(identity, network, completed, state, False, resolution_policy)


def record_set(
    *addresses: str,
    name: str = "contoso",
    zone: ArmId | None = None,
    ttl: int = 60,
    metadata: Mapping[str, str] | None = None,
    auto_registered: bool = False,
) -> RecordSet:
    """An A record set with an etag."""
    marks = MappingProxyType(dict(metadata or {}))
    return RecordSet(record_id(name, zone), ttl, addresses, marks, "etag-1", auto_registered)


def endpoint_to(
    vault: ArmId,
    *,
    name: str = "pe-1",
    network: str = "vnet-1",
    addresses: tuple[str, ...] | Unread = ("10.1.0.4",),
    status: ConnectionStatus = APPROVED,
    subscription: str = SUBSCRIPTION,
) -> PrivateEndpoint:
    """A private endpoint that connects to a vault."""
    subnet = ArmId.of(SUBSCRIPTION, "rg-net", SUBNET, network, "endpoints")
    links = (EndpointLink(vault, status, manual=False),)
    return PrivateEndpoint(
        endpoint_id(name, subscription), network_id(network), subnet, "Succeeded", links, addresses, ()
    )


def audited(vault: str = "contoso") -> DiagnosticSetting:
    """A diagnostic setting that sends the audit log of a vault to a workspace."""
    setting = ArmId.parse(f"{vault_id(vault).text}/providers/Microsoft.Insights/diagnosticSettings/to-workspace")
    workspace = ArmId.of(SUBSCRIPTION, "rg-log", "Microsoft.OperationalInsights/workspaces", "log-1")
    return DiagnosticSetting(setting, frozenset({"auditevent"}), workspace)


def peering(remote: str, state: PeeringState = PeeringState.CONNECTED, *prefixes: str) -> Peering:
    """One side of a peering."""
    return Peering(network_id(remote), state, prefixes)


def neighbour(
    name: str, *, address: str | None = "10.1.0.9", network: str = "vnet-1", approved: bool = True
) -> Neighbour:
    """Another vault with one connection; ``address`` None leaves its endpoint unread."""
    status = ConnectionStatus.APPROVED if approved else ConnectionStatus.PENDING
    home = endpoint_id(f"pe-{name}")
    vault = Vault(
        vault_id(name),
        "westeurope",
        PublicAccess.DISABLED,
        None,
        "Succeeded",
        (Connection(connection_id("c-1", name), status, "Succeeded", home),),
        (),
    )
    if address is None:
        return Neighbour(vault, FORBIDDEN)
    return Neighbour(vault, (NeighbourEndpoint(home, network_id(network), (address,)),) if approved else ())


@dataclass(frozen=True)
class Given:
    """A snapshot under construction with its policy."""

    snapshot: VaultSnapshot
    policy: Policy

    # -- the vault and its connections

    def vault(self, **changes: Any) -> Given:
        """Change members of the vault."""
        return self._with(vault=replace(self.snapshot.vault, **changes))

    def connection(
        self,
        name: str = "c-1",
        status: ConnectionStatus = APPROVED,
        state: str = "Succeeded",
        endpoint: ArmId | None = None,
    ) -> Given:
        """Add a connection, or replace the one of this name (its endpoint stays unless given)."""
        identity = connection_id(name, self.snapshot.vault.name)
        known = {known.id: known for known in self.snapshot.vault.connections}
        old = known.get(identity)
        known[identity] = Connection(identity, status, state, endpoint or (old.endpoint if old else None))
        return self.vault(connections=tuple(known.values()))

    def no_connections(self) -> Given:
        """A vault without any connection."""
        return self.vault(connections=())

    # -- endpoints and networks

    def endpoint(self, name: str = "pe-1", **changes: Any) -> Given:
        """Change members of an endpoint, or add it with these members."""
        known = self.snapshot.endpoints.get(endpoint_id(name))
        if not isinstance(known, PrivateEndpoint):
            known = endpoint_to(self.snapshot.vault.id, name=name)
        return self._endpoint(name, replace(known, **changes))

    def endpoint_gone(self, name: str = "pe-1") -> Given:
        """ARM answered 404 for the endpoint."""
        return self._endpoint(name, Gone())

    def endpoint_unread(self, name: str = "pe-1") -> Given:
        """The endpoint could not be read."""
        return self._endpoint(name, FORBIDDEN)

    def second_endpoint(self, network: str = "vnet-2", address: str = "10.2.0.4", **changes: Any) -> Given:
        """A second effective endpoint ``pe-2`` with connection ``c-2``."""
        made = endpoint_to(self.snapshot.vault.id, name="pe-2", network=network, addresses=(address,))
        given = self.connection("c-2", endpoint=endpoint_id("pe-2"))
        return given._endpoint("pe-2", replace(made, **changes))

    def network(self, name: str = "vnet-1", **changes: Any) -> Given:
        """Change members of a network, or add it."""
        known = self.snapshot.networks.get(network_id(name))
        if not isinstance(known, Network):
            number = name.rsplit("-", 1)[-1]
            subnets = (Subnet(subnet_id(name), (f"10.{number}.0.0/24",)),)
            known = Network(network_id(name), (f"10.{number}.0.0/16",), subnets=subnets)
        return self._network(name, replace(known, **changes))

    def network_unread(self, name: str = "vnet-1") -> Given:
        """The network could not be read."""
        return self._network(name, FORBIDDEN)

    # -- zones

    def zone(self, zone: ArmId | None = None, **changes: Any) -> Given:
        """Change members of a zone, or add an empty, completely read one."""
        identity = zone or zone_id()
        known = self.snapshot.zone(identity) or Zone(identity, (), complete=True, cnames_complete=True)
        zones = {other.id: other for other in self.snapshot.zones} | {identity: replace(known, **changes)}
        return self._with(zones=tuple(zones.values()))

    def no_zone(self, zone: ArmId | None = None) -> Given:
        """The zone was not found."""
        identity = zone or zone_id()
        return self._with(zones=tuple(other for other in self.snapshot.zones if other.id != identity))

    def link(self, network: str = "vnet-1", zone: ArmId | None = None, **options: Any) -> Given:
        """Link a zone to a network, or replace that link."""
        identity = zone or zone_id()
        home = self.snapshot.zone(identity) or Zone(identity, (), complete=True, cnames_complete=True)
        made = link_to(network_id(network), identity, **options)
        kept = () if isinstance(home.links, Unread) else tuple(x for x in home.links if x.network != made.network)
        return self.zone(identity, links=(*kept, made))

    def no_links(self, zone: ArmId | None = None) -> Given:
        """A zone that is linked to no network."""
        return self.zone(zone, links=())

    def links_unread(self, zone: ArmId | None = None) -> Given:
        """The links of a zone could not be read."""
        return self.zone(zone, links=FORBIDDEN)

    def record(self, *addresses: str, zone: ArmId | None = None, name: str | None = None, **options: Any) -> Given:
        """Put an A record set into a zone, that of the vault by default."""
        identity = zone or zone_id()
        relative = name or self.snapshot.vault.record_name
        home = self.snapshot.zone(identity) or Zone(identity, (), complete=True, cnames_complete=True)
        made = home.with_record(relative, record_set(*addresses, name=relative, zone=identity, **options))
        return self.zone(identity, records=made.records)

    def no_record(self, zone: ArmId | None = None) -> Given:
        """The zone has no record of the vault."""
        return self.zone(zone, records=MappingProxyType({self.snapshot.vault.record_name: None}))

    def record_unread(self, zone: ArmId | None = None) -> Given:
        """Whether the zone has a record of the vault is not known."""
        return self.zone(zone, records=MappingProxyType({}), complete=False, records_unread=FORBIDDEN)

    def zones_unread(self) -> Given:
        """Some place that may hold a zone was not read."""
        return self._with(zones_unread=(FORBIDDEN,))

    def neighbours(self, *others: Neighbour) -> Given:
        """The other vaults of the estate."""
        return self._with(neighbours=others)

    def neighbours_unread(self) -> Given:
        """The other vaults were not read."""
        return self._with(neighbours=FORBIDDEN)

    # -- history

    def history_unread(self) -> Given:
        """The ledger could not be read."""
        return self._with(history=FORBIDDEN)

    def sighting(
        self,
        name: str = "c-1",
        status: ConnectionStatus = ConnectionStatus.REJECTED,
        age: timedelta = timedelta(days=3),
        approved: timedelta | None = None,
        rejected: timedelta | None = None,
    ) -> Given:
        """The ledger has seen a connection in a state for ``age``; other times are ages as well."""
        seen = Sighting(
            status,
            NOW - age,
            None if approved is None else NOW - approved,
            None if rejected is None else NOW - rejected,
        )
        return self._history(
            sightings=MappingProxyType({**self._known.sightings, connection_id(name, self.snapshot.vault.name): seen})
        )

    def hold(
        self,
        rule: str,
        subject: ArmId,
        until: timedelta = timedelta(days=1),
        who: str = "dana@contoso.com",
        why: str = "said no",
    ) -> Given:
        """A hold on a subject for one rule."""
        made = Hold(rule, subject, who, why, NOW + until)
        return self._history(holds=(*self._known.holds, made))

    def written(self, *addresses: str, ttl: int = 60, change_id: str = "chg-1", zone: ArmId | None = None) -> Given:
        """The journal says that kvguard wrote the vault's record so."""
        key = record_id(self.snapshot.vault.record_name, zone)
        row = WrittenRecord(change_id, addresses, ttl, NOW - timedelta(days=2))
        return self._history(written=MappingProxyType({**self._known.written, key: row}))

    def ttl_mended(self, age: timedelta) -> Given:
        """kvguard mended the TTL of the vault's record so long ago."""
        key = record_id(self.snapshot.vault.record_name)
        return self._history(ttl_mended=MappingProxyType({key: NOW - age}))

    # -- policy

    def policy_with(self, **changes: Any) -> Given:
        """Change members of the policy."""
        return replace(self, policy=replace(self.policy, **changes))

    def mode(self, rule: str, mode: Mode) -> Given:
        """Let policy set the mode of a rule."""
        return self.policy_with(modes=MappingProxyType({**self.policy.modes, rule: mode}))

    def writer(self, writer: Writer | None, zone: ArmId | None = None, **options: Any) -> Given:
        """Let policy name the writer of a zone; None takes the zone out of the policy."""
        identity = zone or zone_id()
        others = tuple(entry for entry in self.policy.zones if entry.id != identity)
        listed = () if writer is None else (ZonePolicy(identity, writer, **options),)
        return self.policy_with(zones=(*others, *listed))

    def profile(self, profile: Profile) -> Given:
        """Let policy give every vault this profile."""
        return self.policy_with(default_profile=profile)

    # -- judgement

    def case(self) -> Case:
        """What a rule gets to see."""
        return Case(self.snapshot, self.policy, ResolverSimulation())

    def violations(self, rule: Rule) -> list[Violation]:
        """What a rule finds."""
        return [result for result in rule.check(self.case()) if isinstance(result, Violation)]

    def unknowns(self, rule: Rule) -> list[Unknown]:
        """What a rule could not judge."""
        return [result for result in rule.check(self.case()) if isinstance(result, Unknown)]

    def only(self, rule: Rule) -> Violation:
        """The one violation that a rule finds, with everything known."""
        results = list(rule.check(self.case()))
        assert len(results) == 1, results
        assert isinstance(results[0], Violation), results
        return results[0]

    def proposal(self, rule: Rule) -> Proposal:
        """The one proposal of the one violation."""
        violation = self.only(rule)
        assert len(violation.proposals) == 1, violation.proposals
        return violation.proposals[0]

    def blockers(self, rule: Rule) -> tuple[Blocker, ...]:
        """Why the one proposal is not SAFE; empty when it is."""
        proposal = self.proposal(rule)
        assert (proposal.applicability is Applicability.SAFE) is not bool(proposal.blockers)
        return proposal.blockers

    def assess(self, rules: Iterable[Rule] = RULES) -> Assessment:
        """The verdict of the engine."""
        return evaluate(self.snapshot, self.policy, tuple(rules))

    def finding(self, rule: Rule) -> Finding:
        """The one finding of a rule, as the engine stamps it."""
        found = [finding for finding in self.assess((rule,)).findings if finding.rule == rule.id]
        assert len(found) == 1, found
        return found[0]

    def option(self, rule: Rule) -> Option:
        """The one option of the one finding."""
        options = self.finding(rule).options
        assert len(options) == 1, options
        return options[0]

    def plan(self, rules: Iterable[Rule] = RULES) -> ChangePlan:
        """The plan of the engine."""
        return plan(self.snapshot, self.policy, tuple(rules))

    def answer(self, network: str = "vnet-1") -> Answer:
        """What clients of a network get for the vault's name."""
        return ResolverSimulation().answer(self.snapshot, network_id(network), self.snapshot.vault)

    def at(self, snapshot: VaultSnapshot) -> Given:
        """The same policy over another snapshot."""
        return replace(self, snapshot=snapshot)

    # -- plumbing

    @property
    def _known(self) -> History:
        history = self.snapshot.history
        assert isinstance(history, History)
        return history

    def _history(self, **changes: Any) -> Given:
        return self._with(history=replace(self._known, **changes))

    def _with(self, **changes: Any) -> Given:
        return replace(self, snapshot=replace(self.snapshot, **changes))

    def _endpoint(self, name: str, value: PrivateEndpoint | Gone | Unread) -> Given:
        return self._with(endpoints=MappingProxyType({**self.snapshot.endpoints, endpoint_id(name): value}))

    def _network(self, name: str, value: Network | Gone | Unread) -> Given:
        return self._with(networks=MappingProxyType({**self.snapshot.networks, network_id(name): value}))


OURS: Final = MappingProxyType({MANAGED_BY: OWNER, CHANGE_ID: "chg-1"})
CREATOR: Final = MappingProxyType({"creator": "created by private endpoint pe-1 with resource guid 0"})


def healthy() -> Given:
    """Vault ``contoso`` closed to the public, endpoint ``pe-1`` 10.1.0.4 in ``vnet-1``, linked zone, right record.

    Everything is read, policy makes kvguard the writer of the zone, and no rule finds anything.
    """
    vault = Vault(
        vault_id(),
        "westeurope",
        PublicAccess.DISABLED,
        None,
        "Succeeded",
        (Connection(connection_id(), APPROVED, "Succeeded", endpoint_id()),),
        (),
        diagnostics=(audited(),),
        roles=(),
    )
    subnet = Subnet(subnet_id(), ("10.1.0.0/24",))
    zone = Zone(
        zone_id(),
        (link_to(network_id()),),
        MappingProxyType({"contoso": record_set("10.1.0.4")}),
        complete=True,
        cnames_complete=True,
        link_count=1,
        record_count=1,
    )
    snapshot = VaultSnapshot(
        AZURE_CLOUD,
        NOW,
        vault,
        MappingProxyType({endpoint_id(): endpoint_to(vault.id)}),
        MappingProxyType({network_id(): Network(network_id(), ("10.1.0.0/16",), subnets=(subnet,))}),
        (zone,),
        neighbours=(),
        claimants=(endpoint_id(),),
    )
    policy = Policy(
        zones=(ZonePolicy(zone_id(), Writer.KVGUARD),),
        watched_subscriptions=frozenset({SUBSCRIPTION}),
    )
    return Given(snapshot, policy)


def dead(status: ConnectionStatus = ConnectionStatus.REJECTED) -> Given:
    """The healthy vault with a connection ``c-dead`` beside, dead for days, its endpoint ``pe-dead`` gone."""
    given = healthy().connection("c-dead", status, endpoint=endpoint_id("pe-dead")).endpoint_gone("pe-dead")
    return given.sighting("c-dead", status)


def unlinked() -> Given:
    """The healthy vault whose zone is not linked to the endpoint's network."""
    return healthy().no_links()


def missing_record() -> Given:
    """The healthy vault whose zone has no record for it."""
    return healthy().no_record()


def wrong_record() -> Given:
    """The healthy vault with a record of kvguard's own that gives an old address, and mode fix for KVG412."""
    given = healthy().record("10.1.0.99", metadata=OURS).written("10.1.0.99")
    return given.mode("KVG412", Mode.FIX)


def long_ttl(ttl: int = 3600) -> Given:
    """The healthy vault with a TTL out of range."""
    return healthy().record("10.1.0.4", ttl=ttl)
