"""What judging a vault by the whole catalogue costs: CPU time from a thousand vaults upwards, and memory.

The estate of ``bench.estate`` is one heap of shared parts, as an audit over all vaults holds it; snapshots are made
one after the other and judged, of large estates a sample that is spread over them. Processor time of this process
counts and not the clock on the wall. Every cost is compared with another one of the same run, so that the speed of the
machine does not matter: sizes with each other, and the judgement of a vault with decoding the ARM answers it comes
from.

The shared parts are frozen for the garbage collector first, as a process should that keeps an estate: otherwise each
full collection walks all of it, and their number grows with the vaults.
"""

from __future__ import annotations

import gc
import json
import math
import statistics
import time
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from bench.estate import Estate
from shared.adapters import arm_bodies as bodies
from shared.adapters import arm_decode, arm_decode_vault
from shared.domain.rule import Rule
from shared.engine.evaluate import evaluate
from shared.rules.registry import RULES

T = TypeVar("T")

ANSWERS: Final = Path(__file__).resolve().parent.parent / "tests" / "arm"
SIZES: Final = (1_000, 10_000, 100_000)
SAMPLE: Final = 2_000
TURNS: Final = 40

MAX_EXPONENT: Final = 1.05
# A fifth of one end's time, over two powers of ten: what the caches of a busy machine do to the same work.
NOISE: Final = 0.04
MAX_DECODINGS: Final = 60.0
MAX_KIB: Final = 24.0


@dataclass(frozen=True)
class Size:
    """An estate of this many vaults: how many of them were judged, in how many CPU seconds, with how many findings."""

    vaults: int
    judged: int
    seconds: float
    findings: int

    @property
    def per_second(self) -> float:
        """Vaults per second of one processor."""
        return self.judged / self.seconds

    @property
    def whole(self) -> float:
        """CPU seconds for all vaults of the estate."""
        return self.vaults / self.per_second


@dataclass(frozen=True)
class Measured:
    """All sizes, with the CPU seconds that decoding one vault's ARM answers takes and the KiB that a vault adds."""

    sizes: tuple[Size, ...]
    decoding: float
    kib: float
    rules: int

    @property
    def exponent(self) -> float:
        """How CPU grows with the vaults: 1 is linear, 2 quadratic."""
        return slope(self.sizes)

    @property
    def decodings(self) -> float:
        """How many times decoding its ARM answers the judgement of a vault costs, in the largest estate."""
        return 1 / self.sizes[-1].per_second / self.decoding

    def excesses(self) -> list[str]:
        """The budgets that are not kept, one sentence each."""
        found = []
        if self.exponent > MAX_EXPONENT + NOISE:
            found.append(f"the CPU exponent is {self.exponent:.3f}, the budget {MAX_EXPONENT} and {NOISE} for noise")
        if self.decodings > MAX_DECODINGS:
            budget = f"the budget is {MAX_DECODINGS:.0f}"
            found.append(f"judging a vault costs {self.decodings:.1f} times decoding its ARM answers, {budget}")
        if self.kib > MAX_KIB:
            found.append(f"a vault takes {self.kib:.1f} KiB, the budget is {MAX_KIB:.0f} KiB")
        return found


def measure(sizes: Sequence[int] = SIZES, rules: Sequence[Rule] = RULES, sample: int | None = SAMPLE) -> Measured:
    """Judge estates of these sizes: ``sample`` vaults spread over each one, every vault with None."""
    return Measured(judge(sizes, rules, sample), _decoding(), kib(), len(rules))


def slope(sizes: Sequence[Size]) -> float:
    """The slope of log CPU over log vaults by least squares."""
    points = [(math.log(size.vaults), math.log(size.whole)) for size in sizes]
    return statistics.linear_regression(*zip(*points, strict=True)).slope


