"""``python -m bench [--check]``: measures, and with ``--check`` fails when a budget is not kept."""

from __future__ import annotations

import argparse
import sys

from bench import coldstart


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail when a budget is not kept")
    check = parser.parse_args().check
    try:
        comparison = coldstart.compare()
    except coldstart.ImportFailedError as error:
        print(error, file=sys.stderr)
        return 2
    print(coldstart.render(comparison))
    excesses = comparison.excesses()
    for excess in excesses:
        print(f"over budget: {excess}", file=sys.stderr)
    return 1 if check and excesses else 0


if __name__ == "__main__":
    sys.exit(main())
