"""Race Pellucid against the plain PyTorch loop that a tutorial would write.

The claim: from the start of the process to the accuracy on the test rows, `pellucid.fit` with a user's own net, which
also keeps a run folder (recipe, split, checkpoints, metrics, artefact with golden examples, result with intervals),
takes no longer than a plain loop that keeps nothing, with equal accuracy after equal steps.

    python benchmarks/race.py

Workloads: R1 a multilayer perceptron on 49,920 rows of MNIST (3 epochs, batch 128), R2 a LeNet-5-like convnet on the
same (2 epochs), R6 a small perceptron on 1,440 of scikit-learn's digits (20 epochs, batch 32); Adam at 1e-3. Entrants:
raw (TensorDataset, DataLoader, torch.optim.Adam, loss.item() at each step), pellucid (no baselines, no report), and,
shown but not raced, pellucid_report (with both). Each is a whole process that reads the same npz.

How it is measured: entrants run in turn, round after round, so that drift hits all alike; the first round warms the
page cache and is discarded; n = the rounds after it (4 by default; pellucid_report runs in the last one only).
Medians with their range, and the median of the ratios pellucid / raw within each round. `process_seconds` is since
the kernel started the process, imports and all. `samples_per_second` is of the epochs after the first. Raced is
`process_seconds`: exit code 1 if the median ratio is above 1 on any workload, if accuracies lie further apart than
the workload's tolerance, or if steps differ.

Threads are torch's own choice, and nothing else should run: two threads beside a busy neighbour wait for each other.
Versions and hardware (torch, numpy, processor, cores) stand in every row of results/race_HARDWARE_DATE.csv.
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
from pathlib import Path
from typing import Any

import numpy as np

from hardware import write_results

sys.path.insert(0, str(Path(__file__).parent / "race_entrants"))
from workload import WORKLOADS

ENTRANTS = ("raw", "pellucid", "pellucid_report")
RACED = ("pellucid", "raw")
HERE = Path(__file__).parent
TRAIN_ROWS = {"mnist": 49_920, "digits": 1_440}


def make_arrays(names: set[str], folder: Path) -> None:
    """Write what the entrants read. Whoever lacks MNIST is told where its files belong."""
    if "mnist" in names:
        from pellucid.data.mnist import mnist

        columns = mnist()
        save(folder / "mnist.npz", columns.values["input"], columns.values["target"], *mnist_rows(columns.given))
    if "digits" in names:
        from sklearn.datasets import load_digits

        digits = load_digits()
        order = np.random.default_rng(0).permutation(len(digits.target))
        x, y = (digits.data / 16).astype(np.float32), digits.target.astype(np.int64)
        save(folder / "digits.npz", x, y, order[: TRAIN_ROWS["digits"]], order[TRAIN_ROWS["digits"] :])


def mnist_rows(given: Any) -> tuple[Any, Any]:
    """The first 49,920 of the training rows, and all test rows."""
    return given["train"][: TRAIN_ROWS["mnist"]], given["test"]


def save(path: Path, x: Any, y: Any, train: Any, test: Any) -> None:
    np.savez(path, x_train=x[train], y_train=y[train], x_test=x[test], y_test=y[test])


def run(entrant: str, workload: str, folder: Path) -> dict[str, Any]:
    """Let one entrant run as a process of its own, and return what it says."""
    place = folder / "run"
    command = [sys.executable, str(HERE / "race_entrants" / "raw.py"), workload, str(folder)]
    if entrant != "raw":
        command = [sys.executable, str(HERE / "race_entrants" / "pellucid_fit.py"), workload, str(folder), str(place)]
        command += ["--report"] if entrant == "pellucid_report" else []
    # Baselines are kept by content in a cache; here each run starts without one.
    environment = {**os.environ, "PELLUCID_CACHE": str(folder / "cache")}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    shutil.rmtree(place, ignore_errors=True)
    shutil.rmtree(folder / "cache", ignore_errors=True)
    if done.returncode:
        raise SystemExit(f"{entrant} failed on {workload} with exit code {done.returncode}:\n{done.stderr}")
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return said


def race(workloads: list[str], rounds: int, folder: Path) -> list[dict[str, Any]]:
    """Run all entrants in turn and return one row per run."""
    rows = []
    for name in workloads:
        for number in range(rounds):
            for entrant in ENTRANTS if number == rounds - 1 else RACED[::-1]:
                row = {"workload": name, "entrant": entrant, "round": number, "discarded": int(number == 0)}
                rows.append(row | run(entrant, name, folder))
                print(f"{name} round {number} {entrant:16}{rows[-1]['process_seconds']:8.2f} s", file=sys.stderr)
    return rows


def ratios(rows: list[dict[str, Any]], column: str) -> list[float]:
    """Pellucid over raw, round by round."""
    mine, other = ([row[column] for row in rows if row["entrant"] == entrant] for entrant in RACED)
    return [a / b for a, b in zip(mine, other, strict=True)]


def judge(name: str, rows: list[dict[str, Any]]) -> list[str]:
    """Print a workload's table and return what is wrong."""
    workload = WORKLOADS[name]
    n = sum(row["entrant"] == "raw" for row in rows)
    print(f"\n{name}: {workload.about}, {workload.epochs} epochs, batch {workload.batch_size}, n = {n}")
    for entrant in ENTRANTS:
        of = [row for row in rows if row["entrant"] == entrant]
        seconds = [row["process_seconds"] for row in of]
        middle = {key: statistics.median(row[key] for row in of) for key in of[0] if key not in ("workload", "entrant")}
        print(
            f"  {entrant:16}{middle['process_seconds']:7.2f} s ({min(seconds):.2f} to {max(seconds):.2f})"
            f"{middle['samples_per_second']:10,.0f} rows/s  training {middle['train_seconds']:6.2f} s"
            f"  accuracy {middle['accuracy']:.4f}  {middle['peak_mb']:5.0f} MB  {middle['steps']:.0f} steps"
        )
    wall, rate = ratios(rows, "process_seconds"), ratios(rows, "samples_per_second")
    print(
        f"  pellucid / raw   process seconds {statistics.median(wall):.3f} ({min(wall):.3f} to {max(wall):.3f}), "
        f"rows/s {statistics.median(rate):.3f} ({min(rate):.3f} to {max(rate):.3f})"
    )
    wrong = []
    if statistics.median(wall) > 1:
        wrong.append(f"{name}: Pellucid takes {statistics.median(wall):.3f} of the plain loop's time.")
    accuracies = [row["accuracy"] for row in rows]
    if max(accuracies) - min(accuracies) > workload.tolerance:
        wrong.append(f"{name}: accuracies reach from {min(accuracies)} to {max(accuracies)}.")
    if len({row["steps"] for row in rows}) > 1:
        wrong.append(f"{name}: the entrants took {sorted({row['steps'] for row in rows})} steps.")
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="of which the first is discarded (default 5)")
    parser.add_argument("--workloads", nargs="+", choices=sorted(WORKLOADS), default=sorted(WORKLOADS))
    arguments = parser.parse_args()
    if arguments.rounds < 2:
        parser.error("--rounds is at least 2: the first is discarded")
    with tempfile.TemporaryDirectory(prefix="pellucid-race-") as folder:
        from pellucid.errors import DataError

        try:
            make_arrays({WORKLOADS[name].arrays for name in arguments.workloads}, Path(folder))
        except DataError as error:
            print(error, file=sys.stderr)
            return 2
        rows = race(arguments.workloads, arguments.rounds, Path(folder))
    wrong = []
    for name in arguments.workloads:
        wrong += judge(name, [row for row in rows if row["workload"] == name and not row["discarded"]])
    print(f"\nEvery run: {write_results('race', rows)}")
    print("\n".join(wrong) if wrong else "Pellucid is not slower on any of them.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
