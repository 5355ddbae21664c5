"""Strategies for estates: 2 to 4 vaults, 1 to 4 networks, 0 to 3 zones, in every state that matters.

Values are mostly healthy, so that single departures meet whole surroundings and a guard is often the only thing
between a finding and a repair.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from hypothesis import strategies as st

from shared.domain.arm_id import ArmId
from shared.domain.change import (
    CHANGE_ID,
    MANAGED_BY,
    OWNER,
)
from shared.domain.clouds import AZURE_CLOUD
from shared.domain.endpoint import EndpointLink, PrivateEndpoint
from shared.domain.grades import Mode, Profile, Writer
from shared.domain.history import AZURE, History, Hold, Sighting, WrittenRecord
from shared.domain.network import ForwardingRule, Network, Peering, PeeringState
from shared.domain.policy import Policy, ZonePolicy
from shared.domain.vault import (
    Connection,
    ConnectionStatus,
    DefaultAction,
    NetworkAcl,
    PerimeterMode,
    PublicAccess,
    Vault,
)
from shared.domain.zone import RecordSet, ResolutionPolicy, Zone, ZoneLink
from tests.builders import (
    FOREIGN,
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
from tests.estate_details import detailed, weighted
from tests.estates import EstateCase, addresses_of, hideable

VAULTS: Final = ("alpha", "Bravo", "charlie", "delta")
_DEFAULT: Final = ResolutionPolicy.DEFAULT
_REDIRECT: Final = ResolutionPolicy.NXDOMAIN_REDIRECT


_DNS = weighted((14, "azure"), (1, "own"), (2, "peer"), (1, "unknown"), (5, "ruleset"), (1, "other-ruleset"))
_PEERED = weighted((5, None), (5, PeeringState.CONNECTED), (1, PeeringState.INITIATED), (1, PeeringState.DISCONNECTED))
_WRITER = weighted(
    (16, Writer.KVGUARD), (1, Writer.TERRAFORM), (1, Writer.ZONE_GROUP), (1, Writer.AZURE_POLICY), (1, None)
)
_LINK = weighted(
    (10, "default"),
    (8, "none"),
    (3, "redirect"),
    (2, "in-progress"),
    (1, "unclear"),
)
_CONNECTION = weighted(
    (9, (ConnectionStatus.REJECTED, "Succeeded")),
    (6, (ConnectionStatus.DISCONNECTED, "Disconnected")),
    (2, (ConnectionStatus.REJECTED, "Updating")),
    (1, (ConnectionStatus.DISCONNECTED, "")),
    (4, (ConnectionStatus.PENDING, "Succeeded")),
    (6, (ConnectionStatus.APPROVED, "Succeeded")),
    (2, (ConnectionStatus.APPROVED, "Failed")),
    (1, (ConnectionStatus.UNKNOWN, "Succeeded")),
)
_FIRST = weighted(
    (16, (ConnectionStatus.APPROVED, "Succeeded")),
    (1, (ConnectionStatus.APPROVED, "Updating")),
    (5, (ConnectionStatus.PENDING, "Succeeded")),
    (1, (ConnectionStatus.REJECTED, "Succeeded")),
    (1, None),
)
_RECORD = weighted(
    (9, "right"),
    (6, "absent"),
    (3, "empty"),
    (4, "wrong"),
    (1, "other-vault"),
    (3, "extra"),
    (4, "dead"),
)
_TTL = weighted((12, 60), (5, 3600), (2, 5))
_MARKS = weighted(
    (9, "ours"), (4, "none"), (1, "creator"), (1, "forged"), (1, "stolen"), (1, "drifted"), (1, "retimed"),
    (1, "other"), (2, "auto"),
)  # fmt: skip
_AGE = weighted((5, timedelta(days=3)), (2, timedelta(hours=2)), (1, timedelta(hours=24)), (1, None))
_PAST = weighted((12, None), (2, timedelta(days=40)), (2, timedelta(days=5)))
_PUBLIC = weighted(
    (12, (PublicAccess.DISABLED, None, ())),
    (3, (PublicAccess.ENABLED, None, ())),
    (1, (PublicAccess.ENABLED, NetworkAcl(DefaultAction.ALLOW, "AzureServices", ("203.0.113.0/24",)), ())),
    (1, (PublicAccess.ENABLED, NetworkAcl(DefaultAction.DENY, "None"), ())),
    (1, (PublicAccess.ENABLED, None, (PerimeterMode.ENFORCED,))),
    (1, (PublicAccess.UNKNOWN, None, ())),
)
_MENDED = weighted((6, None), (1, timedelta(hours=3)), (1, timedelta(days=2)))
_RARE: Final[st.SearchStrategy[bool]] = weighted((11, False), (1, True))
_HALF: Final[st.SearchStrategy[bool]] = st.booleans()


@st.composite
def estates(draw: st.DrawFn) -> EstateCase:
    """An estate of 2 to 4 vaults, 1 to 4 networks and 0 to 3 zones."""
    networks = _networks(draw)
    ids = [vault_id(name) for name in VAULTS[: draw(st.integers(2, 4))]]
    vaults: dict[ArmId, Vault] = {}
    endpoints: dict[ArmId, PrivateEndpoint] = {}
    sightings: dict[ArmId, dict[ArmId, Sighting]] = {}
    for index, vault in enumerate(ids):
        vaults[vault], sightings[vault] = _vault(draw, index, vault, tuple(networks.values()), endpoints)
    zones, listed = _zones(draw, tuple(networks), ids)
    histories: dict[ArmId, History] = {}
    for vault in ids:
        written: dict[ArmId, WrittenRecord] = {}
        mended: dict[ArmId, datetime] = {}
        for zone in zones:
            zones[zone] = _record(draw, vaults[vault], vaults, endpoints, zones[zone], written, mended)
        histories[vault] = History(
            MappingProxyType(sightings[vault]),
            _holds(draw, vaults[vault], tuple(zones), tuple(networks)),
            MappingProxyType(written),
            MappingProxyType(mended),
        )
    for endpoint in tuple(endpoints):
        if draw(_RARE) and zones:
            target = draw(st.sampled_from(sorted(zones)))
            group = group_of(endpoint, target)
            endpoints[endpoint] = replace(endpoints[endpoint], zone_groups=(group,))
    estate = EstateCase(
        MappingProxyType(vaults),
        MappingProxyType(endpoints),
        MappingProxyType(networks),
        MappingProxyType(zones),
        MappingProxyType(histories),
        _policy(draw, listed, ids),
    )
    estate = detailed(draw, estate)
    if draw(weighted((3, False), (1, True))):
        for part in draw(st.lists(st.sampled_from(hideable(estate, ids[0])), max_size=2, unique=True)):
            estate = estate.hide(*part)
    return estate


def _networks(draw: st.DrawFn) -> dict[ArmId, Network]:
    count = draw(st.integers(1, 4))
    ids = [network_id(f"vnet-{number}") for number in range(1, count + 1)]
    prefixes = [f"10.{number}.0.0/16" for number in range(1, count + 1)]
    peerings: list[list[Peering]] = [[] for _ in ids]
    for one in range(count):
        for other in range(one + 1, count):
            state = draw(_PEERED)
            if state is not None:
                peerings[one].append(Peering(ids[other], state, (prefixes[other],)))
                peerings[other].append(Peering(ids[one], state, (prefixes[one],)))
    if count > 1 and not peerings[-1] and draw(_RARE):
        prefixes[-1] = prefixes[0]
    found: dict[ArmId, Network] = {}
    for number, identity in enumerate(ids):
        servers, forwarding = _dns(draw, number, prefixes, ids, peerings[number])
        found[identity] = Network(identity, (prefixes[number],), servers, tuple(peerings[number]), forwarding)
    return found


def _dns(
    draw: st.DrawFn, number: int, prefixes: list[str], ids: list[ArmId], peerings: list[Peering]
) -> tuple[tuple[str, ...], tuple[ForwardingRule, ...]]:
    """DNS servers and forwarding rules of a network; servers have address .0.10 of the network they stand in."""
    kind = draw(_DNS)
    own = prefixes[number].replace(".0.0/16", ".0.10")
    peers = [prefixes[ids.index(known.remote)].replace(".0.0/16", ".0.10") for known in peerings]
    if kind == "own":
        return (own,), ()
    if kind == "unknown":
        return ("192.168.7.53",), ()
    if kind == "peer":
        return (draw(st.sampled_from(peers)),) if peers else (), ()
    if kind == "ruleset":
        domain = draw(st.sampled_from(["vault.azure.net.", "vaultcore.azure.net.", "."]))
        return (), (ForwardingRule(domain, (peers[0] if peers else own,)),)
    if kind == "other-ruleset":
        return (), (ForwardingRule("corp.contoso.com.", ("192.168.7.53",)),)
    return (), ()


def _vault(
    draw: st.DrawFn,
    index: int,
    vault: ArmId,
    networks: tuple[Network, ...],
    endpoints: dict[ArmId, PrivateEndpoint],
) -> tuple[Vault, dict[ArmId, Sighting]]:
    connections: list[Connection] = []
    seen: dict[ArmId, Sighting] = {}
    states = [first for first in [draw(_FIRST)] if first is not None]
    states += draw(st.lists(_CONNECTION, max_size=2))
    for position, (status, state) in enumerate(states):
        identity = connection_id(f"c-{position}", vault.name)
        subscription = draw(weighted((12, SUBSCRIPTION), (1, FOREIGN)))
        target = endpoint_id(f"pe-{vault.name}-{position}", subscription)
        home = draw(st.sampled_from(networks))
        present = draw(weighted((9, True), (1, False))) if not status.dead else draw(_HALF)
        if present:
            address = home.prefixes[0].replace(".0.0/16", f".{index}.{4 + position}")
            if draw(_RARE):
                address = f"172.16.{index}.{4 + position}"
            link = draw(weighted((7, status), (1, ConnectionStatus.APPROVED)))
            endpoints[target] = replace(
                endpoint_to(
                    vault,
                    name=target.name,
                    network=home.id.name,
                    addresses=() if draw(_RARE) and draw(_HALF) else (address,),
                    subscription=subscription,
                ),
                links=(EndpointLink(vault, link, manual=False),),
            )
        connections.append(Connection(identity, status, state, target))
        _sighting(draw, identity, status, seen)
    access, acl, perimeters = draw(_PUBLIC)
    return Vault(vault, "westeurope", access, acl, "Succeeded", tuple(connections), perimeters), seen


def _sighting(draw: st.DrawFn, identity: ArmId, status: ConnectionStatus, seen: dict[ArmId, Sighting]) -> None:
    age = draw(_AGE)
    if age is None:
        return
    approved, rejected = draw(_PAST), draw(_PAST)
    then = draw(weighted((11, status), (1, ConnectionStatus.PENDING)))
    seen[identity] = Sighting(
        then,
        NOW - age,
        None if approved is None else NOW - approved,
        None if rejected is None else NOW - rejected,
    )


def _zones(
    draw: st.DrawFn, networks: tuple[ArmId, ...], vaults: list[ArmId]
) -> tuple[dict[ArmId, Zone], list[ZonePolicy]]:
    """Up to two zones of the right name, an apex zone of one vault, or a zone of another name."""
    kinds = draw(
        weighted(
            (10, ("main",)),
            (5, ("main", "second")),
            (4, ("main", "apex")),
            (2, ("main", "parent")),
            (1, ("main", "host")),
            (1, ("main", "second", "apex")),
            (1, ("misnamed",)),
            (3, ()),
        )
    )
    zones: dict[ArmId, Zone] = {}
    listed: list[ZonePolicy] = []
    taken: set[tuple[str, ArmId]] = set()
    for kind in kinds:
        identity = _zone_id(kind, draw, vaults)
        links = []
        for network in networks:
            how = draw(_LINK)
            if how == "none" or (identity.name, network) in taken:
                continue
            taken.add((identity.name, network))
            links.append(_link(network, identity, how))
        writer = draw(_WRITER)
        redirect = _REDIRECT if draw(_RARE) else _DEFAULT
        if writer is not None:
            everywhere = kind == "main" and "second" not in kinds
            serves = () if everywhere else tuple(n for n in networks if draw(_HALF))
            if kind == "main" or serves:
                listed.append(ZonePolicy(identity, writer, serves, redirect))
        zones[identity] = Zone(
            identity,
            tuple(links),
            complete=True,
            link_count=1000 if draw(_RARE) else len(links),
            record_count=25000 if draw(_RARE) else len(vaults),
        )
    if "main" not in kinds and draw(_HALF):
        listed.append(ZonePolicy(zone_id(), Writer.KVGUARD))
    return zones, listed


def _zone_id(kind: str, draw: st.DrawFn, vaults: list[ArmId]) -> ArmId:
    match kind:
        case "main":
            return zone_id()
        case "second":
            return zone_id(group="rg-dns-2")
        case "apex":
            owner = draw(st.sampled_from(vaults))
            return zone_id(f"{owner.name.lower()}.{PRIVATE_ZONE}", "rg-apex")
        case "parent":
            return zone_id("vaultcore.azure.net", "rg-parent")
        case "host":
            return zone_id("vault.azure.net", "rg-host")
        case _:
            return zone_id("privatelink.vault.azure.net", "rg-misnamed")


def _link(network: ArmId, zone: ArmId, how: str) -> ZoneLink:
    policies = {"redirect": _REDIRECT, "unclear": ResolutionPolicy.UNKNOWN}
    return link_to(
        network, zone, completed=how != "in-progress", resolution_policy=policies.get(how, ResolutionPolicy.DEFAULT)
    )


def _relative_name(vault: Vault, zone: Zone) -> str | None:
    """The relative name under which this zone would be asked for the vault, None when it never is."""
    for name in (AZURE_CLOUD.vault_host(vault.name), AZURE_CLOUD.alias_host(vault.name)):
        if name == zone.name:
            return "@"
        if name.endswith("." + zone.name):
            return name[: -len(zone.name) - 1]
    return None


def _record(
    draw: st.DrawFn,
    vault: Vault,
    vaults: Mapping[ArmId, Vault],
    endpoints: Mapping[ArmId, PrivateEndpoint],
    zone: Zone,
    written: dict[ArmId, WrittenRecord],
    mended: dict[ArmId, datetime],
) -> Zone:
    relative = _relative_name(vault, zone)
    if relative is None:
        return zone
    if zone.name != PRIVATE_ZONE and draw(_HALF):
        return zone
    addresses = _addresses(draw, vault, vaults, endpoints)
    if addresses is None:
        return zone
    ttl, marks = draw(_TTL), draw(_MARKS)
    target = record_id(relative, zone.id)
    ours = {MANAGED_BY: OWNER, CHANGE_ID: "chg-1"}
    metadata = {
        "none": {}, "creator": {**ours, "Creator": "by pe"}, "other": {"owner": "team-dns"},
        "stolen": {**ours, CHANGE_ID: "chg-9"},
    }.get(marks, ours)  # fmt: skip
    if marks in ("ours", "drifted", "retimed", "creator", "stolen", "auto"):
        last = ("10.8.8.8",) if marks == "drifted" else addresses
        written[target] = WrittenRecord("chg-1", last, ttl + (marks == "retimed"), NOW - timedelta(days=2))
    since = draw(_MENDED)
    if since is not None:
        mended[target] = NOW - since
    record = RecordSet(target, ttl, addresses, MappingProxyType(metadata), "etag-1", marks == "auto")
    return zone.with_record(relative, record)


def _addresses(
    draw: st.DrawFn, vault: Vault, vaults: Mapping[ArmId, Vault], endpoints: Mapping[ArmId, PrivateEndpoint]
) -> tuple[str, ...] | None:
    kind = draw(_RECORD)
    right = _of(vault, endpoints, effective=True)
    if kind == "absent":
        return None
    if kind == "empty":
        return ()
    if kind == "other-vault":
        others = [a for other in vaults.values() if other.id != vault.id for a in _of(other, endpoints, effective=True)]
        return (others[0],) if others else ("10.9.9.9",)
    if kind == "dead":
        return tuple(_of(vault, endpoints, effective=False))[-1:] or None
    if kind == "extra":
        return (*right[:1], "10.9.9.8")
    return ("10.9.9.9",) if kind == "wrong" or not right else (draw(st.sampled_from(right)),)


def _of(vault: Vault, endpoints: Mapping[ArmId, PrivateEndpoint], *, effective: bool) -> list[str]:
    chosen = vault.effective_connections if effective else vault.connections
    found = [endpoints.get(connection.endpoint) for connection in chosen if connection.endpoint is not None]
    return [address for endpoint in found if endpoint is not None for address in addresses_of(endpoint)]


def _holds(draw: st.DrawFn, vault: Vault, zones: tuple[ArmId, ...], networks: tuple[ArmId, ...]) -> tuple[Hold, ...]:
    """Rarely holds on every subject of one rule, still valid or just over: a person's, or Azure's after a refusal."""
    if not draw(weighted((4, False), (1, True))):
        return ()
    rule = draw(st.sampled_from(["KVG202", "KVG403", "KVG411", "KVG412", "KVG413", "KVG101", "KVG201"]))
    until = NOW + draw(weighted((3, timedelta(days=1)), (1, timedelta(0))))
    subjects = [vault.id, *(c.id for c in vault.connections), *networks]
    subjects += [zone.child("A", vault.record_name) for zone in zones]
    who, why = draw(weighted((1, ("dana@contoso.com", "said no")), (3, (AZURE, "ScopeLocked: lock do-not-touch"))))
    return tuple(Hold(rule, subject, who, why, until) for subject in subjects)


def _policy(draw: st.DrawFn, listed: list[ZonePolicy], vaults: list[ArmId]) -> Policy:
    modes = {"KVG412": draw(weighted((4, Mode.FIX), (1, Mode.APPROVE)))}
    if draw(_RARE):
        modes[draw(st.sampled_from(["KVG202", "KVG403", "KVG411", "KVG413", "KVG101"]))] = draw(st.sampled_from(Mode))
    profiles = tuple((vault.text, draw(st.sampled_from(Profile))) for vault in vaults if draw(_RARE))
    return Policy(
        modes=MappingProxyType(modes),
        zones=tuple(listed),
        zone_subscriptions=(SUBSCRIPTION,),
        zone_subscriptions_complete=draw(_HALF),
        profiles=profiles,
        watched_subscriptions=frozenset({SUBSCRIPTION}),
        pipeline_ranges=("203.0.113.0/24",) if draw(_HALF) else (),
        unusable="line 3: no such writer" if draw(weighted((10, False), (1, True))) else "",
    )