def judge(sizes: Sequence[int], rules: Sequence[Rule] = RULES, sample: int | None = None) -> tuple[Size, ...]:
    """What judging the vaults of estates of these sizes takes.

    All estates are there at once and take turns, so that a noisy minute of the machine falls on all of them.
    """
    estates = [Estate(vaults) for vaults in sizes]
    chosen = [_spread(vaults, vaults if sample is None else sample) for vaults in sizes]
    seconds, found = [0.0] * len(estates), [0] * len(estates)
    gc.collect()
    gc.freeze()
    try:
        for turn in range(TURNS):
            for place, estate in enumerate(estates):
                start = time.process_time()
                for number in chosen[place][turn::TURNS]:
                    found[place] += len(evaluate(estate.snapshot(number), estate.policy, rules).findings)
                seconds[place] += time.process_time() - start
    finally:
        gc.unfreeze()
    rows = zip(sizes, chosen, seconds, found, strict=True)
    return tuple(Size(vaults, len(numbers), spent, findings) for vaults, numbers, spent, findings in rows)


def _spread(vaults: int, sample: int) -> range:
    """At most so many vaults at equal distances, which is odd so that they are of all states."""
    return range(0, vaults, max(1, vaults // sample) | 1)


def _cpu(run: Callable[[], None]) -> float:
    start = time.process_time()
    run()
    return time.process_time() - start


def _decoding(times: int = 500) -> float:
    """CPU seconds for the answers of one vault: itself, its endpoint, interface, zone group, record and link."""
    vault = _answer("vault-with-connections", bodies.VaultBody, arm_decode_vault.vault)
    endpoint = _answer("endpoint-with-zone-group", bodies.EndpointBody, lambda body: arm_decode.endpoint(body, ()))
    interface = _answer("nic-private-endpoint", bodies.InterfaceBody, arm_decode.interface_addresses)
    group = _answer("zone-group-succeeded", bodies.ZoneGroupBody, arm_decode.zone_group)
    record = _answer("record-a-with-metadata", bodies.RecordBody, arm_decode.record)
    link = _answer("link-completed", bodies.LinkBody, arm_decode.zone_link)

    def run() -> None:
        for _ in range(times):
            for decode in (vault, endpoint, interface, group, record, link):
                decode()

    return statistics.median(_cpu(run) for _ in range(5)) / times


def _answer(name: str, shape: type[T], decode: Callable[[T], object]) -> Callable[[], object]:
    text = json.dumps(json.loads((ANSWERS / f"{name}.json").read_bytes())).encode()
    read = arm_decode.decoder(shape)
    return lambda: decode(read(text))


def kib(vaults: int = 1_000) -> float:
    """KiB that one more vault takes: its snapshot kept, and its part of what is shared."""
    return (_kept(2 * vaults) - _kept(vaults)) / vaults / 1024


def _kept(vaults: int) -> int:
    tracemalloc.start()
    try:
        estate = Estate(vaults)
        kept = [estate, *estate.snapshots()]
        gc.collect()
        size, _ = tracemalloc.get_traced_memory()
        return size if kept else 0
    finally:
        tracemalloc.stop()


def render(measured: Measured) -> str:
    """The table that `make bench` prints."""
    lines = [f"{'vaults':<12}{'judged':>9}{'CPU s':>9}{'vaults/s':>10}{'findings':>10}{'CPU s for all':>15}"]
    for size in measured.sizes:
        lines.append(
            f"{size.vaults:<12,}{size.judged:>9,}{size.seconds:>9.2f}{size.per_second:>10.0f}{size.findings:>10,}"
            f"{size.whole:>15.1f}"
        )
    first, last = measured.sizes[0].vaults, measured.sizes[-1].vaults
    lines += [
        f"{measured.rules} rules, CPU exponent from {first:,} to {last:,} vaults: {measured.exponent:.3f}",
        f"judging a vault / decoding its ARM answers ({measured.decoding * 1e6:.0f} us): {measured.decodings:.1f}",
        f"memory per vault: {measured.kib:.1f} KiB",
    ]
    return "\n".join(lines)
