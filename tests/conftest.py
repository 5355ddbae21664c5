"""What holds for every test: nothing is skipped in silence, and what is to be read is printed at the end."""

import pytest

pytest_plugins = ("tests.skip_gate", "tests.simulation.printed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes minutes begins first, so that no process is left alone with it at the end."""
    items.sort(key=lambda item: item.get_closest_marker("xdist_group") is None)
