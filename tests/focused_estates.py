"""Small estates with one thing to repair and at most one thing in its way, so that each guard stands alone.

The estate: vaults alpha and bravo with an effective endpoint each in ``vnet-1``; ``vnet-2`` is peered with it,
``vnet-3`` only with ``vnet-2``. Zones, records and histories are whole until a situation and an obstacle change them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType
from typing import Any, Final

from shared.domain.arm_id import ArmId
from shared.domain.change import CHANGE_ID, MANAGED_BY, OWNER
from shared.domain.endpoint import PrivateEndpoint
from shared.domain.grades import Mode, Writer
from shared.domain.history import History, Hold, Sighting, WrittenRecord
from shared.domain.network import ForwardingRule, Network, Peering, PeeringState
from shared.domain.policy import Policy, ZonePolicy
from shared.domain.reading import Unread
from shared.domain.vault import Connection, ConnectionStatus, PublicAccess, Vault
from shared.domain.zone import RecordSet, ResolutionPolicy, Zone, ZoneLink
from tests.builders import (
    NOW,
    PRIVATE_ZONE,
    SUBSCRIPTION,
    connection_id,
    endpoint_id,
    endpoint_to,
    group_of,
    link_to,
    network_id,
    record_id,
    vault_id,
    zone_id,
)
from tests.estates import EstateCase

Step = Callable[[EstateCase], EstateCase]

ALPHA: Final = vault_id("alpha")
APEX: Final = zone_id(f"alpha.{PRIVATE_ZONE}", "rg-apex")
BRAVO_APEX: Final = zone_id(f"bravo.{PRIVATE_ZONE}", "rg-apex")
PARENT: Final = zone_id("vaultcore.azure.net", "rg-parent")
SECOND: Final = zone_id(group="rg-dns-2")
_OURS: Final = MappingProxyType({MANAGED_BY: OWNER, CHANGE_ID: "chg-1"})
_REDIRECT: Final = ResolutionPolicy.NXDOMAIN_REDIRECT
_RULES: Final = ("KVG101", "KVG201", "KVG202", "KVG204", "KVG403", "KVG411", "KVG412", "KVG413")
_ADDRESS: Final = {"alpha": "10.1.0.4", "bravo": "10.1.0.5"}


def _base() -> EstateCase:
    vaults: dict[ArmId, Vault] = {}
    endpoints: dict[ArmId, PrivateEndpoint] = {}
    for name, address in _ADDRESS.items():
        identity, target = vault_id(name), endpoint_id(f"pe-{name}")
        connection = Connection(connection_id("c-0", name), ConnectionStatus.APPROVED, "Succeeded", target)
        vaults[identity] = Vault(identity, "westeurope", PublicAccess.DISABLED, None, "Succeeded", (connection,), ())
        endpoints[target] = endpoint_to(identity, name=target.name, addresses=(address,))
    first, second, third = (network_id(f"vnet-{number}") for number in (1, 2, 3))
    networks = {
        first: Network(first, ("10.1.0.0/16",), (), (Peering(second, PeeringState.CONNECTED),)),
        second: Network(
            second,
            ("10.2.0.0/16",),
            (),
            (Peering(first, PeeringState.CONNECTED), Peering(third, PeeringState.CONNECTED)),
        ),
        third: Network(third, ("10.3.0.0/16",), (), (Peering(second, PeeringState.CONNECTED),)),
    }
    records = {name: _record(name, address) for name, address in _ADDRESS.items()}
    zone = Zone(zone_id(), (link_to(first),), MappingProxyType(records), complete=True, link_count=1, record_count=2)
    policy = Policy(
        modes=MappingProxyType({"KVG412": Mode.FIX}),
        zones=(ZonePolicy(zone_id(), Writer.KVGUARD),),
        watched_subscriptions=frozenset({SUBSCRIPTION}),
    )
    return EstateCase(
        MappingProxyType(vaults),
        MappingProxyType(endpoints),
        MappingProxyType(networks),
        MappingProxyType({zone.id: zone}),
        MappingProxyType(dict.fromkeys(vaults, History())),
        policy,
    )


def _record(name: str, *addresses: str, zone: ArmId | None = None, ttl: int = 60, **options: Any) -> RecordSet:
    return RecordSet(record_id(name, zone), ttl, addresses, etag="etag-1", **options)


# -- situations: something to repair


def _healthy(estate: EstateCase) -> EstateCase:
    return estate


def _open(estate: EstateCase) -> EstateCase:
    return _vault(estate, public_access=PublicAccess.ENABLED)


def _dead(estate: EstateCase) -> EstateCase:
    dead = Connection(connection_id("c-9", "alpha"), ConnectionStatus.REJECTED, "Succeeded", endpoint_id("pe-dead"))
    estate = _vault(estate, connections=(*estate.vaults[ALPHA].connections, dead))
    seen = Sighting(ConnectionStatus.REJECTED, NOW - timedelta(days=3))
    return _history(estate, sightings=MappingProxyType({dead.id: seen}))


def _dead_but_there(estate: EstateCase) -> EstateCase:
    """The endpoint of the dead connection still exists and agrees that it was rejected."""
    old = endpoint_to(ALPHA, name="pe-dead", addresses=("10.1.0.9",), status=ConnectionStatus.REJECTED)
    return _dead(replace(estate, endpoints=MappingProxyType({**estate.endpoints, old.id: old})))


def _unlinked(estate: EstateCase) -> EstateCase:
    return _zone(estate, links=(), link_count=0)


def _missing(estate: EstateCase) -> EstateCase:
    return _records(estate, alpha=None)


def _empty(estate: EstateCase) -> EstateCase:
    return _records(estate, alpha=_record("alpha"))


def _wrong(estate: EstateCase) -> EstateCase:
    estate = _records(estate, alpha=_record("alpha", "10.1.0.99", metadata=_OURS))
    return _written(estate, "10.1.0.99")


def _long(estate: EstateCase) -> EstateCase:
    return _records(estate, alpha=_record("alpha", _ADDRESS["alpha"], ttl=3600))


def _unlinked_and_missing(estate: EstateCase) -> EstateCase:
    return _missing(_unlinked(estate))


# -- obstacles: why it may not be repaired by itself


def _nothing(estate: EstateCase) -> EstateCase:
    return estate


def _full_of_links(estate: EstateCase) -> EstateCase:
    return _zone(estate, link_count=1000)


def _full_of_records(estate: EstateCase) -> EstateCase:
    return _zone(estate, record_count=25000)


def _foreign_marks(estate: EstateCase) -> EstateCase:
    return _mark(estate, metadata=MappingProxyType({"owner": "team-dns"}))


def _creator(estate: EstateCase) -> EstateCase:
    return _mark(estate, metadata=MappingProxyType({**_OURS, "creator": "pe"}))


def _auto_registered(estate: EstateCase) -> EstateCase:
    return _mark(estate, auto_registered=True)


def _another_approved(estate: EstateCase) -> EstateCase:
    extra = Connection(connection_id("c-1", "alpha"), ConnectionStatus.APPROVED, "Failed", endpoint_id("pe-extra"))
    return _vault(estate, connections=(*estate.vaults[ALPHA].connections, extra))


def _retimed(estate: EstateCase) -> EstateCase:
    return _written(estate, "10.1.0.99", ttl=30)


def _rewritten(estate: EstateCase) -> EstateCase:
    return _written(estate, "10.1.0.98")


def _another_change(estate: EstateCase) -> EstateCase:
    return _written(estate, "10.1.0.99", change_id="chg-9")


def _own_zone(estate: EstateCase) -> EstateCase:
    """A zone of the vault's own name answers for it in its network."""
    return _extra_zone(estate, APEX, "vnet-1", _record("@", _ADDRESS["alpha"], zone=APEX))


