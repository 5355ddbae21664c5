"""Prints what a test wants to be read, at the end of a run and in whichever process the test ran.

A test says it with ``record_property("printed", text)``, which pytest-xdist brings to the process that reports.
"""

from __future__ import annotations

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the texts of the tests that ran."""
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, value in getattr(report, "user_properties", ()):
                if name == "printed" and getattr(report, "when", "") == "call":
                    terminalreporter.section(str(report.nodeid).rpartition("::")[2], sep="-")
                    terminalreporter.write_line(str(value))
