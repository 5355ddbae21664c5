"""Virtual network links: created under If-None-Match, deleted under the quoted etag that was read."""

from __future__ import annotations

import time

import pytest

from shared.domain.arm_id import ArmId
from shared.domain.change import CreateLink, DeleteLink
from shared.domain.plan import OutcomeKind
from shared.domain.zone import ResolutionPolicy, ZoneLink
from tests.adapters.writer.conftest import GUARD, Bench
from tests.emulator.arm.estate import LINK, NETWORK, NETWORK_PROVIDER, ZONE, ZONE_NAME, link_body, network_body

CREATE = CreateLink(ArmId.parse(ZONE), ArmId.parse(NETWORK), ResolutionPolicy.NXDOMAIN_REDIRECT)
EXISTING = ZoneLink(ArmId.parse(LINK), ArmId.parse(NETWORK), completed=True, provisioning_state="Succeeded")
OTHER_NETWORK = f"{NETWORK_PROVIDER}/virtualNetworks/Vnet-Other"


@pytest.fixture(autouse=True)
def estate_with_zone(bench: Bench) -> None:
    bench.estate.network()
    bench.estate.zone()
    bench.azure.switches.strict_etag = True


def test_a_link_is_started_and_not_waited_for(bench: Bench) -> None:
    outcome = bench.apply(CREATE)

    assert (outcome.kind, outcome.effective_after) == (OutcomeKind.ACCEPTED, 30)
    (write,) = bench.writes
    assert (write.method, write.status, write.request_headers["if-none-match"]) == ("PUT", 202, "*")
    assert write.body == {
        "location": "global",
        "properties": {
            "virtualNetwork": {"id": NETWORK},
            "registrationEnabled": False,
            "resolutionPolicy": "NxDomainRedirect",
        },
    }
    time.sleep(0.15)  # a poller would be a thread that asks at once
    assert bench.reads == [], "the status of the operation is not polled"


def test_the_same_link_again_is_already_true(bench: Bench) -> None:
    bench.apply(CREATE)

    assert bench.apply(CREATE).kind is OutcomeKind.ALREADY_TRUE


def test_a_link_of_the_name_with_another_policy_is_a_conflict(bench: Bench) -> None:
    bench.estate.put(str(CREATE.target), link_body())

    assert bench.apply(CREATE).kind is OutcomeKind.CONFLICT
    assert bench.get(CREATE.target)["properties"]["resolutionPolicy"] == "Default"


def test_a_second_zone_of_one_name_is_refused_with_azures_words(bench: Bench) -> None:
    other = ZONE.replace("/Rg-Kv-Prod/", "/Rg-Other/")
    bench.estate.put(other.split("/providers/")[0], {"location": "westeurope"})
    bench.estate.put(other, {"location": "global"})
    bench.estate.put(f"{other}/virtualNetworkLinks/first", link_body())

    outcome = bench.apply(CREATE)

    assert (outcome.kind, outcome.retry) == (OutcomeKind.REFUSED, False)
    assert "overlapping namespaces" in outcome.detail
    assert ZONE_NAME in outcome.detail


def test_a_missing_right_to_join_the_network_is_named(bench: Bench) -> None:
    bench.azure.deny(GUARD, "Microsoft.Network/virtualNetworks/join/action")

    outcome = bench.apply(CREATE)

    assert (outcome.kind, outcome.retry) == (OutcomeKind.REFUSED, False)
    assert "Microsoft.Network/virtualNetworks/join/action" in outcome.detail


def test_a_link_is_deleted_under_the_etag_as_it_was_read(bench: Bench) -> None:
    bench.estate.put(LINK, link_body())
    etag = bench.get(LINK)["etag"]
    assert etag.startswith('"'), "etags of links are quoted strings"

    outcome = bench.apply(DeleteLink(EXISTING))

    assert (outcome.kind, outcome.effective_after) == (OutcomeKind.ACCEPTED, 30)
    (write,) = bench.writes
    assert (write.method, write.request_headers["if-match"]) == ("DELETE", etag)


def test_deleting_a_link_that_is_gone_is_already_true(bench: Bench) -> None:
    outcome = bench.apply(DeleteLink(EXISTING))

    assert (outcome.kind, bench.writes) == (OutcomeKind.ALREADY_TRUE, [])


def test_a_link_that_joins_another_network_now_is_not_deleted(bench: Bench) -> None:
    bench.estate.put(OTHER_NETWORK, network_body("10.2.0.0/16", "10.2.0.0/24"))
    bench.estate.put(LINK, link_body(OTHER_NETWORK))

    outcome = bench.apply(DeleteLink(EXISTING))

    assert (outcome.kind, bench.writes) == (OutcomeKind.CONFLICT, [])