def _neighbours_own_zone(estate: EstateCase) -> EstateCase:
    """A zone of the neighbour's name that is linked nowhere near; in the shared zone the neighbour has no record."""
    return _records(_extra_zone(estate, BRAVO_APEX, "vnet-3", _record("@", "10.1.0.5", zone=BRAVO_APEX)), bravo=None)


def _neighbour_without_record(estate: EstateCase) -> EstateCase:
    return _records(estate, bravo=None)


def _second_zone(estate: EstateCase) -> EstateCase:
    """Another zone of the right name is the one that is linked, with the right record."""
    record = _record("alpha", _ADDRESS["alpha"], zone=SECOND)
    return _extra_zone(_zone(estate, links=()), SECOND, "vnet-1", record)


def _parent_and_second_zone(estate: EstateCase) -> EstateCase:
    record = _record("other", "10.1.0.77", zone=PARENT)
    return _extra_zone(_second_zone(estate), PARENT, "vnet-1", record)


def _parent_with_record(estate: EstateCase) -> EstateCase:
    """The parent zone answers with the right address where the vault's zone is not linked."""
    record = _record("alpha.privatelink", _ADDRESS["alpha"], zone=PARENT)
    return _extra_zone(_zone(estate, links=()), PARENT, "vnet-1", record)


