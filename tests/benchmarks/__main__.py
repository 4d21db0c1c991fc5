"""Run all benchmarks, each against a bench process of its own, and print the table."""

import argparse
import os
import platform
import sys

from tests.benchmarks import (
    commands,
    control,
    dependencies,
    faults,
    frames,
    media,
    recorder,
    resources,
    start,
    workbench,
    workers,
)
from tests.benchmarks.measure import Row, table

GROUPS = {
    "commands": commands.run,
    "recorder": recorder.run,
    "control": control.run,
    "faults": faults.run,
    "frames": frames.run,
    "resources": resources.run,
    "media": media.run,
    "start": start.run,
    "workers": workers.run,
    "workbench": workbench.run,
    "dependencies": dependencies.run,
}


def main() -> int:
    """Exit code 1 with --check where a goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("groups", nargs="*", help=f"which ones: {', '.join(GROUPS)} (default: all)")
    parser.add_argument("--check", action="store_true", help="exit code 1 where a goal is missed")
    arguments = parser.parse_args()
    unknown = set(arguments.groups) - set(GROUPS)
    if unknown:
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(GROUPS)}")
    if (os.cpu_count() or 1) < 2:
        print("only one processor: device and guest will share it", file=sys.stderr)
    rows: list[Row] = []
    processors = os.sched_getaffinity(0)
    for name in arguments.groups or GROUPS:
        # The one before may have kept us on one of them.
        os.sched_setaffinity(0, processors)
        for row in GROUPS[name]():
            print(f"  {row.what}: {row.measured}", file=sys.stderr, flush=True)
            rows.append(row)
    print(
        f"{os.cpu_count()} processors, {platform.machine()}, Python {platform.python_version()}\n"
    )
    print(table(rows))
    return int(arguments.check and not all(row.reached for row in rows))


if __name__ == "__main__":
    sys.exit(main())
