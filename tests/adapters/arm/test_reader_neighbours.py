"""The other vaults: as neighbours of one, and as lists."""

from __future__ import annotations

import pytest

from emulator.arm.faults import Status
from emulator.azure import SUBSCRIPTION, LocalAzure
from shared.domain.arm_id import ArmId
from shared.domain.reading import Gone, Part, Unread, UnreadReason
from shared.service.ports import EstateError, EstateForbidden
from tests.adapters.arm.bench import OTHER_SUBSCRIPTION, READER, Bench, seconds
from tests.emulator.arm.estate import (
    ENDPOINT,
    GROUP,
    NETWORK,
    NETWORK_PROVIDER,
    VAULT,
    ZONE,
    Estate,
    endpoint_body,
    record_body,
    vault_body,
)

FORBIDDEN = UnreadReason.FORBIDDEN


@pytest.fixture
def whole(estate: Estate) -> None:
    estate.everything()


def _neighbour(estate: Estate, name: str, *, manual: bool = False) -> str:
    vault = f"{GROUP}/providers/Microsoft.KeyVault/vaults/{name}"
    estate.put(vault, vault_body())
    estate.put(f"{NETWORK_PROVIDER}/privateEndpoints/pe-{name}", endpoint_body(vault=vault, manual=manual))
    return vault


@pytest.mark.usefixtures("whole")
def test_neighbours_are_the_other_vaults_with_an_alias_and_where_they_answer(bench: Bench, estate: Estate) -> None:
    _neighbour(estate, "kv-billing")
    _neighbour(estate, "kv-waiting", manual=True)
    estate.put(f"{GROUP}/providers/Microsoft.KeyVault/vaults/kv-public", vault_body())
    neighbours = bench.deepen(bench.read(), Part.NEIGHBOURS).neighbours
    assert isinstance(neighbours, tuple)
    (billing,) = neighbours
    assert billing.vault.name == "kv-billing"
    assert isinstance(billing.endpoints, tuple)
    assert [(known.addresses, known.network) for known in billing.endpoints] == [(("10.1.0.5",), ArmId.parse(NETWORK))]


@pytest.mark.usefixtures("whole")
def test_neighbours_bring_all_records_of_the_zone(bench: Bench, estate: Estate) -> None:
    for number in range(150):
        estate.put(f"{ZONE}/A/other-{number:03}", record_body("10.1.0.9"))
    snapshot = bench.deepen(bench.read(), Part.NEIGHBOURS)
    assert snapshot.zones[0].complete
    assert len(snapshot.zones[0].records) == 151
    assert snapshot.zones[0].lookup("no-such-vault") is None


@pytest.mark.usefixtures("whole")
def test_a_neighbour_whose_interface_is_not_found_has_unread_endpoints(
    azure: LocalAzure, bench: Bench, estate: Estate
) -> None:
    _neighbour(estate, "kv-billing")
    azure.faults.add("GET", r"/networkInterfaces\?", Status(200, {"value": []}))
    neighbours = bench.deepen(bench.read(), Part.NEIGHBOURS).neighbours
    assert isinstance(neighbours, tuple)
    assert isinstance(neighbours[0].endpoints, Unread)
    assert "pe-kv-billing" in neighbours[0].endpoints.detail


@pytest.mark.usefixtures("whole")
def test_a_subscription_whose_vaults_may_not_be_listed_leaves_the_neighbours_unread(azure: LocalAzure) -> None:
    azure.store.add_subscription(OTHER_SUBSCRIPTION, "other")
    azure.faults.add("GET", rf"/{OTHER_SUBSCRIPTION}/providers/Microsoft.KeyVault/vaults\?", Status(403, {}))
    bench = Bench(azure, None, SUBSCRIPTION, OTHER_SUBSCRIPTION)
    snapshot = bench.deepen(bench.read(), Part.NEIGHBOURS)
    assert snapshot.neighbours == Unread(FORBIDDEN, "Microsoft.KeyVault/vaults/read")


def test_all_vaults_of_a_subscription_are_listed_page_by_page(azure: LocalAzure, bench: Bench, estate: Estate) -> None:
    estate.group()
    for number in range(5):
        estate.put(f"{GROUP}/providers/Microsoft.KeyVault/vaults/kv-{number:02}", vault_body())
    azure.switches.page_size = 2
    azure.switches.empty_last_page = True
    found = bench.reader.vaults(SUBSCRIPTION, deadline=seconds(5))
    assert next(iter(found)).name == "kv-00"
    assert len(azure.log.since()) == 1
    assert [vault.name for vault in found] == ["kv-01", "kv-02", "kv-03", "kv-04"]


def test_the_vaults_of_an_unseen_subscription_are_a_missing_right(bench: Bench) -> None:
    with pytest.raises(EstateForbidden) as caught:
        list(bench.reader.vaults(OTHER_SUBSCRIPTION, deadline=seconds(5)))
    assert caught.value.action == "Microsoft.KeyVault/vaults/read"


@pytest.mark.parametrize("manual", [False, True])
def test_the_vaults_of_an_endpoint_are_those_of_both_arrays(bench: Bench, estate: Estate, manual: bool) -> None:
    estate.endpoint(manual=manual)
    found = bench.reader.vaults_of_endpoint(ArmId.parse(ENDPOINT), deadline=seconds(5))
    assert found == (ArmId.parse(VAULT),)


def test_an_endpoint_that_does_not_exist_is_gone_and_one_that_may_not_be_read_an_error(
    azure: LocalAzure, bench: Bench, estate: Estate
) -> None:
    estate.group()
    endpoint = ArmId.parse(ENDPOINT)
    assert bench.reader.vaults_of_endpoint(endpoint, deadline=seconds(5)) == Gone()
    azure.deny(READER, "Microsoft.Network/privateEndpoints/read")
    with pytest.raises(EstateForbidden):
        bench.reader.vaults_of_endpoint(endpoint, deadline=seconds(5))


def test_a_list_goes_on_from_a_cursor(azure: LocalAzure, bench: Bench, estate: Estate) -> None:
    estate.group()
    for number in range(5):
        estate.put(f"{GROUP}/providers/Microsoft.KeyVault/vaults/kv-{number:02}", vault_body())
    azure.switches.page_size = 2
    found: list[str] = []
    cursor = ""
    for _ in range(4):
        vaults, cursor = bench.reader.vault_page(SUBSCRIPTION, cursor, deadline=seconds(5))
        found += [vault.name for vault in vaults]
        if not cursor:
            break
    assert found == [f"kv-{number:02}" for number in range(5)]
    assert len(azure.log.since()) == 3


@pytest.mark.parametrize(
    "cursor",
    [
        f"{GROUP}/providers/Microsoft.KeyVault/vaults/kv-00?api-version=2026-02-01",
        f"/subscriptions/{OTHER_SUBSCRIPTION}/providers/Microsoft.KeyVault/vaults?api-version=2026-02-01",
        "@evil.example/",
        ".evil.example/",
        ":1/",
        "//evil.example/",
    ],
)
def test_a_cursor_that_leads_elsewhere_is_not_followed(azure: LocalAzure, bench: Bench, cursor: str) -> None:
    with pytest.raises(EstateError):
        bench.reader.vault_page(SUBSCRIPTION, cursor, deadline=seconds(5))
    assert azure.log.since() == []
