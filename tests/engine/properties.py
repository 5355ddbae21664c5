"""What must hold for any estate, as plain functions over one vault of a generated estate.

The conditions of SAFE changes are written from the cells of the rule catalogue, not from the rules' code, and look at
the estate and at what kvguard had read, never at what the plan says about itself. Each function yields a sentence per
breach; the property tests and the mutation tests run the same functions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from shared.domain.arm_id import ArmId
from shared.domain.change import CreateLink, CreateRecord, DeleteConnection, UpdateRecord
from shared.domain.endpoint import PrivateEndpoint
from shared.domain.grades import Applicability, Mode, Writer
from shared.domain.history import History
from shared.domain.network import Network
from shared.domain.plan import ChangePlan, PlannedChange
from shared.domain.reading import Unread
from shared.domain.rule import Rule
from shared.domain.snapshot import VaultSnapshot
from shared.domain.vault import Connection, ConnectionStatus
from shared.domain.zone import RecordSet, ResolutionPolicy
from shared.engine.evaluate import evaluate
from shared.engine.plan import plan
from shared.rules.registry import RULES
from tests import oracle
from tests.estates import EstateCase, addresses_of, apply, hideable, snapshot_of

# Rules that forget themselves: their repairs are SAFE and their default is fix, but their ceiling is not.
_RECKLESS: Final = tuple(
    replace(rule, id=f"KVG99{place}", ceiling=ceiling, default=Mode.FIX, group="")
    for place, (rule, ceiling) in enumerate(
        (rule, ceiling)
        for rule in RULES
        if rule.id in ("KVG202", "KVG413")
        for ceiling in (Applicability.MANUAL, Applicability.APPROVAL)
    )
)
_BY_ID: Final = {rule.id: rule for rule in (*RULES, *_RECKLESS)}
_FINAL: Final = frozenset({"succeeded", "failed", "disconnected", "canceled"})


@dataclass(frozen=True)
class VaultCase:
    """One vault of one generated estate, judged by all rules unless said otherwise."""

    estate: EstateCase
    vault: ArmId
    rules: tuple[Rule, ...] = RULES

    @property
    def snapshot(self) -> VaultSnapshot:
        """What kvguard reads about the vault."""
        return snapshot_of(self.estate, self.vault)

    def plan(self) -> ChangePlan:
        """What kvguard would do."""
        return plan(self.snapshot, self.estate.policy, self.rules)

    def after(self, steps: Sequence[PlannedChange]) -> VaultCase:
        """The same vault once the steps were made."""
        estate = self.estate
        for step in steps:
            estate = apply(estate, step.change)
        return replace(self, estate=estate)


def safe_conditions(case: VaultCase) -> Iterator[str]:
    """Every change that is made without asking fulfils its rule's cell, on the state right before it."""
    for step in case.plan().apply:
        yield from _central(case, step)
        yield from _of_rule(case, step)
        case = case.after((step,))


def no_loss(case: VaultCase) -> Iterator[str]:
    """Property 7: no SAFE change, after any prefix of the plan, takes a working answer from anybody."""
    for step in case.plan().apply:
        then = case.after((step,))
        for loss in oracle.losses(case.estate, then.estate):
            yield f"{step.change.description}: {loss.vault.name} in {loss.network.name}: {loss.before} -> {loss.after}"
        case = then


def fixed_point(case: VaultCase) -> Iterator[str]:
    """Property 1: once the plan is applied, the next plan applies nothing."""
    for step in case.after(case.plan().apply).plan().apply:
        yield f"still to do: {step.change.description}"


def below_ceiling(case: VaultCase) -> Iterator[str]:
    """Property 2: no option exceeds its rule's ceiling or the mode of the policy."""
    policy = case.estate.policy
    for finding in evaluate(case.snapshot, policy, (*case.rules, *_RECKLESS)).findings:
        rule = _BY_ID[finding.rule]
        mode = Mode.AUDIT if policy.unusable else policy.modes.get(rule.id, rule.default)
        most = {Mode.FIX: Applicability.SAFE, Mode.APPROVE: Applicability.APPROVAL}.get(mode, Applicability.MANUAL)
        if mode is Mode.OFF:
            yield f"{rule.id} is off and found something"
        for option in finding.options:
            if option.applicability > min(rule.ceiling, most):
                yield f"{rule.id} offers {option.applicability.name} beyond {rule.ceiling.name} and mode {mode.value}"


# What a rule may find when a part is hidden, because it speaks of what was not read: KVG901 of missing rights, KVG107
# of perimeters that nobody could see. They are explained and never lead to a change.
_ABOUT_UNREAD: Final = frozenset({"KVG107", "KVG901"})