def _redirect_far_away(estate: EstateCase) -> EstateCase:
    """A network that falls back to public DNS today and does not reach the endpoint."""
    return _link(estate, link_to(network_id("vnet-3"), resolution_policy=_REDIRECT))


def _redirect_near_by(estate: EstateCase) -> EstateCase:
    return _link(estate, link_to(network_id("vnet-2"), resolution_policy=_REDIRECT))


def _far_client_of_redirect(estate: EstateCase) -> EstateCase:
    """``vnet-3`` asks a DNS server in ``vnet-2``, which reaches the endpoint while ``vnet-3`` does not."""
    return _network(_redirect_near_by(estate), "vnet-3", dns_servers=("10.2.0.10",))


def _far_ruleset_of_redirect(estate: EstateCase) -> EstateCase:
    rules = (ForwardingRule("vault.azure.net.", ("10.2.0.10",)),)
    return _network(_redirect_near_by(estate), "vnet-3", forwarding=rules)


def _own_dns(estate: EstateCase) -> EstateCase:
    return _network(estate, "vnet-1", dns_servers=("10.1.0.10",))


def _ruleset(estate: EstateCase) -> EstateCase:
    return _network(estate, "vnet-1", forwarding=(ForwardingRule("corp.contoso.com.", ("192.168.7.53",)),))


def _address_elsewhere(estate: EstateCase) -> EstateCase:
    return _network(estate, "vnet-1", prefixes=("10.7.0.0/16",))


def _zone_group(estate: EstateCase) -> EstateCase:
    return _endpoint(estate, zone_groups=(group_of(endpoint_id("pe-alpha"), zone_id()),))


def _dead_zone_group(estate: EstateCase) -> EstateCase:
    """The endpoint of a dead connection is still there, and its zone group still points the name at the zone."""
    dead = Connection(connection_id("c-8", "alpha"), ConnectionStatus.REJECTED, "Succeeded", endpoint_id("pe-old"))
    old = endpoint_to(ALPHA, name="pe-old", addresses=("10.1.0.8",), status=ConnectionStatus.REJECTED)
    old = replace(old, zone_groups=(group_of(old.id, zone_id()),))
    estate = replace(estate, endpoints=MappingProxyType({**estate.endpoints, old.id: old}))
    return _vault(estate, connections=(*estate.vaults[ALPHA].connections, dead))


def _terraform(estate: EstateCase) -> EstateCase:
    return _policy(estate, zones=(ZonePolicy(zone_id(), Writer.TERRAFORM),))


def _unlisted(estate: EstateCase) -> EstateCase:
    return _policy(estate, zones=(), zone_subscriptions_complete=True)


def _forgotten(estate: EstateCase) -> EstateCase:
    """kvguard's own history cannot be read."""
    return estate.hide("history", ALPHA)


def _unusable(estate: EstateCase) -> EstateCase:
    return _policy(estate, unusable="line 3: no such writer")


def _dead_one(estate: EstateCase, **changes: Any) -> EstateCase:
    """Change the dead connection where there is one."""
    connections = estate.vaults[ALPHA].connections
    mended = tuple(replace(c, **changes) if c.status.dead else c for c in connections)
    return _vault(estate, connections=mended)


