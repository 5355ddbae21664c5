"""When faults strike: by time, by rate, every n-th request; several together; and in this process without a server."""

import pytest

from emulator.arm.faulted import ConnectionCut, NeverAnswered
from emulator.arm.faults import Cut, Delay, Hang, Redirect, Schedule, Status, Surface
from emulator.arm.service import RawRequest
from emulator.azure import LocalAzure
from tests.emulator.arm.client import ArmClient
from tests.emulator.arm.estate import RECORD, SUBSCRIPTION_ID, VAULT, ZONE, Estate, record_body
from tests.emulator.arm.inprocess import ORIGIN, Local

DOWN = Status(503, {"error": {"code": "ServerUnavailable", "message": "down"}})


def _statuses(local: Local, count: int, path: str = VAULT) -> list[int]:
    return [local.call("GET", path).status for _ in range(count)]


def test_an_outage_lasts_from_its_start_to_its_end() -> None:
    local = Local()
    local.estate.vault()
    local.later(100)
    local.faults.add("*", ".", DOWN, schedule=Schedule(start=60, end=120))
    seen = {}
    for _ in range(14):
        seen[round(local.clock.azure_seconds())] = local.call("GET", VAULT).status
        local.later(10)
    assert {at for at, status in seen.items() if status == 503} == {160, 170, 180, 190, 200, 210}
    assert set(seen.values()) == {200, 503}


def test_a_schedule_may_count_from_the_start_of_azure() -> None:
    local = Local()
    local.estate.vault()
    local.later(100)
    local.faults.add("GET", "/vaults/", DOWN, schedule=Schedule(start=90, end=130, since_start=True))
    assert _statuses(local, 1) == [503]
    local.later(30)
    assert _statuses(local, 1) == [200]


def test_a_rate_strikes_its_share_and_a_seed_repeats_it() -> None:
    def struck(seed: int) -> list[int]:
        local = Local()
        local.estate.vault()
        local.switches.throttling = False
        local.faults.add("GET", "/vaults/", DOWN, schedule=Schedule(rate=0.3, seed=seed))
        return _statuses(local, 400)

    first = struck(7)
    assert 80 < first.count(503) < 160
    assert struck(7) == first
    assert struck(8) != first


def test_every_third_request_means_the_third_the_sixth_and_so_on() -> None:
    local = Local()
    local.estate.vault()
    local.faults.add("GET", "/vaults/", DOWN, schedule=Schedule(every=3))
    assert _statuses(local, 7) == [200, 200, 503, 200, 200, 503, 200]


def test_times_count_what_was_struck_and_not_what_was_spared() -> None:
    local = Local()
    local.estate.vault()
    local.faults.add("GET", "/vaults/", DOWN, times=2, schedule=Schedule(every=2))
    assert _statuses(local, 8) == [200, 503, 200, 503, 200, 200, 200, 200]
    assert local.faults.struck() == [2]


def test_delays_add_up_and_another_fault_comes_after_them() -> None:
    local = Local()
    local.estate.vault()
    local.faults.add("GET", "/vaults/", Delay(2.0))
    local.faults.add("GET", "/vaults/", Delay(0.5))
    local.faults.add("GET", "/vaults/", DOWN, times=1)
    assert _statuses(local, 2) == [503, 200]
    assert local.waited == [2.5, 2.5]


def test_of_two_endings_the_older_counts_and_the_other_is_not_used_up() -> None:
    local = Local()
    local.estate.vault()
    local.faults.add("GET", "/vaults/", Status(500), times=1)
    local.faults.add("GET", "/vaults/", Status(502), times=1)
    assert _statuses(local, 3) == [500, 502, 200]


def test_a_redirect_and_a_delay_go_together() -> None:
    local = Local()
    local.estate.group()
    local.faults.add("PUT", ".", Redirect("https://elsewhere.example"))
    local.faults.add("PUT", ".", Delay(1.0))
    accepted = local.put(ZONE, {"location": "global"})
    assert accepted.headers["Location"].startswith("https://elsewhere.example/subscriptions/")
    assert local.waited == [1.0]