def unread_adds_nothing(case: VaultCase) -> Iterator[str]:
    """Property 4: hiding any part of the snapshot adds no finding and no change.

    Two rules are about unread parts, so they may find more, and nothing else of them may change: their findings have
    no options. A guard that is no longer known turns a change into a question; then the question says what was not
    read.
    """
    made = {step.change.key for step in case.plan().apply}
    found, offered = _alone(case)
    for kind, resource in hideable(case.estate, case.vault):
        hidden = replace(case, estate=case.estate.hide(kind, resource))
        without = f"without {kind} {'' if resource is None else resource.name}"
        for step in hidden.plan().apply:
            if step.change.key not in made:
                yield f"{without} kvguard would {step.change.description}"
        for finding in evaluate(hidden.snapshot, hidden.estate.policy, case.rules).findings:
            if finding.rule in _ABOUT_UNREAD:
                if finding.options:
                    yield f"{without} {finding.rule} offers a change"
                continue
            # Whether another zone answers in this one's stead does not change that this one lacks the record.
            expected = (finding.rule, kind) == ("KVG411", "zone")
            if (finding.rule, finding.subject) not in found and not expected:
                yield f"{without} {finding.rule} finds {finding.subject.name}"
            for option in finding.options:
                said = any(blocker.unread is not None for blocker in option.blockers)
                if option.change.key not in offered and not said:
                    yield f"{without} kvguard would ask to {option.change.description}"


def _alone(case: VaultCase) -> tuple[set[tuple[str, ArmId]], set[str]]:
    """What each rule alone finds and offers, because precedence between rules hides neither a state nor a change."""
    found = [f for rule in case.rules for f in evaluate(case.snapshot, case.estate.policy, (rule,)).findings]
    return {(f.rule, f.subject) for f in found}, {option.change.key for f in found for option in f.options}


Property = Callable[[VaultCase], Iterator[str]]
CORE: Final[tuple[Property, ...]] = (safe_conditions, below_ceiling, no_loss, fixed_point, unread_adds_nothing)


def _central(case: VaultCase, step: PlannedChange) -> Iterator[str]:
    """What holds for every change whatever its rule: usable policy, mode fix, ceiling SAFE, history read, no hold."""
    snapshot, policy, rule = case.snapshot, case.estate.policy, _BY_ID[step.finding.rule]
    if policy.unusable:
        yield "the policy is unusable"
    if policy.modes.get(rule.id, rule.default) is not Mode.FIX or rule.ceiling is not Applicability.SAFE:
        yield f"{rule.id} is not in mode fix with a SAFE ceiling"
    if not isinstance(snapshot.history, History):
        yield "the history was not read"
    elif any(
        hold.rule == rule.id and hold.subject == step.finding.subject and hold.until > snapshot.read_at
        for hold in snapshot.history.holds
    ):
        yield f"{rule.id} is held on {step.finding.subject.name}"
    if step.option.applicability is not Applicability.SAFE or step.option.blockers:
        yield "the option is not SAFE"
    if step.finding.vault != case.vault:
        yield "the finding is about another vault"


def _of_rule(case: VaultCase, step: PlannedChange) -> Iterator[str]:
    change = step.change
    match (step.finding.rule, change):
        case ("KVG202", DeleteConnection()):
            yield from _dead_connection(case, change)
        case ("KVG403", CreateLink()):
            yield from _link(case, change)
        case ("KVG411", CreateRecord()):
            yield from _new_addresses(case, change.zone, change.addresses, change.ttl)
            if change.name != case.snapshot.vault.record_name:
                yield "the record has another vault's name"
        case ("KVG411", UpdateRecord()):
            yield from _new_addresses(case, change.target.parent, change.addresses, change.ttl)
            yield from _carried_over(case, change, step.after)
            if change.before.addresses:
                yield "the record set was not empty"
            if change.before.metadata and change.before.metadata.get("managed-by") != "kvguard":
                yield "the empty record set is somebody else's"
        case ("KVG412", UpdateRecord()):
            yield from _owned_record(case, change)
            yield from _carried_over(case, change, step.after)
        case ("KVG413", UpdateRecord()):
            yield from _ttl(case, change)
            yield from _carried_over(case, change, step.after)
        case _:
            yield f"{step.finding.rule} never does {change.verb} by itself"


