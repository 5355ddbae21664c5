"""``python -m bench [--check] [--full]``: measures, and with ``--check`` fails when a budget is not kept.

``--full`` judges every vault of the estates and not a sample, which takes minutes.
"""

from __future__ import annotations

import argparse
import sys

from bench import coldstart, evaluate


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail when a budget is not kept")
    parser.add_argument("--full", action="store_true", help="judge every vault of the estates, which takes minutes")
    arguments = parser.parse_args()
    try:
        comparison = coldstart.compare()
    except coldstart.ImportFailedError as error:
        print(error, file=sys.stderr)
        return 2
    print(coldstart.render(comparison))
    measured = evaluate.measure(sample=None if arguments.full else evaluate.SAMPLE)
    print(f"\n{evaluate.render(measured)}")
    excesses = [*comparison.excesses(), *measured.excesses()]
    for excess in excesses:
        print(f"over budget: {excess}", file=sys.stderr)
    return 1 if arguments.check and excesses else 0


if __name__ == "__main__":
    sys.exit(main())