def _seen(estate: EstateCase, **changes: Any) -> EstateCase:
    """Change what the ledger remembers of the dead connection."""
    sightings = {key: replace(seen, **changes) for key, seen in estate.histories[ALPHA].sightings.items()}
    return _history(estate, sightings=MappingProxyType(sightings))


def _still_updating(estate: EstateCase) -> EstateCase:
    return _dead_one(estate, provisioning_state="Updating")


def _seen_a_moment_ago(estate: EstateCase) -> EstateCase:
    return _seen(estate, since=NOW - timedelta(hours=2))


def _seen_pending(estate: EstateCase) -> EstateCase:
    return _seen(estate, status=ConnectionStatus.PENDING)


def _never_seen(estate: EstateCase) -> EstateCase:
    return _history(estate, sightings=MappingProxyType({}))


def _lately_approved(estate: EstateCase) -> EstateCase:
    return _seen(estate, last_approved=NOW - timedelta(days=5))


def _rejected_here(estate: EstateCase) -> EstateCase:
    return _seen(estate, rejected_by_kvguard=NOW - timedelta(days=5))


def _living_endpoint(estate: EstateCase) -> EstateCase:
    """The endpoint of the dead connection says that it is Approved."""
    alive = endpoint_to(ALPHA, name="pe-dead", addresses=("10.1.0.9",))
    return replace(estate, endpoints=MappingProxyType({**estate.endpoints, alive.id: alive}))


def _extra_address(estate: EstateCase) -> EstateCase:
    record = estate.zones[zone_id()].records["alpha"]
    return estate if record is None else _mark(estate, addresses=(*record.addresses, "10.1.0.98"))


def _mended_lately(estate: EstateCase) -> EstateCase:
    return _history(estate, ttl_mended=MappingProxyType({record_id("alpha"): NOW - timedelta(hours=3)}))


def _redirect_wanted(estate: EstateCase) -> EstateCase:
    """Policy wants links that fall back to public DNS, so a link takes nothing from names without a record."""
    return _policy(estate, zones=(ZonePolicy(zone_id(), Writer.KVGUARD, (), _REDIRECT),))


def _redirect_wanted_and_full_of_records(estate: EstateCase) -> EstateCase:
    return _full_of_records(_redirect_wanted(estate))


def _held(estate: EstateCase) -> EstateCase:
    """Somebody said no to every repair of every part."""
    subjects = [ALPHA, network_id("vnet-1"), record_id("alpha"), *(c.id for c in estate.vaults[ALPHA].connections)]
    until = NOW + timedelta(days=1)
    holds = (Hold(rule, subject, "dana", "said no", until) for rule in _RULES for subject in subjects)
    return _history(estate, holds=tuple(holds))


def _off(estate: EstateCase) -> EstateCase:
    return _policy(estate, modes=MappingProxyType(dict.fromkeys(_RULES, Mode.OFF)))


def _approve(estate: EstateCase) -> EstateCase:
    return _policy(estate, modes=MappingProxyType(dict.fromkeys(_RULES, Mode.APPROVE)))


def _aliased(estate: EstateCase) -> EstateCase:
    """Where the vault has no record, a CNAME leads to one of another name."""
    if estate.zones[zone_id()].records["alpha"] is not None:
        return estate
    web = _record("web", _ADDRESS["alpha"])
    return _zone(_records(estate, web=web), cnames=MappingProxyType({"alpha": f"web.{PRIVATE_ZONE}"}))


def _own_zone_empty(estate: EstateCase) -> EstateCase:
    """A zone of the vault's own name is linked, kvguard is to write it, and it has no record."""
    estate = _extra_zone(estate, APEX, "vnet-1", _record("other", "10.1.0.77", zone=APEX))
    return _policy(estate, zones=(*estate.policy.zones, ZonePolicy(APEX, Writer.KVGUARD)))


def _aliases_unread(estate: EstateCase) -> EstateCase:
    return estate.hide("cnames", zone_id())