def test_silence_and_cuts_are_raised_in_this_process_and_logged() -> None:
    local = Local()
    local.estate.zone()
    local.faults.add("PUT", "/A/", Hang(), times=1)
    local.faults.add("PUT", "/A/", Cut(), times=1)
    with pytest.raises(NeverAnswered):
        local.put(RECORD, record_body("10.1.0.4"))
    with pytest.raises(ConnectionCut) as cut:
        local.put(RECORD, record_body("10.1.0.4"))
    assert (cut.value.served, cut.value.received) == (False, None)
    assert local.call("GET", RECORD).status == 404
    local.faults.add("PUT", "/A/", Cut(served=True), times=1)
    local.faults.add("PUT", "/A/", Cut(served=True, after_bytes=9), times=1)
    with pytest.raises(ConnectionCut) as silent:
        local.put(RECORD, record_body("10.1.0.4"))
    with pytest.raises(ConnectionCut) as partly:
        local.put(RECORD, record_body("10.1.0.5"))
    assert (silent.value.served, silent.value.received) == (True, None)
    assert (partly.value.served, partly.value.received) == (True, b'{"id":"/s')
    assert local.get(RECORD)["properties"]["aRecords"] == [{"ipv4Address": "10.1.0.5"}]
    assert [entry.status for entry in local.service.log.writes()] == [0, 0, 201, 200]


def test_metadata_and_tokens_are_served_in_this_process_and_have_faults_of_their_own() -> None:
    local = Local()
    local.faults.add("GET", ".", DOWN)
    secret = local.identities.named("guard").secret

    def ask(path: str, **query: str) -> int:
        raw = RawRequest("GET", path, query, {"x-identity-header": secret}, b"", ORIGIN)
        return local.azure.send(raw).status

    def tokens() -> int:
        return ask("/msi/token", resource="https://management.azure.com", **{"api-version": "2019-08-01"})

    def metadata() -> int:
        return ask("/metadata/endpoints", **{"api-version": "2022-09-01"})

    assert (local.call("GET", SUBSCRIPTION_ID).status, tokens(), metadata()) == (503, 200, 200)
    local.faults.clear()
    local.faults.add("GET", ".", DOWN, surface=Surface.IDENTITY)
    assert (local.call("GET", SUBSCRIPTION_ID).status, tokens(), metadata()) == (200, 503, 200)
    local.faults.add("GET", ".", Hang(), surface=Surface.METADATA)
    with pytest.raises(NeverAnswered):
        metadata()
    assert [entry.path for entry in local.service.log.since()] == [SUBSCRIPTION_ID] * 2


@pytest.mark.parametrize("fields", [{"rate": 1.5}, {"rate": -0.1}, {"every": 0}, {"start": 5.0, "end": 4.0}])
def test_a_schedule_without_sense_is_refused(fields: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"rate|every|end"):
        Schedule(**fields)  # type: ignore[arg-type]  # every is whole in each case


def test_another_process_schedules_faults(azure: LocalAzure, arm: ArmClient, estate: Estate) -> None:
    estate.vault()
    fault = {
        "method": "GET",
        "path": "/vaults/",
        "action": {"kind": "status", "code": 500},
        "schedule": {"every": 2},
    }
    assert arm.control("POST", "/_emulator/faults", fault).status_code == 200
    assert [arm.get(VAULT).status_code for _ in range(4)] == [200, 500, 200, 500]
    assert arm.control("POST", "/_emulator/faults", {**fault, "schedule": {"often": 2}}).status_code == 400
    assert arm.control("POST", "/_emulator/faults", {**fault, "surface": "nowhere"}).status_code == 400


def test_a_token_is_withheld_over_https_by_a_fault_of_the_identity_endpoint(azure: LocalAzure, arm: ArmClient) -> None:
    fault = {"path": "/msi/", "action": {"kind": "status", "code": 500}, "surface": "identity", "times": 1}
    assert arm.control("POST", "/_emulator/faults", fault).status_code == 200
    secret = azure.identities.named("guard").secret
    path = "/msi/token?api-version=2019-08-01&resource=https://management.azure.com"
    headers = {"X-IDENTITY-HEADER": secret}
    assert arm.get(path, headers=headers).status_code == 500
    assert arm.get(path, headers=headers).status_code == 200
