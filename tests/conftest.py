"""What holds for every test: nothing is skipped in silence."""

pytest_plugins = ("tests.skip_gate",)