SITUATIONS: Final[tuple[Step, ...]] = (
    _healthy, _open, _dead, _dead_but_there, _unlinked, _missing, _empty, _wrong, _long, _unlinked_and_missing,
)  # fmt: skip
OBSTACLES: Final[tuple[Step, ...]] = (
    _nothing,
    _full_of_links,
    _full_of_records,
    _foreign_marks,
    _creator,
    _auto_registered,
    _another_approved,
    _retimed,
    _rewritten,
    _another_change,
    _own_zone,
    _neighbours_own_zone,
    _neighbour_without_record,
    _second_zone,
    _parent_and_second_zone,
    _parent_with_record,
    _redirect_far_away,
    _redirect_near_by,
    _far_client_of_redirect,
    _far_ruleset_of_redirect,
    _own_dns,
    _ruleset,
    _address_elsewhere,
    _aliased,
    _aliases_unread,
    _own_zone_empty,
    _zone_group,
    _dead_zone_group,
    _terraform,
    _unlisted,
    _unusable,
    _forgotten,
    _still_updating,
    _seen_a_moment_ago,
    _seen_pending,
    _never_seen,
    _lately_approved,
    _rejected_here,
    _living_endpoint,
    _extra_address,
    _mended_lately,
    _redirect_wanted,
    _redirect_wanted_and_full_of_records,
    _held,
    _off,
    _approve,
)


def every_focused_estate() -> tuple[EstateCase, ...]:
    """Each situation with each obstacle."""
    return tuple(obstacle(situation(_base())) for situation in SITUATIONS for obstacle in OBSTACLES)


# -- plumbing


def _vault(estate: EstateCase, **changes: Any) -> EstateCase:
    vault = replace(estate.vaults[ALPHA], **changes)
    return replace(estate, vaults=MappingProxyType({**estate.vaults, ALPHA: vault}))


def _endpoint(estate: EstateCase, **changes: Any) -> EstateCase:
    endpoint = replace(estate.endpoints[endpoint_id("pe-alpha")], **changes)
    return replace(estate, endpoints=MappingProxyType({**estate.endpoints, endpoint.id: endpoint}))


def _network(estate: EstateCase, name: str, **changes: Any) -> EstateCase:
    network = replace(estate.networks[network_id(name)], **changes)
    return replace(estate, networks=MappingProxyType({**estate.networks, network.id: network}))


def _zone(estate: EstateCase, **changes: Any) -> EstateCase:
    zone = replace(estate.zones[zone_id()], **changes)
    return replace(estate, zones=MappingProxyType({**estate.zones, zone.id: zone}))


def _link(estate: EstateCase, link: ZoneLink) -> EstateCase:
    links = estate.zones[zone_id()].links
    assert not isinstance(links, Unread)
    return _zone(estate, links=(*links, link))


def _records(estate: EstateCase, **records: RecordSet | None) -> EstateCase:
    return _zone(estate, records=MappingProxyType({**estate.zones[zone_id()].records, **records}))


def _mark(estate: EstateCase, **changes: Any) -> EstateCase:
    record = estate.zones[zone_id()].records["alpha"]
    return estate if record is None else _records(estate, alpha=replace(record, **changes))


def _extra_zone(estate: EstateCase, identity: ArmId, network: str, record: RecordSet) -> EstateCase:
    links = (link_to(network_id(network), identity),)
    zone = Zone(identity, links, MappingProxyType({record.id.name: record}), complete=True, link_count=1)
    return replace(estate, zones=MappingProxyType({**estate.zones, identity: zone}))


def _history(estate: EstateCase, **changes: Any) -> EstateCase:
    history = replace(estate.histories[ALPHA], **changes)
    return replace(estate, histories=MappingProxyType({**estate.histories, ALPHA: history}))


def _written(estate: EstateCase, address: str, ttl: int = 60, change_id: str = "chg-1") -> EstateCase:
    row = WrittenRecord(change_id, (address,), ttl, NOW - timedelta(days=2))
    return _history(estate, written=MappingProxyType({record_id("alpha"): row}))


def _policy(estate: EstateCase, **changes: Any) -> EstateCase:
    return replace(estate, policy=replace(estate.policy, **changes))