def _dead_connection(case: VaultCase, change: DeleteConnection) -> Iterator[str]:
    snapshot, timing = case.snapshot, case.estate.policy.timing
    connection = next((c for c in snapshot.vault.connections if c.id == change.target), None)
    if connection is None or connection.status not in (ConnectionStatus.REJECTED, ConnectionStatus.DISCONNECTED):
        yield "the connection is not dead"
        return
    if connection.provisioning_state.lower() not in _FINAL:
        yield "the provisioning state is not final"
    history = snapshot.history
    seen = history.sightings.get(connection.id) if isinstance(history, History) else None
    if seen is None or seen.status is not connection.status:
        yield "the connection was not seen dead before"
    else:
        if snapshot.read_at - seen.since < timing.dead_connection_age:
            yield "the connection has not been dead for long enough"
        if seen.last_approved is not None and snapshot.read_at - seen.last_approved < timedelta(days=30):
            yield "the connection was Approved within 30 days"
        if seen.rejected_by_kvguard is not None and snapshot.read_at - seen.rejected_by_kvguard < timing.undo_window:
            yield "the connection was rejected through kvguard within the undo window"
    # The endpoint is judged by the truth: a guard that trusts what it could not read is caught as well.
    real = None if connection.endpoint is None else case.estate.endpoints.get(connection.endpoint)
    if connection.endpoint is None or isinstance(snapshot.endpoints.get(connection.endpoint), Unread):
        yield "the endpoint of the connection was not read"
    if real is not None:
        for link in real.links:
            if link.target == case.vault and link.status is ConnectionStatus.APPROVED:
                yield "the endpoint says Approved"


def _link(case: VaultCase, change: CreateLink) -> Iterator[str]:
    snapshot, policy = case.snapshot, case.estate.policy
    yield from _zone_is_ours(case, change.zone)
    zone = snapshot.zone(change.zone)
    network = snapshot.networks.get(change.network)
    if zone is None or not isinstance(network, Network) or isinstance(network.forwarding, Unread):
        yield "the zone or the network was not read"
        return
    if change.arguments["registration"] is not False:
        yield "registration is on"
    listed = policy.zone(change.zone)
    wanted = ResolutionPolicy.DEFAULT if listed is None else listed.link_resolution_policy
    if change.resolution_policy is not wanted:
        yield "the link has another resolution policy than policy wants"
    record = zone.records.get(snapshot.vault.record_name)
    here = [e for e in _effective(snapshot) if e.network == change.network]
    if not any(record is not None and set(record.addresses) == set(addresses_of(e)) and addresses_of(e) for e in here):
        yield "the right record is not in the zone"
    if network.dns_servers or network.forwarding:
        yield "custom DNS servers or a ruleset are involved"
    if snapshot.zones_unread:
        yield "another zone of this name may be linked there"
    for other in snapshot.zones:
        links = () if isinstance(other.links, Unread) else other.links
        if other.name == zone.name and any(link.network == change.network for link in links):
            yield "a zone of this name is linked there"
    if zone.link_count >= zone.max_links:
        yield "the zone has no room for a link"
    if isinstance(snapshot.neighbours, Unread):
        yield "the other vaults were not read"


def _new_addresses(case: VaultCase, zone_id: ArmId, addresses: tuple[str, ...], ttl: int) -> Iterator[str]:
    """The cell of KVG411."""
    snapshot = case.snapshot
    yield from _zone_is_ours(case, zone_id)
    yield from _one_claimant(snapshot)
    if ttl != case.estate.policy.ttl.default:
        yield "the TTL is not the policy's"
    zone = snapshot.zone(zone_id)
    if zone is None or isinstance(zone.links, Unread):
        yield "the zone was not read"
        return
    if zone.record_count >= zone.max_records:
        yield "the zone has no room for a record"
    if zone.alias(snapshot.vault.record_name) is not None:
        yield "a CNAME stands or may stand under the name"
    endpoints = _effective(snapshot)
    if len(endpoints) != 1 or not addresses or set(addresses_of(endpoints[0])) != set(addresses):
        yield "the addresses are not those of the one effective endpoint"
        return
    endpoint = endpoints[0]
    home = snapshot.networks.get(endpoint.network)
    if not isinstance(home, Network) or not all(home.contains(address) for address in addresses):
        yield "the address does not lie in the endpoint's network"
    if isinstance(endpoint.zone_groups, Unread) or any(zone_id in group.zones for group in endpoint.zone_groups):
        yield "a zone group may maintain the record"
    for link in zone.links:
        reached = snapshot.reaches(link.network, endpoint.network)
        if link.resolution_policy is not ResolutionPolicy.DEFAULT and reached is not True:
            yield "a linked network has an answer today and may not reach the endpoint"


