"""The zone is not linked to the network of the endpoint: the name resolves to the public address there."""

from __future__ import annotations

from shared.domain.arm_id import ArmId
from shared.domain.grades import Applicability, Writer
from shared.domain.policy import Policy, ZonePolicy
from tests.scenarios.azure import HUB, STRANGER
from tests.scenarios.estate import (
    DNS_GROUP_NAME,
    ENDPOINT,
    LINK,
    NAME,
    NETWORK,
    VAULT,
    ZONE,
    ZONE_NAME,
    Estate,
    record_body,
)
from tests.scenarios.scenario import Expect, Remedy, Scenario, Under, Write

HUB_ZONE = ZONE.replace(ZONE.split("/")[2], HUB)
FOREIGN_VAULT = VAULT.replace(VAULT.split("/")[2], HUB).replace(NAME, "kv-foreign")
FOREIGN_ENDPOINT = ENDPOINT.replace(ENDPOINT.split("/")[2], STRANGER)
RESOLVER_NETWORK = NETWORK.replace("vnet-app", "vnet-hub")
LINKED = (Write("PUT", "*/virtualNetworkLinks/*", Under.MISSING),)


def make(estate: Estate) -> str:
    estate.sdk.privatedns.virtual_network_links.begin_delete(DNS_GROUP_NAME, ZONE_NAME, "to-vnet-app").result()
    return NETWORK


def prepare_foreign(estate: Estate) -> None:
    """Besides, another vault of the estate with an endpoint elsewhere, and no record of it in this zone."""
    estate.usual()
    network = estate.network(NETWORK.replace("vnet-app", "vnet-far"), "10.7.0.0/16", "10.7.0.0/24")
    estate.vault(FOREIGN_VAULT)
    estate.endpoint(ENDPOINT.replace("pe-orders", "pe-foreign"), FOREIGN_VAULT, f"{network}/subnets/endpoints")


def prepare_hub(estate: Estate) -> None:
    """The zone lies in the hub's subscription."""
    estate.vault()
    estate.network()
    estate.endpoint()
    estate.zone(HUB_ZONE)
    estate.link(f"{HUB_ZONE}/virtualNetworkLinks/to-vnet-app")
    estate.record(f"{HUB_ZONE}/A/{NAME}", estate.address())


def make_unlinked_from_hub(estate: Estate) -> str:
    estate.hub_sdk.privatedns.virtual_network_links.begin_delete(DNS_GROUP_NAME, ZONE_NAME, "to-vnet-app").result()
    return NETWORK


def make_hub_unreadable(estate: Estate) -> str:
    make_unlinked_from_hub(estate)
    estate.deny("Microsoft.Network/privateDnsZones", f"/subscriptions/{HUB}")
    return NETWORK


def make_relabelled(estate: Estate) -> str:
    """The link is made anew under another name: nothing is wrong."""
    make(estate)
    estate.link(LINK.replace("to-vnet-app", "another-name"))
    estate.sdk.privatedns.record_sets.create_or_update(
        DNS_GROUP_NAME, ZONE_NAME, "A", "unrelated", record_body("10.1.0.9")
    )
    return NETWORK


def prepare_resolver(estate: Estate) -> None:
    """A spoke that asks a resolver in its hub; the zone is linked to both."""
    estate.vault()
    estate.network(NETWORK, "10.1.0.0/16", "10.1.0.0/24", "10.9.0.4")
    estate.network(RESOLVER_NETWORK, "10.9.0.0/16", "10.9.0.0/24")
    estate.peer(NETWORK, RESOLVER_NETWORK)
    estate.endpoint()
    estate.zone()
    estate.link()
    estate.link(f"{ZONE}/virtualNetworkLinks/to-vnet-hub", RESOLVER_NETWORK)
    estate.record(f"{ZONE}/A/{NAME}", estate.address())


def make_hub_unlinked(estate: Estate) -> str:
    estate.sdk.privatedns.virtual_network_links.begin_delete(DNS_GROUP_NAME, ZONE_NAME, "to-vnet-hub").result()
    return RESOLVER_NETWORK


def hub_policy(estate: Estate) -> Policy:
    return estate.policy(zones=(ZonePolicy(ArmId.parse(HUB_ZONE), Writer.KVGUARD),))


AFTERWARDS = frozenset({"KVG401", "KVG411", "KVG503"})
SCENARIO = Scenario(
    "link deleted",
    "KVG403",
    make,
    (Remedy("create-link", Applicability.SAFE, LINKED),),
    companions=AFTERWARDS,
)
TRAPS = (
    Scenario(
        "a foreign vault would become NXDOMAIN",
        "KVG403",
        make,
        (Remedy("create-link", Applicability.APPROVAL, LINKED),),
        prepare=prepare_foreign,
        companions=AFTERWARDS,
    ),
    Scenario(
        "the zone is somebody else's to write",
        "KVG403",
        make,
        (Remedy("create-link", Applicability.APPROVAL, LINKED),),
        policy=lambda estate: estate.policy(Writer.TERRAFORM),
        companions=AFTERWARDS,
    ),
    Scenario(
        "link to a hub zone deleted",
        "KVG403",
        make_unlinked_from_hub,
        (Remedy("create-link", Applicability.SAFE, LINKED),),
        prepare=prepare_hub,
        policy=hub_policy,
        companions=AFTERWARDS,
    ),
    Scenario(
        "hub zone that cannot be read",
        "KVG403",
        make_hub_unreadable,
        expect=Expect.NOT_EVALUATED,
        prepare=prepare_hub,
        policy=hub_policy,
    ),
    Scenario("a resolver in the hub sees the zone", "KVG403", make, expect=Expect.SILENT, prepare=prepare_resolver),
    Scenario(
        "a resolver in the hub sees none",
        "KVG403",
        make_hub_unlinked,
        (Remedy("create-link", Applicability.APPROVAL, LINKED),),
        prepare=prepare_resolver,
        companions=AFTERWARDS,
    ),
    Scenario("link under another name", "KVG403", make_relabelled, expect=Expect.SILENT),
)
