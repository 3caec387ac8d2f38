"""Race Pellucid against the loop that a tutorial would write, and against one that was tuned by hand for each net.

The claim: without being asked, Pellucid trains at the speed of a loop that was written and tuned for the one net
(`floor`), while it keeps a run folder (recipe, split, checkpoints, metrics, artefact, result with intervals).

    python benchmarks/race.py                     # a quarter of an hour on two cores
    python benchmarks/race.py --workloads R6 --rounds 6
    python benchmarks/race.py --peers peers/bin/python   # an environment with keras, jax, skorch, lightning

Workloads: R1 a multilayer perceptron and R2 a LeNet-5-like net on 49,920 rows of MNIST, R3 a small residual net on the
same, R4 an LSTM and R5 a GPT on the characters of a text, R6 a tiny perceptron on 1,440 of scikit-learn's digits, and
R6-long the same for 20,000 steps. Adam throughout. The net of a workload has the same first weights in every entrant.

Entrants, each a whole process that reads the same files:
  raw            TensorDataset, DataLoader, torch.optim.Adam, loss.item() at each step; fp32, as it comes
  floor          autograd by hand: views of a gathered epoch, fused Adam, bf16 and channels last where they pay
  floor_fp32     the same in fp32, where the floor is in bf16
  by_hand        R1 and R6: the gradient itself is written by hand, into one flat tensor
  pellucid       in the floor's precision; no baselines, no report
  pellucid_fp32  in fp32, where that is another one
  report         pellucid with baselines and report; shown, not raced
  keras_jax, skorch, lightning: with --peers PYTHON, an interpreter that has some of them; fp32, on images and numbers

How it is measured: entrants run in turn, round after round, so that drift hits all alike; the first round warms the
page cache and is discarded. `samples_per_second` leaves out the first tenth of the steps, in which things are decided
and made; `process_seconds` is since the kernel started the process, imports and all. Raced are medians of the ratios
within each round, against TARGETS below; exit code 1 if one is missed, if the qualities of a workload lie further
apart than its tolerance (they draw the rows in different orders), or if the numbers of steps differ.

Nothing else should run: two threads beside a busy neighbour wait for each other. Hardware and versions stand in every
row of results/race_HARDWARE_DATE.csv.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hardware import write_results
from picture import draw

sys.path.insert(0, str(Path(__file__).parent / "race_entrants"))
from workload import WORKLOADS, Workload

HERE = Path(__file__).parent
TRAIN_ROWS = {"mnist": 49_920, "digits": 1_440}
Row = dict[str, Any]


@dataclass(frozen=True)
class Target:
    """What a ratio of an entrant's medians to another's shall reach, or stay below."""

    workload: str
    entrant: str
    rival: str
    column: str
    bound: float
    at_most: bool = False

    def met(self, ratio: float) -> bool:
        return ratio <= self.bound if self.at_most else ratio >= self.bound

    def __str__(self) -> str:
        return f"{self.entrant} / {self.rival}, {self.column.replace('_', ' ')}"


PEERS = {"keras_jax": "R1 R2 R6 R6-long", "skorch": "R1 R2 R3 R6", "lightning": "R1 R2 R3 R6"}
"""Which workloads a peer runs."""
RATE = "samples_per_second"
TARGETS = (
    *(Target(name, "pellucid", "floor", RATE, 0.95) for name in ("R1", "R2", "R3", "R4")),
    Target("R5", "pellucid", "floor", RATE, 0.90),
    *(Target(name, "pellucid_fp32", "floor_fp32", RATE, 0.95) for name in ("R2", "R3", "R4")),
    Target("R5", "pellucid_fp32", "floor_fp32", RATE, 0.90),
    Target("R6", "pellucid", "raw", RATE, 3.0),
    *(Target(name, "pellucid", peer, RATE, 1.0) for peer in PEERS for name in ("R1", "R6")),
    *(Target(name, "pellucid_fp32", peer, RATE, 1.0) for peer in PEERS for name in ("R2", "R3") if name in PEERS[peer]),
    Target("R6-long", "pellucid", "by_hand", RATE, 0.6),
    Target("R6", "pellucid", "raw", "process_seconds", 1.5, at_most=True),
    *(Target(name, "pellucid", "raw", "peak_mb", 1.3, at_most=True) for name in WORKLOADS if name != "R6-long"),
)


def installed(python: str) -> list[str]:
    """Return the peers that an interpreter has."""
    modules = {"keras_jax": ("keras", "jax"), "skorch": ("skorch",), "lightning": ("lightning",)}
    wanted = sorted({module for names in modules.values() for module in names})
    ask = f"from importlib.util import find_spec; print(*[name for name in {wanted} if find_spec(name)])"
    found = subprocess.run([python, "-c", ask], capture_output=True, text=True, check=True).stdout.split()
    return [peer for peer, names in modules.items() if set(names) <= set(found)]


def entrants(name: str, peers: Sequence[str] = ()) -> dict[str, list[str]]:
    """Return the command of each entrant of a workload, without folders: script, precision, options."""
    workload = WORKLOADS[name]
    found = {
        "raw": ["raw.py"],
        "floor": ["floor.py", workload.precision],
        "pellucid": ["pellucid_fit.py", workload.precision],
    }
    if workload.precision != "fp32":
        found |= {"floor_fp32": ["floor.py", "fp32"], "pellucid_fp32": ["pellucid_fit.py", "fp32"]}
    if name.startswith(("R1", "R6")):
        found["by_hand"] = ["floor.py", "fp32", "--by-hand"]
    scripts = {"keras_jax": "keras_jax.py", "skorch": "skorch_fit.py", "lightning": "lightning_fit.py"}
    return found | {peer: [scripts[peer]] for peer in peers if name in PEERS[peer].split()}


def make_data(names: set[str], folder: Path) -> None:
    """Write what the entrants read. Whoever lacks a data set is told where its files belong."""
    if "mnist" in names:
        from pellucid.data.mnist import mnist

        columns = mnist()
        train, test = columns.given["train"][: TRAIN_ROWS["mnist"]], columns.given["test"]
        save(folder / "mnist.npz", columns.values["input"], columns.values["target"], train, test)
    if "digits" in names:
        from sklearn.datasets import load_digits

        digits = load_digits()
        order = np.random.default_rng(0).permutation(len(digits.target))
        x, y = (digits.data / 16).astype(np.float32), digits.target.astype(np.int64)
        save(folder / "digits.npz", x, y, order[: TRAIN_ROWS["digits"]], order[TRAIN_ROWS["digits"] :])
    if "text" in names:
        from pellucid.data.locate import find

        found = find("tinyshakespeare", {"text": ("input.txt",)}, "github.com/karpathy/char-rnn")
        shutil.copy(found["text"], folder / "text.txt")


def save(path: Path, x: Any, y: Any, train: Any, test: Any) -> None:
    np.savez(path, x_train=x[train], y_train=y[train], x_test=x[test], y_test=y[test])


def run(name: str, command: list[str], folder: Path, extra: str = "", python: str = sys.executable) -> Row:
    """Let one entrant run as a process of its own, and return what it says."""
    script, *options = command
    place, workload = folder / "run", WORKLOADS[name]
    line = [python, str(HERE / "race_entrants" / script), name, str(folder), str(workload.steps)]
    line += [*options, str(place), *filter(None, [extra])] if script == "pellucid_fit.py" else options
    # Baselines are kept by content in a cache; here each run starts without one.
    environment = {**os.environ, "PELLUCID_CACHE": str(folder / "cache")}
    done = subprocess.run(line, capture_output=True, text=True, env=environment, check=False)
    decided = place / "execution.json"
    execution = json.loads(decided.read_text()) if decided.exists() else {}
    shutil.rmtree(place, ignore_errors=True)
    shutil.rmtree(folder / "cache", ignore_errors=True)
    if done.returncode:
        raise SystemExit(f"{script} failed on {name} with exit code {done.returncode}:\n{done.stderr}")
    said: Row = json.loads(done.stdout.splitlines()[-1])
    return said | {key: execution.get(key, "") for key in ("threads", "variant")}


def race(names: list[str], rounds: int, folder: Path, python: str, peers: Sequence[str]) -> list[Row]:
    """Run all entrants in turn and return one row per run."""
    rows = []
    for name in names:
        for number in range(rounds):
            field = list(entrants(name, peers).items())
            if number == rounds - 1 and name != "R6-long":
                field.append(("report", entrants(name)["pellucid"]))
            for entrant, command in field:
                row = {"workload": name, "entrant": entrant, "round": number, "discarded": int(number == 0)}
                extra, who = "--report" if entrant == "report" else "", python if entrant in peers else sys.executable
                rows.append(row | run(name, command, folder, extra, who))
                told = f"{rows[-1]['process_seconds']:8.2f} s {rows[-1][RATE]:10,.0f} rows/s"
                print(f"{name} round {number} {entrant:14}{told}", file=sys.stderr)
    return rows


def ratios(rows: list[Row], entrant: str, rival: str, column: str) -> list[float]:
    """An entrant over another, round by round."""
    mine, other = ([row[column] for row in rows if row["entrant"] == who] for who in (entrant, rival))
    return [a / b for a, b in zip(mine, other, strict=True)]


def judge(name: str, rows: list[Row]) -> list[str]:
    """Print a workload's table and return what is wrong."""
    workload: Workload = WORKLOADS[name]
    n = sum(row["entrant"] == "raw" for row in rows)
    print(f"\n{name}: {workload.about}, {workload.steps} steps, batch {workload.batch_size}, n = {n}")
    for entrant in dict.fromkeys(row["entrant"] for row in rows):
        of = [row for row in rows if row["entrant"] == entrant]
        middle = {key: statistics.median(row[key] for row in of) for key in of[0] if isinstance(of[0][key], float)}
        low, high = min(row[RATE] for row in of), max(row[RATE] for row in of)
        decided = ", ".join(sorted({f"{row['variant']} {row['threads']}" for row in of if row["variant"]}))
        print(
            f"  {entrant:14}{middle[RATE]:10,.0f} rows/s ({low:,.0f} to {high:,.0f})"
            f"{middle['process_seconds']:8.2f} s in all, training {middle['train_seconds']:6.2f} s"
            f"  {workload.quality} {middle['quality']:.4f}  {middle['peak_mb']:5.0f} MB  {decided}"
        )
    wrong = []
    there = {row["entrant"] for row in rows}
    for target in TARGETS:
        if target.workload == name and target.rival in there:
            found = ratios(rows, target.entrant, target.rival, target.column)
            ratio = statistics.median(found)
            sign = "<=" if target.at_most else ">="
            told = f"{target}: {ratio:.3f} ({min(found):.3f} to {max(found):.3f}), wanted {sign} {target.bound}"
            print(f"  {told}")
            if not target.met(ratio):
                wrong.append(f"{name}: {told}")
    qualities = [row["quality"] for row in rows]
    if max(qualities) - min(qualities) > workload.tolerance:
        wrong.append(f"{name}: {workload.quality} reaches from {min(qualities)} to {max(qualities)}.")
    if len({row["steps"] for row in rows}) > 1:
        wrong.append(f"{name}: the entrants took {sorted({row['steps'] for row in rows})} steps.")
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=4, help="of which the first is discarded (default 4)")
    parser.add_argument("--workloads", nargs="+", choices=sorted(WORKLOADS), default=sorted(WORKLOADS))
    parser.add_argument("--peers", metavar="PYTHON", default="", help="an interpreter that has keras and jax, ...")
    arguments = parser.parse_args()
    if arguments.rounds < 2:
        parser.error("--rounds is at least 2: the first is discarded")
    with tempfile.TemporaryDirectory(prefix="pellucid-race-") as folder:
        from pellucid.errors import DataError

        try:
            make_data({WORKLOADS[name].data for name in arguments.workloads}, Path(folder))
        except DataError as error:
            print(error, file=sys.stderr)
            return 2
        peers = installed(arguments.peers) if arguments.peers else []
        rows = race(arguments.workloads, arguments.rounds, Path(folder), arguments.peers, peers)
    wrong = []
    for name in arguments.workloads:
        wrong += judge(name, [row for row in rows if row["workload"] == name and not row["discarded"]])
    written = write_results("race", rows)
    print(f"\nEvery run: {written}\nAs a picture: {draw(written)}")
    print("\n".join(["Missed:", *wrong]) if wrong else "Every target is met.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
