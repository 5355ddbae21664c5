"""What holds for every test: nothing is skipped in silence, and what is to be read is printed at the end."""

pytest_plugins = ("tests.skip_gate", "tests.simulation.printed")