def _owned_record(case: VaultCase, change: UpdateRecord) -> Iterator[str]:
    """The cell of KVG412 and the meaning of *owned*."""
    snapshot, zone_id = case.snapshot, change.target.parent
    yield from _zone_is_ours(case, zone_id)
    yield from _one_claimant(snapshot)
    history, before = snapshot.history, change.before
    written = history.written.get(before.id) if isinstance(history, History) else None
    marks = before.metadata
    if written is None or marks.get("managed-by") != "kvguard" or marks.get("kvguard-change") != written.change_id:
        yield "the journal does not know the record"
    elif set(written.addresses) != set(before.addresses) or written.ttl != before.ttl:
        yield "the record is not what kvguard wrote last"
    if any(name.lower() == "creator" for name in marks):
        yield "a zone group wrote the record"
    for connection in snapshot.vault.connections:
        endpoint = snapshot.endpoint_of(connection)
        if isinstance(endpoint, PrivateEndpoint) and isinstance(endpoint.zone_groups, tuple):
            if any(zone_id in group.zones for group in endpoint.zone_groups):
                yield "a zone group points the name at this zone"
        elif isinstance(endpoint, PrivateEndpoint | Unread):
            yield "whether a zone group points the name at this zone is not known"
    own = [address for endpoint in _effective(snapshot) for address in addresses_of(endpoint)]
    if not change.addresses or set(change.addresses) != set(own):
        yield "the addresses are not those of the effective endpoint"
    if set(before.addresses) & set(own):
        yield "the record was not wrong"
    if change.ttl != before.ttl:
        yield "the TTL was not carried over"


def _ttl(case: VaultCase, change: UpdateRecord) -> Iterator[str]:
    """The cell of KVG413."""
    snapshot, bounds = case.snapshot, case.estate.policy.ttl
    yield from _zone_is_ours(case, change.target.parent)
    before = change.before
    if bounds.minimum <= before.ttl <= bounds.maximum or not bounds.minimum <= change.ttl <= bounds.maximum:
        yield "the TTL was in range, or is not afterwards"
    if change.addresses != before.addresses:
        yield "the addresses were not carried over"
    if not oracle.right_record(case.estate, before, case.estate.vaults[case.vault]):
        yield "not every address is right"
    if any(isinstance(snapshot.endpoint_of(c), Unread) for c in snapshot.vault.effective_connections):
        yield "whether the addresses are right was not known"
    if any(name.lower() == "creator" for name in before.metadata):
        yield "a zone group wrote the record"
    history = snapshot.history
    mended = history.ttl_mended.get(before.id) if isinstance(history, History) else None
    if mended is not None and snapshot.read_at - mended < timedelta(days=1):
        yield "the TTL was mended within a day"


def _carried_over(case: VaultCase, change: UpdateRecord, after: tuple[str, ...]) -> Iterator[str]:
    """An update writes on what was read: same set, same etag, metadata kept, never an auto-registered one.

    A second change of one record has no etag yet; it must wait for the first, so that the record is read in between.
    """
    zone = case.snapshot.zone(change.target.parent)
    known = None if zone is None else zone.records.get(change.target.name.lower())
    if not isinstance(known, RecordSet) or (known.addresses, known.ttl) != (change.before.addresses, change.before.ttl):
        yield "the update is not based on the record that was read"
        return
    if change.before.etag != known.etag and not after:
        yield "the update carries another etag than the one that was read"
    if known.auto_registered:
        yield "the record is auto-registered"
    left = apply(case.estate, change).zones[change.target.parent].records[change.target.name.lower()]
    if left is None or not known.metadata.items() <= {**left.metadata, **_our_marks(known)}.items():
        yield "metadata was lost"
    if change.target.name.lower() != case.snapshot.vault.record_name:
        yield "the record is another vault's"


def _our_marks(record: RecordSet) -> dict[str, str]:
    """A new change of kvguard's may replace kvguard's own marks."""
    return {name: value for name, value in record.metadata.items() if name in ("managed-by", "kvguard-change")}


def _zone_is_ours(case: VaultCase, zone: ArmId) -> Iterator[str]:
    entries = [entry for entry in case.estate.policy.zones if entry.id == zone]
    if not entries or any(entry.writer is not Writer.KVGUARD for entry in entries):
        yield f"kvguard is not the writer of zone {zone}"


def _one_claimant(snapshot: VaultSnapshot) -> Iterator[str]:
    approved = {c.id for c in snapshot.vault.connections if c.status is ConnectionStatus.APPROVED}
    if len(approved) != 1:
        yield f"{len(approved)} Approved connections claim the name"


def _effective(snapshot: VaultSnapshot) -> list[PrivateEndpoint]:
    """The endpoints that were read of connections that are Approved and Succeeded, an unread address left out."""

    def effective(connection: Connection) -> bool:
        return connection.status is ConnectionStatus.APPROVED and connection.provisioning_state.lower() == "succeeded"

    found = [snapshot.endpoint_of(connection) for connection in snapshot.vault.connections if effective(connection)]
    return [e for e in found if isinstance(e, PrivateEndpoint) and not isinstance(e.addresses, Unread)]
