"""Time that follows its source: dates in headers, events, the log and tokens; and a log that does not fill memory."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime

import pytest

from emulator.arm.clock import Clock, ManualTime, http_date, iso
from tests.emulator.arm.estate import ENDPOINT, RECORD, VAULT, endpoint_body, record_body, vault_body
from tests.emulator.arm.inprocess import START, Local


def test_the_date_of_answers_is_virtual() -> None:
    local = Local()
    local.estate.vault()
    local.time.advance(3600)
    reply = local.call("GET", VAULT)
    assert parsedate_to_datetime(reply.headers["Date"]) == START + timedelta(hours=1)
    [entry] = local.service.log.since()
    assert entry.time == START + timedelta(hours=1)


def test_what_a_caller_changed_bears_the_virtual_time() -> None:
    local = Local()
    local.estate.group()
    local.time.advance(60)
    made = local.put(VAULT, vault_body())
    assert made.body["systemData"]["createdAt"] == "2026-03-01T12:01:00.0000000Z"


def test_an_event_is_told_at_the_end_of_its_operation_however_late_somebody_looks() -> None:
    local = Local()
    local.estate.vault()
    local.estate.network()
    local.put(ENDPOINT, endpoint_body())
    local.later(1000)
    [event] = local.events
    assert event.time == START + timedelta(seconds=40)
    assert local.clock.now() == START + timedelta(seconds=1000)


def test_scale_stretches_virtual_time() -> None:
    time = ManualTime()
    clock = Clock(0.5, time, virtual=START)
    time.advance(10)
    assert clock.now() == START + timedelta(seconds=20)


def test_without_a_virtual_start_now_is_the_machine_s_time() -> None:
    time = ManualTime()
    clock = Clock(1.0, time)
    time.advance(10**6)
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(minutes=1)


def test_a_virtual_start_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        Clock(1.0, virtual=datetime(2026, 1, 1))  # noqa: DTZ001  (what is refused)


def test_the_next_piece_of_work_says_when_it_is_due() -> None:
    local = Local()
    assert local.clock.next_due() is None
    local.estate.group()
    local.time.advance(5)
    local.put(VAULT, vault_body())
    assert local.clock.next_due() == 36


def test_a_token_expires_in_virtual_time() -> None:
    local = Local()
    token = local.identities.token(local.identities.named("guard").principal, "https://management.azure.com", 3600)
    assert local.identities.authenticate(f"Bearer {token}").name == "guard"
    local.time.advance(3599)
    assert local.identities.authenticate(f"Bearer {token}").name == "guard"
    local.time.advance(1)
    with pytest.raises(Exception, match="expiry"):
        local.identities.authenticate(f"Bearer {token}")


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 3, 1, 2, 3, 4, 567, tzinfo=UTC),
        datetime(2024, 12, 31, 23, 59, 59, tzinfo=UTC),
        datetime(1, 1, 1, tzinfo=UTC),
    ],
)
def test_times_are_written_as_before(moment: datetime) -> None:
    assert http_date(moment) == format_datetime(moment, usegmt=True)
    assert iso(moment) == f"{moment:%Y}".zfill(4) + f"{moment:-%m-%dT%H:%M:%S.%f}0Z"


def test_the_log_can_be_drained_and_numbers_go_on() -> None:
    local = Local()
    local.estate.zone()
    local.put(RECORD, record_body("10.1.0.4"))
    local.call("GET", RECORD)
    first = local.service.log.drain()
    assert [entry.method for entry in first] == ["PUT", "GET"]
    assert local.service.log.since() == []
    local.call("GET", RECORD)
    assert [entry.seq for entry in local.service.log.since(first[-1].seq)] == [first[-1].seq + 1]
    assert local.service.log.since(first[-1].seq + 1) == []
