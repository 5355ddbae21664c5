"""The pace of reads against a simulated bucket, in virtual time: no room stays unused, nobody runs against a wall.

Work is played as the queue does it: four workers at a time, messages that come back are visible after whole seconds.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from shared.adapters.arm_pace import Pace

SUBSCRIPTION = "11111111-2222-4333-8444-555555555555"
VAULTS = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/kv"
ZONES = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.Network/privateDnsZones/z/A/kv"
READS_LEFT = "x-ms-ratelimit-remaining-subscription-reads"
DNS_LEFT = "x-ms-ratelimit-remaining-subscription-resource-requests"
SECONDS_OF_A_READ = 0.06


@dataclass
class AzureBucket:
    """A token bucket as Resource Manager has it."""

    size: float = 250
    rate: float = 25.0
    left: float = 250
    at: float = 0.0

    def read(self, now: float) -> tuple[int, float | None]:
        """What is left after a read, and for how long it is refused, None when it is not."""
        self.left, self.at = min(self.size, self.left + (now - self.at) * self.rate), now
        if self.left < 1:
            return 0, float(math.ceil((1 - self.left) / self.rate))
        self.left -= 1
        return int(self.left), None


@dataclass
class Piece:
    """One piece of work: so many reads, one after the other."""

    reads: int
    deferred: int = 0
    refused: int = 0


@dataclass
class Play:
    """A queue with four workers in each of some processes that share one bucket."""

    bucket: AzureBucket = field(default_factory=AzureBucket)
    now: float = 0.0
    served: int = 0
    processes: int = 1

    def run(self, pieces: list[Piece], returns: Callable[[Piece, float], float] | None = None) -> float:
        """When the last piece is done. ``returns`` is when a refused piece comes back without any pace."""
        paces = [Pace(lambda: self.now) for _ in range(self.processes)]
        order = itertools.count()
        queue = [(0.0, next(order), piece) for piece in pieces]
        heapq.heapify(queue)
        events: list[tuple[float, int, int, Piece, int]] = []
        idle = list(range(4 * self.processes))
        while queue or events:
            while idle and queue and queue[0][0] <= self.now:
                _, _, piece = heapq.heappop(queue)
                pace = paces[idle[-1] // 4]
                wait = pace.admit(SUBSCRIPTION, str(id(piece))) if returns is None else 0.0
                if wait > 0:
                    piece.deferred += 1
                    heapq.heappush(queue, (self.now + math.ceil(wait), next(order), piece))
                    continue
                heapq.heappush(events, (self.now + SECONDS_OF_A_READ, next(order), idle.pop(), piece, 1))
            upcoming = [events[0][0]] if events else []
            upcoming += [queue[0][0]] if queue and idle else []
            self.now = max(self.now, min(upcoming)) if upcoming else self.now
            while events and events[0][0] <= self.now:
                _, _, worker, piece, done = heapq.heappop(events)
                pace = paces[worker // 4]
                left, refused = self.bucket.read(self.now)
                pace.answered(VAULTS, {READS_LEFT: str(left)}, refused)
                if refused is not None:
                    piece.refused += 1
                    wait = pace.turn(SUBSCRIPTION, str(id(piece))) if returns is None else returns(piece, refused)
                    heapq.heappush(queue, (self.now + math.ceil(wait), next(order), piece))
                    idle.append(worker)
                    continue
                self.served += 1
                if done < piece.reads:
                    heapq.heappush(events, (self.now + SECONDS_OF_A_READ, next(order), worker, piece, done + 1))
                else:
                    idle.append(worker)
        return self.now


def floor(reads: int) -> float:
    """The shortest time in which the bucket gives so many reads."""
    return (reads - 250) / 25.0


@pytest.mark.parametrize(("reads", "processes"), [(5, 1), (5, 3), (3, 1), (9, 1)])
def test_a_burst_takes_hardly_longer_than_the_bucket_allows(reads: int, processes: int) -> None:
    play = Play(processes=processes)
    pieces = [Piece(reads) for _ in range(1100)]
    took = play.run(pieces)
    assert took <= 1.2 * floor(1100 * reads)


def test_nearly_nothing_that_was_let_in_is_refused() -> None:
    play = Play()
    pieces = [Piece(5) for _ in range(1100)]
    play.run(pieces)
    assert sum(piece.refused for piece in pieces) <= 11
    assert play.served <= 1.02 * 5 * 1100
    # A line of 220 s, of which each asks again after a quarter of what is left.
    assert sum(piece.deferred for piece in pieces) <= 8 * 1100


def test_waiting_longer_each_time_would_take_many_times_as_long() -> None:
    """What the turns are for; and that this simulation can tell."""

    def growing(piece: Piece, asked: float) -> float:
        return max(asked, min(5 * 2.0 ** (piece.refused - 1), 900) * 0.75)

    play = Play()
    assert play.run([Piece(5) for _ in range(1100)], growing) > 5 * floor(5500)
    assert play.served > 1.05 * 5500


def test_work_that_reads_now_this_and_now_that_much_takes_no_longer() -> None:
    play = Play(processes=2)
    pieces = [Piece(1 + number * 7 % 9) for number in range(1100)]
    assert play.run(pieces) <= 1.2 * floor(sum(piece.reads for piece in pieces))


class Hand:
    """A pace whose time moves by hand."""

    def __init__(self) -> None:
        self.now = 0.0
        self.subjects = 0
        self.pace = Pace(lambda: self.now)

    def admit(self, subscription: str, subject: str = "") -> float:
        """Work on a subject of its own unless one is given."""
        self.subjects += 1
        return self.pace.admit(subscription, subject or str(self.subjects))

    def read(self, path: str, left: int | None = None, refused: float | None = None) -> None:
        """One answer to a read."""
        name = DNS_LEFT if "privateDns" in path else READS_LEFT
        self.pace.answered(path, {} if left is None else {name: str(left)}, refused)


def test_nothing_is_held_back_before_azure_has_said_anything() -> None:
    hand = Hand()
    assert [hand.admit(SUBSCRIPTION) for _ in range(100)] == [0.0] * 100


def test_an_empty_bucket_holds_back_its_own_subscription_in_any_casing_and_no_other() -> None:
    hand = Hand()
    hand.read(VAULTS, 0)
    assert hand.admit(SUBSCRIPTION.upper()) > 0
    assert hand.admit("99999999-2222-4333-8444-555555555555") == 0


def test_turns_follow_each_other_as_the_bucket_refills() -> None:
    hand = Hand()
    hand.read(VAULTS, 0)
    turns = [hand.admit(SUBSCRIPTION) for _ in range(41)]
    apart = (turns[40] - turns[0]) / 40
    assert turns == sorted(turns)
    assert 0.8 * 6 / 25 <= apart <= 6 / 25
    hand.now = turns[0] + 0.01
    assert hand.admit(SUBSCRIPTION) == 0


def test_who_is_far_back_asks_again_on_the_way_and_keeps_the_place() -> None:
    hand = Hand()
    hand.read(VAULTS, 0)
    waits = [hand.admit(SUBSCRIPTION, f"kv-{number}") for number in range(400)]
    turn = 400 * 6 / 25
    assert max(waits) == waits[-1]
    assert 0.2 * turn <= waits[-1] <= 0.3 * turn
    hand.now = waits[-1]
    hand.read(VAULTS, 0)
    assert hand.admit(SUBSCRIPTION, "kv-399") < waits[-1], "a quarter of what is left"
    hand.now = turn
    hand.read(VAULTS, 6)
    assert hand.admit(SUBSCRIPTION, "kv-399") == 0


def test_who_comes_before_the_turn_is_let_in_when_there_is_room_to_spare_and_not_before() -> None:
    hand = Hand()
    hand.read(VAULTS, 0)
    for number in range(100):
        hand.admit(SUBSCRIPTION, f"kv-{number}")
    hand.now = 12.0
    hand.read(VAULTS, 6)
    assert hand.admit(SUBSCRIPTION, "kv-99") > 0
    assert hand.admit(SUBSCRIPTION, "kv-0") == 0, "whose turn it is"
    hand.read(VAULTS, 250)
    assert hand.admit(SUBSCRIPTION, "kv-98") == 0


def test_dns_is_a_limit_of_its_own_for_every_vault() -> None:
    hand = Hand()
    hand.read(ZONES, 0)
    assert hand.admit("99999999-2222-4333-8444-555555555555") > 0.5
    hand.now = 2.0
    assert hand.admit(SUBSCRIPTION) == 0


def test_a_long_refusal_is_waited_for_and_then_over() -> None:
    hand = Hand()
    hand.read(VAULTS, 0, refused=40.0)
    assert hand.admit(SUBSCRIPTION) >= 40
    hand.now = 39.0
    assert hand.admit(SUBSCRIPTION) > 0
    hand.now = 41.0
    assert hand.admit(SUBSCRIPTION) == 0


def test_a_refusal_without_end_is_tried_again() -> None:
    hand = Hand()
    hand.read(VAULTS, 0, refused=86400.0)
    hand.now = 301.0
    assert hand.admit(SUBSCRIPTION) == 0


def test_a_provider_that_protects_itself_says_nothing_of_the_bucket() -> None:
    hand = Hand()
    hand.read(VAULTS, 200)
    hand.read(VAULTS, refused=3600.0)
    hand.read(VAULTS, 199, refused=3600.0)
    assert hand.admit(SUBSCRIPTION) == 0


@pytest.mark.parametrize("path", ["", "/metadata/endpoints", "/subscriptions/", "/subscriptions"])
@pytest.mark.parametrize("left", ["", "-1", "many", "1e9", "\u0661", "9" * 400])
def test_odd_answers_are_no_news(path: str, left: str) -> None:
    hand = Hand()
    hand.pace.answered(path, {READS_LEFT: left}, None)
    hand.pace.answered(VAULTS, {READS_LEFT: left}, None)
    assert hand.admit(SUBSCRIPTION) == 0


def test_a_clock_that_jumps_back_lets_nobody_wait_for_ever() -> None:
    hand = Hand()
    hand.now = 1_000_000.0
    hand.read(VAULTS, 0, refused=200.0)
    hand.admit(SUBSCRIPTION)
    hand.now = 0.0
    assert 0 < hand.admit(SUBSCRIPTION) <= 3600
    hand.now = 301.0
    assert hand.admit(SUBSCRIPTION) == 0, "though nobody has read anything"


@pytest.mark.parametrize("refused", [3600.0, 86400.0, 1e9])
def test_no_refusal_stalls_another_subscription_or_lasts_longer_than_a_limit_can(refused: float) -> None:
    hand = Hand()
    other = "99999999-2222-4333-8444-555555555555"
    hand.read(VAULTS, 0, refused=refused)
    assert hand.admit(other) == 0
    assert 0 < hand.admit(SUBSCRIPTION) <= 300
    hand.read(VAULTS, 0, refused=refused)
    assert hand.pace.turn(SUBSCRIPTION, "kv") <= 300
    hand.now = 301.0
    assert hand.admit(SUBSCRIPTION) == 0


def test_a_header_that_always_says_nothing_is_left_slows_down_and_stops_nobody() -> None:
    hand = Hand()
    looks = 0
    for second in range(60):
        hand.now = float(second)
        if hand.admit(SUBSCRIPTION, "kv") == 0:
            looks += 1
            for _ in range(5):
                hand.read(VAULTS, 0)
    assert looks >= 30


def test_work_on_one_vault_shares_a_turn() -> None:
    """Ten events on each of forty vaults lead to forty looks: a turn each would leave most of them unused."""
    hand = Hand()
    hand.read(VAULTS, 0)
    first = [hand.admit(SUBSCRIPTION, f"kv-{number}") for number in range(40)]
    rest = [hand.admit(SUBSCRIPTION, f"kv-{number}") for _ in range(9) for number in range(40)]
    assert max(rest) <= max(first) + 2 <= 40 * 6 / 25 + 2
    assert all(later > earlier or later == 10 for earlier, later in zip(first * 9, rest, strict=True))
    hand.now = first[0] + 0.01
    assert hand.admit(SUBSCRIPTION, "kv-0") == 0
    hand.read(VAULTS, 0)
    assert hand.admit(SUBSCRIPTION, "kv-0") > max(first) - first[0]


def test_turns_of_the_past_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.adapters.arm_pace._MOST_TURNS", 10)
    hand = Hand()
    hand.read(VAULTS, 0)
    for number in range(50):
        hand.read(VAULTS, 0)
        hand.admit(SUBSCRIPTION, f"kv-{number}")
        hand.now += 400.0
        hand.read(VAULTS, 0)
    assert len(hand.pace._turns) <= 11
