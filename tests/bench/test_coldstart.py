"""The cold start benchmark measures what it says, tried on modules with a known cost."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.coldstart import Comparison, ImportFailedError, Sample, compare


def test_a_slower_and_larger_import_shows(tmp_path: Path) -> None:
    (tmp_path / "light.py").write_text("")
    (tmp_path / "heavy.py").write_text("import time, decimal\ntime.sleep(0.02)\nblock = bytearray(b'x') * (64 << 20)\n")

    comparison = compare(tmp_path, baseline="light", app="heavy", pairs=3)

    assert comparison.app.seconds > 0.02 > comparison.baseline.seconds
    assert comparison.app.mib > comparison.baseline.mib + 60
    assert comparison.app.modules > comparison.baseline.modules
    assert len(comparison.excesses()) == 2


def test_memory_is_the_childs_own_and_not_its_parents(tmp_path: Path) -> None:
    (tmp_path / "light.py").write_text("")
    block = bytearray(b"x") * (96 << 20)

    comparison = compare(tmp_path, baseline="light", app="light", pairs=1)

    assert len(block) == 96 << 20
    assert comparison.app.mib < 40


@pytest.mark.parametrize(
    ("seconds", "mib", "excesses"), [(0.24, 49.0, 0), (0.26, 49.0, 1), (0.24, 51.0, 1), (0.26, 51.0, 2)]
)
def test_each_budget_is_told_apart(seconds: float, mib: float, excesses: int) -> None:
    comparison = Comparison(Sample(0.1, 30.0, 300), Sample(seconds, mib, 400), pairs=9)

    assert len(comparison.excesses()) == excesses


def test_an_app_that_cannot_be_imported_is_an_error_with_its_reason(tmp_path: Path) -> None:
    with pytest.raises(ImportFailedError, match="No module named 'missing_app'"):
        compare(tmp_path, baseline="json", app="missing_app", pairs=1)
