"""One order for everything that is read: what a list holds counts, not how it came."""

from __future__ import annotations

from dataclasses import replace

from shared.domain.arm_id import ArmId
from shared.domain.endpoint import PrivateEndpoint
from shared.domain.network import Network, Subnet
from shared.domain.reading import Gone, Unread, UnreadReason
from shared.domain.snapshot import VaultSnapshot
from shared.domain.vault import AccessPolicy, DiagnosticSetting, RoleAssignment
from shared.domain.zone import StrayZone
from shared.engine.canonical import canonical
from tests.builders import endpoint_id, group_of, healthy, network_id, peering, vault_id, zone_id

UNREAD = Unread(UnreadReason.FORBIDDEN, "an/action")


def upper(identity: ArmId) -> ArmId:
    """The same id as Azure returns it elsewhere."""
    return ArmId.parse(identity.text.replace(identity.name, identity.name.upper()))


def _full() -> VaultSnapshot:
    snapshot = healthy().snapshot
    vault = vault_id()
    settings = tuple(DiagnosticSetting(vault.child("diagnosticSettings", name), frozenset()) for name in ("a", "b"))
    roles = tuple(RoleAssignment(name, "Reader", "/") for name in ("p-1", "p-2"))
    policies = tuple(AccessPolicy(name, "t") for name in ("p-1", "p-2"))
    home = network_id()
    subnets = tuple(Subnet(home.child("subnets", name), ("10.1.0.0/24",)) for name in ("a", "b"))
    network = Network(home, ("10.1.0.0/16",), peerings=(peering("vnet-2"), peering("vnet-3")), subnets=subnets)
    identity, endpoint = next(iter(snapshot.endpoints.items()))
    assert isinstance(endpoint, PrivateEndpoint)
    groups = tuple(replace(group_of(identity), id=identity.child("privateDnsZoneGroups", name)) for name in ("a", "b"))
    return replace(
        snapshot,
        vault=replace(
            snapshot.vault,
            diagnostics=settings,
            roles=roles,
            settings=replace(snapshot.vault.settings, access_policies=policies),
        ),
        endpoints={identity: replace(endpoint, zone_groups=groups), endpoint_id("pe-2"): Gone()},
        networks={home: network, network_id("vnet-2"): UNREAD},
        strays=tuple(StrayZone(zone_id(name), 0, 1) for name in ("a.example", "b.example")),
        claimants=(endpoint_id("pe-1"), endpoint_id("pe-2")),
    )


def _mixed(snapshot: VaultSnapshot) -> VaultSnapshot:
    """Every list the other way round, its last entry twice and once in another casing."""
    vault = snapshot.vault
    assert not isinstance(vault.diagnostics, Unread)
    assert not isinstance(vault.roles, Unread)
    assert not isinstance(snapshot.claimants, Unread)
    first_setting, second_setting = vault.diagnostics
    networks = {
        key: network
        if not isinstance(network, Network)
        else replace(
            network,
            peerings=(*reversed(network.peerings), network.peerings[0]),
            subnets=(replace(network.subnets[1], id=upper(network.subnets[1].id)), *reversed(network.subnets)),
        )
        for key, network in reversed(list(snapshot.networks.items()))
    }
    endpoints = {
        key: endpoint
        if isinstance(endpoint, Gone | Unread) or isinstance(endpoint.zone_groups, Unread)
        else replace(endpoint, zone_groups=endpoint.zone_groups[::-1])
        for key, endpoint in reversed(list(snapshot.endpoints.items()))
    }
    return replace(
        snapshot,
        vault=replace(
            vault,
            diagnostics=(second_setting, replace(first_setting, id=upper(first_setting.id)), first_setting),
            roles=(*vault.roles[::-1], vault.roles[1]),
            settings=replace(vault.settings, access_policies=vault.settings.access_policies[::-1] * 2),
        ),
        endpoints=endpoints,
        networks=networks,
        strays=(*snapshot.strays[::-1], snapshot.strays[1]),
        claimants=(upper(snapshot.claimants[0]), *snapshot.claimants[::-1]),
    )


def test_order_duplication_and_casing_change_nothing() -> None:
    full = canonical(_full())
    mixed = canonical(_mixed(_full()))
    assert mixed == full
    assert list(mixed.endpoints) == list(full.endpoints)
    assert list(mixed.networks) == list(full.networks)
    assert canonical(full) == full


def test_parts_that_were_not_read_stay_unread() -> None:
    snapshot = healthy().snapshot
    snapshot = replace(
        snapshot, vault=replace(snapshot.vault, diagnostics=UNREAD, roles=UNREAD), claimants=UNREAD, neighbours=UNREAD
    )
    found = canonical(snapshot)
    assert (found.vault.diagnostics, found.vault.roles, found.claimants, found.neighbours) == (UNREAD,) * 4
