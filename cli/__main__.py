"""``python -m cli`` is ``kvguard``."""

from cli.main import main

main()
