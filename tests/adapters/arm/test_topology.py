"""The cache of what changes seldom: one load for many threads, never a stale value over a newer one."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from shared.adapters.arm_errors import ArmUnavailable
from shared.adapters.arm_topology import Topology
from shared.domain.reading import Gone, Unread, UnreadReason
from tests.adapters.arm.bench import HandClock, seconds


def test_many_threads_load_once() -> None:
    topology, loads, begun, proceed = Topology(HandClock()), [0], threading.Event(), threading.Event()

    def load() -> int:
        loads[0] += 1
        begun.set()
        proceed.wait(5)
        return loads[0]

    with ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(topology.get, "key", load, fresh=False, deadline=seconds(5)) for _ in range(8)]
        assert begun.wait(5)
        proceed.set()
        assert [future.result() for future in futures] == [1] * 8
    assert topology.get("key", load, fresh=False, deadline=seconds(5)) == 1


def test_a_fresh_reading_never_joins_a_load_that_began_before_it() -> None:
    topology, begun, proceed = Topology(HandClock()), threading.Event(), threading.Event()

    def slow() -> str:
        begun.set()
        proceed.wait(5)
        return "old"

    with ThreadPoolExecutor(1) as pool:
        old = pool.submit(topology.get, "key", slow, fresh=False, deadline=seconds(5))
        assert begun.wait(5)
        assert topology.get("key", lambda: "new", fresh=True, deadline=seconds(5)) == "new"
        proceed.set()
        assert old.result() == "old"
    assert topology.get("key", lambda: "newer", fresh=False, deadline=seconds(5)) == "new"


def test_waiting_for_another_thread_ends_with_the_deadline() -> None:
    topology, begun, proceed = Topology(HandClock()), threading.Event(), threading.Event()

    def slow() -> str:
        begun.set()
        proceed.wait(5)
        return "late"

    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(topology.get, "key", slow, fresh=False, deadline=seconds(5))
        assert begun.wait(5)
        with pytest.raises(ArmUnavailable):
            topology.get("key", slow, fresh=False, deadline=seconds(0.05))
        proceed.set()
        assert late.result() == "late"


@pytest.mark.parametrize("passing", [Gone(), Unread(UnreadReason.UNAVAILABLE, "busy")])
def test_what_may_pass_soon_is_not_kept(passing: Gone | Unread) -> None:
    topology = Topology(HandClock())
    values = [passing, "there"]
    assert topology.get("key", lambda: values.pop(0), fresh=False, deadline=seconds(5)) == passing
    assert topology.get("key", lambda: values.pop(0), fresh=False, deadline=seconds(5)) == "there"


def test_a_failed_load_is_no_value_and_holds_nobody_up() -> None:
    topology = Topology(HandClock())

    def fail() -> str:
        raise ArmUnavailable("no")

    with pytest.raises(ArmUnavailable):
        topology.get("key", fail, fresh=False, deadline=seconds(5))
    assert topology.get("key", lambda: "there", fresh=False, deadline=seconds(5)) == "there"


def test_a_value_lives_for_its_time_and_can_be_forgotten() -> None:
    clock = HandClock()
    topology = Topology(clock)
    values = ["one", "two", "three"]

    def get() -> str:
        return topology.get("key", lambda: values.pop(0), fresh=False, deadline=seconds(5))

    assert get() == "one"
    clock.advance(299)
    assert get() == "one"
    clock.advance(1)
    assert get() == "two"
    topology.forget("key")
    assert get() == "three"


def test_the_oldest_value_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.adapters.arm_topology._MOST_ENTRIES", 2)
    clock = HandClock()
    topology = Topology(clock)
    for name in ("a", "b", "c"):
        topology.get(name, partial(str, name), fresh=False, deadline=seconds(5))
        clock.advance(1)
    assert topology.get("b", lambda: "again", fresh=False, deadline=seconds(5)) == "b"
    assert topology.get("a", lambda: "again", fresh=False, deadline=seconds(5)) == "again"
