"""What holds for every test: nothing is skipped in silence, and what is to be read is printed at the end."""

import pytest

pytest_plugins = ("tests.skip_gate", "tests.simulation.printed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes minutes begins first, so that no process is left alone with it at the end."""
    items.sort(key=lambda item: item.get_closest_marker("xdist_group") is None)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Tests of one group share what takes minutes to set up, so a scheduler that tears them apart is an error."""
    if getattr(session.config.option, "loadgroup", False):
        torn = [
            item.nodeid for item in session.items if item.get_closest_marker("xdist_group") and "@" not in item.nodeid
        ]
        if torn:
            raise pytest.UsageError(f"pytest-xdist does not see the group of {torn[0]}")
