"""Makes a skipped or expected-to-fail test a failure unless `tests/allowed_skips.txt` names it with a reason.

A skip looks like a pass in a summary that nobody reads; a test that cannot run here is a gap, so it has to
say so. Lines of the file are ``<node id>  # <reason>``, and a line without a reason is an error. The plugin
works in each process of pytest-xdist, where the reports are made.
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

ALLOWED = Path(__file__).parent / "allowed_skips.txt"


def read_allowed(path: Path) -> dict[str, str]:
    """Node ids with their reasons; ValueError for a line without a reason."""
    allowed: dict[str, str] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        node_id, _, reason = line.partition("  # ")
        if not reason.strip():
            raise ValueError(f"{path.name} line {number}: a skip needs a reason, written as `<node id>  # <reason>`")
        allowed[node_id.strip()] = reason.strip()
    return allowed


def refuse(node_id: str, why: object) -> str:
    return f"{node_id} was skipped ({why}); tests do not skip, see {ALLOWED.name}"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--allowed-skips", default=str(ALLOWED), help="file of tests that may be skipped")


def allowed_by(config: pytest.Config) -> dict[str, str]:
    return read_allowed(Path(str(config.getoption("--allowed-skips"))))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and item.nodeid not in allowed_by(item.config):
        why = getattr(report, "wasxfail", None) or report.longreprtext
        # Without `wasxfail` pytest counts the report as an ordinary failure.
        report.__dict__.pop("wasxfail", None)
        report.outcome = "failed"
        report.longrepr = refuse(item.nodeid, why)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if report.skipped and collector.nodeid not in allowed_by(collector.config):
        report.outcome = "failed"
        report.longrepr = refuse(collector.nodeid, report.longrepr)
    return report
