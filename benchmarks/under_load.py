"""What a busy neighbour costs, and what the instruments cost.

The claims: beside one process that keeps a processor busy, R1 and R6 of the race keep at least 0.4 of the rate that
they have on a quiet machine; and gradient norms, update ratios and the lines of metrics.jsonl cost at most 2 %.

    python benchmarks/under_load.py            # three minutes on two cores

How it is measured: whole processes in turn, round after round, the first round discarded; rows per second of the
training after its first tenth; medians of the ratios within a round. `blind` is a run that looks inside twice. Nothing
else should run. Hardware and versions stand in every row of results/under_load_HARDWARE_DATE.csv.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hardware import write_results
from race import RATE, Row, make_data, ratios, run

ENTRANTS = ("quiet", "busy", "blind")
BOUNDS = (("busy", "quiet", 0.4), ("quiet", "blind", 0.98))


@contextmanager
def neighbour(busy: bool) -> Iterator[None]:
    """A process that computes all the while."""
    if not busy:
        yield
        return
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=4, help="of which the first is discarded (default 4)")
    parser.add_argument("--workloads", nargs="+", choices=("R1", "R6-long"), default=("R1", "R6-long"))
    arguments = parser.parse_args()
    if arguments.rounds < 2:
        parser.error("--rounds is at least 2: the first is discarded")
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="pellucid-load-") as folder:
        make_data({"mnist", "digits"}, Path(folder))
        for name in arguments.workloads:
            for number in range(arguments.rounds):
                for entrant in ENTRANTS:
                    command = ["pellucid_fit.py", "fp32"]
                    with neighbour(entrant == "busy"):
                        said = run(name, command, Path(folder), "--blind" if entrant == "blind" else "")
                    row = {"workload": name, "entrant": entrant, "round": number, "discarded": int(number == 0)}
                    rows.append(row | said)
                    print(f"{name} round {number} {entrant:6}{said[RATE]:10,.0f} rows/s", file=sys.stderr)
    missed = False
    for name in arguments.workloads:
        raced = [row for row in rows if row["workload"] == name and not row["discarded"]]
        for entrant, rival, bound in BOUNDS:
            found = ratios(raced, entrant, rival, RATE)
            ratio = statistics.median(found)
            missed |= ratio < bound
            print(f"{name}: {entrant} / {rival} {ratio:.3f} ({min(found):.3f} to {max(found):.3f}), wanted >= {bound}")
    print(f"Every run: {write_results('under_load', rows)}")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
