"""A connection whose endpoint was deleted, or that the vault has rejected, stays on the vault."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from shared.domain.arm_id import ArmId
from shared.domain.grades import Applicability
from shared.domain.history import History, Sighting
from shared.domain.snapshot import VaultSnapshot
from tests.scenarios.estate import GROUP, GROUP_NAME, NAME, SUBNET, VAULT, Estate
from tests.scenarios.scenario import Expect, Remedy, Scenario, Write

SECOND = f"{GROUP}/providers/Microsoft.Network/privateEndpoints/pe-second"
CONNECTION = f"{VAULT}/privateEndpointConnections/pe-second*"
DELETE = (Write("DELETE", CONNECTION),)


def make_lost(estate: Estate) -> str:
    estate.endpoint(SECOND, VAULT, SUBNET)
    subject = estate.connection(SECOND)
    estate.sdk.network.private_endpoints.begin_delete(GROUP_NAME, "pe-second").result()
    return subject


def make_rejected(estate: Estate) -> str:
    estate.endpoint(SECOND, VAULT, SUBNET, manual=True)
    subject = estate.connection(SECOND)
    state = {"privateLinkServiceConnectionState": {"status": "Rejected", "description": "Not ours."}}
    name = ArmId.parse(subject).name
    estate.sdk.keyvault.private_endpoint_connections.put(GROUP_NAME, NAME, name, {"properties": state})
    return subject


def make_approved_after_all(estate: Estate) -> str:
    subject = make_rejected(estate)
    state = {"privateLinkServiceConnectionState": {"status": "Approved", "description": "Ours after all."}}
    name = ArmId.parse(subject).name
    estate.sdk.keyvault.private_endpoint_connections.put(GROUP_NAME, NAME, name, {"properties": state})
    return subject


def seen_yesterday(snapshot: VaultSnapshot) -> History:
    """All dead connections have been seen so for longer than the policy asks."""
    since = snapshot.read_at - timedelta(hours=25)
    seen = {each.id: Sighting(each.status, since) for each in snapshot.vault.connections if each.status.dead}
    return History(seen)


def rejected_here(snapshot: VaultSnapshot) -> History:
    """They were rejected through kvguard."""
    known = seen_yesterday(snapshot).sightings
    return History({key: replace(each, rejected_by_kvguard=each.since) for key, each in known.items()})


SCENARIO = Scenario(
    "its endpoint is gone",
    "KVG202",
    make_lost,
    (Remedy("delete-connection", Applicability.SAFE, DELETE, irreversible=True),),
    history=seen_yesterday,
)
TRAPS = (
    Scenario(
        "lost a moment ago",
        "KVG202",
        make_lost,
        (Remedy("delete-connection", Applicability.APPROVAL, DELETE, irreversible=True),),
    ),
    Scenario(
        "rejected by somebody",
        "KVG202",
        make_rejected,
        (Remedy("delete-connection", Applicability.SAFE, DELETE, irreversible=True),),
        history=seen_yesterday,
        companions=frozenset({"KVG207"}),
    ),
    Scenario(
        "rejected on purpose",
        "KVG202",
        make_rejected,
        (Remedy("delete-connection", Applicability.APPROVAL, DELETE, irreversible=True),),
        history=rejected_here,
        companions=frozenset({"KVG207"}),
    ),
    Scenario(
        "rejected, then approved", "KVG202", make_approved_after_all, expect=Expect.SILENT, history=seen_yesterday
    ),
)
