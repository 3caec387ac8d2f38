"""Kill runs at random moments, resume them, and compare every byte with a run that was never killed.

The claim: after SIGKILL at any moment (before the run folder exists, before the first checkpoint, between and inside
checkpoint writes, while the artefact, the result or the report is written) `pellucid train --resume` ends with the
same bytes of weights, optimizer state, artefact, predictions and metrics as the run that was never killed, on the same
machine and versions. Expected: n kills, 0 losses.

    python benchmarks/kills.py                      # 100 kills in processes forked from a warmed parent: minutes
    python benchmarks/kills.py --spawn --kills 20   # every process is a fresh `python -m pellucid`

How it is done: one run of each family below is never killed. Then, family by family in turn, a run is started and
killed at a moment drawn uniformly from the length of the family's whole process; it is resumed (begun again, where no
folder was there yet), and one time in three that process is killed as well, and so on; the last one is let be. A draw
beyond the end of a process is no kill: an unkilled run is begun anew, a resumed one is compared as it is. Moments come
from --seed; the step they hit depends on the machine's mood, so the seed gives equal moments, not equal steps.

Forked: the parent only imports (it must have one thread, or it refuses), and each child runs the command line in
itself. That leaves out the interpreter's start and the imports, during which there is nothing to lose, so nearly every
kill lands in the work.

Exit code 1 on any difference. One row per kill, with hardware and versions, in results/kills_HARDWARE_DATE.csv.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hardware import write_results

ONE_THREAD = "execution.threads=1"  # tiny steps: a second thread beside a busy neighbour would only wait
EPISODES = ("split.validation_episodes=5", "split.test_episodes=5")
FAMILIES: dict[str, list[str]] = {
    "convnet": ["digits", "execution.threads=2", "train.epochs=20", "train.checkpoint_every=9"],
    "mlp-dropout-ema-momentum": [
        *("digits-mlp", "model.dropout=0.3", "rule.ema=0.99", ONE_THREAD),
        *("rule.optimizer.name=sgd", "rule.optimizer.learning_rate=0.05", "rule.optimizer.momentum=0.9"),
        *("train.epochs=80", "train.checkpoint_every=20"),
    ],
    "softmax-lbfgs": ["digits-softmax", ONE_THREAD, "train.checkpoint_every=4"],
    "perceptron": ["digits-perceptron", ONE_THREAD, "train.checkpoint_every=150"],
    "regression": ["diabetes-mlp", ONE_THREAD, "train.epochs=200", "train.patience=100", "train.checkpoint_every=15"],
    "resnet": [
        *("digits", "model.name=resnet", "model.depth=8", ONE_THREAD),
        *("train.epochs=6", "train.checkpoint_every=3"),
    ],
    "plateau-patience": [
        *("digits-mlp", "model.dropout=0.2", ONE_THREAD, "train.batch_size=8", "train.epochs=60"),
        *("rule.schedule.name=plateau", "rule.schedule.patience=1", "train.patience=4", "train.checkpoint_every=40"),
    ],
    "accumulate-clip-muon": [
        *("digits-mlp", "model.hidden=[64,64]", "model.dropout=0.2", ONE_THREAD),
        *("rule.optimizer.name=muon", "rule.accumulate=3", "rule.clip=1.0"),
        *("train.epochs=30", "train.checkpoint_every=10"),
    ],
    "lstm-carried-state": ["descriptions-lstm", ONE_THREAD, "train.epochs=20", "train.checkpoint_every=13"],
    "gpt-dropout": ["descriptions-gpt", ONE_THREAD, "model.dropout=0.2", "train.checkpoint_every=11"],
    "rbm-persistent-chains": ["digits-rbm", ONE_THREAD, "train.epochs=60", "train.checkpoint_every=50"],
    "hopfield": ["digits-hopfield", ONE_THREAD, "train.batch_size=1", "train.checkpoint_every=2"],
    "som": ["digits-som", ONE_THREAD, "train.epochs=20", "train.checkpoint_every=60"],
    "gan": ["digits-dcgan", ONE_THREAD, "train.epochs=12", "train.checkpoint_every=15"],
    "wasserstein": [
        *("digits-dcgan", ONE_THREAD, "rule.loss=wasserstein", "rule.discriminator_steps=3"),
        *("model.discriminator_norm=layer", "rule.generator.ema=0.9", "train.epochs=8", "train.checkpoint_every=10"),
    ],
    "reinforce": ["cartpole-reinforce", ONE_THREAD, *EPISODES, "train.steps=40", "train.checkpoint_every=3"],
    "a2c": ["cartpole-a2c", ONE_THREAD, *EPISODES, "train.steps=600", "train.checkpoint_every=37"],
    "ppo": ["cartpole-ppo", ONE_THREAD, *EPISODES, "train.steps=400", "train.checkpoint_every=17"],
}
CLOCKS = ("seconds", "samples_per_second", "training_seconds", "run", "variant", "alone", "on_trial")
"""What may differ: how long it took, where, and which of two ways to the same bytes was found to be faster."""
BYTES = (
    *("split.json", "recipe.toml", "execution.json", "signals.json", "exhibits.json", "exhibits.safetensors"),
    *("artefact", "predictions", "checkpoints"),
)
PART = ".part"
"""How a file is called until it is whole."""
AGAIN = 1 / 3
"""How often a resumed process is killed as well."""
WARM = (
    "pellucid.cli.app",
    "pellucid.verbs",
    "sklearn.datasets",
    "sklearn.linear_model",
    "sklearn.neighbors",
    "scipy.stats",
    "gymnasium",
    "pygame",
    "torch.fx.experimental.symbolic_shapes",
)


class Forked:
    """The command line in a child that was forked from this process, which has imported everything."""

    def __init__(self, arguments: list[str], log: Path, cache: Path) -> None:
        self.pid = os.fork()
        if self.pid == 0:
            code = 1
            try:
                os.environ["PELLUCID_CACHE"] = str(cache)
                file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
                os.dup2(file, 1)
                os.dup2(file, 2)
                code = _command_line(arguments)
                sys.stdout.flush()
                sys.stderr.flush()
            finally:
                os._exit(code)

    def ended(self) -> bool:
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)

    def wait(self) -> int:
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


class Spawned:
    """The command line as a user starts it."""

    def __init__(self, arguments: list[str], log: Path, cache: Path) -> None:
        environment = {**os.environ, "PELLUCID_CACHE": str(cache)}
        with log.open("a") as file:
            command = [sys.executable, "-m", "pellucid", *arguments]
            self._process = subprocess.Popen(command, stdout=file, stderr=file, env=environment)

    def ended(self) -> bool:
        return self._process.poll() is not None

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def wait(self) -> int:
        return self._process.wait()


def _command_line(arguments: list[str]) -> int:
    from pellucid.cli.app import main

    try:
        main(arguments)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 1
    return 0


def warm() -> None:
    """Import what a run imports, and make sure that this process still has one thread, so that it may be forked."""
    import importlib

    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # NumPy's own library would start threads at import
    for name in WARM:
        importlib.import_module(name)
    threads = len(list(Path("/proc/self/task").iterdir()))
    if threads > 1:
        raise SystemExit(f"The parent has {threads} threads after its imports: forking it is not safe. Use --spawn.")


@dataclass(frozen=True)
class Reference:
    """The run of a family that was never killed."""

    folder: Path
    seconds: float
    steps: int


@dataclass
class Judged:
    """A run that was killed: each kill, and what differs in the end."""

    kills: list[dict[str, Any]] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)
    left_behind: int = 0


class Course:
    """Starts, kills and resumes runs under one folder."""

    def __init__(
        self, place: Path, launcher: type[Forked] | type[Spawned], chance: random.Random, report: bool
    ) -> None:
        self.place, self.launcher, self.chance = place, launcher, chance
        self.extra = [] if report else ["--no-report"]

    def start(self, family: str, folder: Path) -> Forked | Spawned:
        """Start or resume the run of this folder."""
        there = folder.exists()
        command = ["train", "--resume", str(folder)] if there else ["train", *FAMILIES[family], "--out", str(folder)]
        return self.launcher([*command, *self.extra], self.log(folder), folder.with_suffix(".cache"))

    def log(self, folder: Path) -> Path:
        return folder.with_suffix(".log")

    def reference(self, family: str) -> Reference:
        """Carry a family out without a kill."""
        folder = self.place / f"{family}-reference"
        began = time.perf_counter()
        if self.start(family, folder).wait() != 0:
            raise SystemExit(f"{family} fails without any kill:\n{self.log(folder).read_text()}")
        return Reference(folder, time.perf_counter() - began, last_checkpoint(folder))

    def tormented(self, family: str, number: int, reference: Reference, most: int) -> Judged:
        """Kill a run at least once and at most `most` times, let it end, and compare."""
        folder = self.place / f"{family}-{number}"
        judged = Judged()
        while len(judged.kills) < most and (not judged.kills or self.chance.random() < AGAIN):
            if not self.kill_once(family, folder, reference, judged):
                break
        code = self.start(family, folder).wait()
        if code != 0:
            judged.differences = [f"the last resume ended with code {code}: {self.log(folder).read_text()[-1000:]}"]
        else:
            judged.differences = compare(reference.folder, folder)
            judged.left_behind = left_behind(folder)
        if not judged.differences:
            shutil.rmtree(folder)
        return judged

    def kill_once(self, family: str, folder: Path, reference: Reference, judged: Judged) -> bool:
        """Start and kill, or return False where a resumed process (or a failed one) ended before its moment."""
        while True:
            moment = self.chance.uniform(0, reference.seconds)
            resumed = folder.exists()
            from_step = last_checkpoint(folder)
            process = self.start(family, folder)
            time.sleep(moment)
            if not process.ended():
                process.kill()
                break
            if process.wait() != 0 or judged.kills:
                return False  # what failed fails again in the last resume, which tells why
            shutil.rmtree(folder)  # never killed: once more
        judged.kills.append(
            {
                "moment_seconds": round(moment, 4),
                "was_resumed": int(resumed),
                "from_step": from_step,
                "checkpoint_step": last_checkpoint(folder),
                "phase": phase(folder, reference.steps),
                "inside_a_write": int(left_behind(folder) > 0),
            }
        )
        return True


def last_checkpoint(folder: Path) -> int:
    """The step of the newest checkpoint; -1 where there is none."""
    names = sorted(path.stem for path in (folder / "checkpoints").glob("step-*.json"))
    return int(names[-1].removeprefix("step-")) if names else -1


def phase(folder: Path, steps: int) -> str:
    """What a run was doing when it was killed, from what it left."""
    if not folder.exists():
        return "1 before the folder"
    step = last_checkpoint(folder)
    if step < 0:
        return "2 before the first checkpoint"
    if step < steps:
        return "3 training"
    if not (folder / "artefact").exists():
        return "4 keeping the artefact"
    return "5 judging" if not (folder / "results" / "validation.json").exists() else "6 telling"


def compare(reference: Path, run: Path) -> list[str]:
    """Return what differs between two run folders, beside the times taken; nothing where the resume was exact."""
    differences = []
    if (reference / "report.html").exists() and not (run / "report.html").exists():
        differences.append("report.html is missing")
    for name in sorted(_files(reference) | _files(run)):
        one, other = reference / name, run / name
        if not (one.is_file() and other.is_file()):
            differences.append(f"{name} is missing in {'the killed' if one.is_file() else 'the never killed'} run")
        elif name.endswith((".json", ".jsonl")) and not name.startswith(("split", "artefact")):
            differences += _compare_lines(name, list(_facts(one)), list(_facts(other)))
        elif one.read_bytes() != other.read_bytes():
            differences.append(f"{name} differs")
    return differences


def _files(folder: Path) -> set[str]:
    """The names of the files to compare. The report tells times, so that it only has to be there."""
    files = [folder / "metrics.jsonl", *(folder / "results").rglob("*")]
    for name in BYTES:
        files += [folder / name] if (folder / name).is_file() else (folder / name).rglob("*")
    return {str(path.relative_to(folder)) for path in files if path.is_file() and not path.name.endswith(PART)}


def left_behind(folder: Path) -> int:
    """How many half-written files are still there: harmless, but nobody should have to sweep up after a kill."""
    return sum(1 for path in folder.rglob(f".*{PART}"))


def _facts(path: Path) -> Iterator[Any]:
    """The values of a JSON file or of each line of a JSON-lines file, without clocks and hashes over them."""
    text = path.read_text()
    for line in text.splitlines() if path.suffix == ".jsonl" else [text]:
        yield _without_clocks(json.loads(line))


def _without_clocks(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_clocks(below) for key, below in value.items() if key not in (*CLOCKS, "hash")}
    return [_without_clocks(below) for below in value] if isinstance(value, list) else value


def _compare_lines(name: str, one: list[Any], other: list[Any]) -> list[str]:
    if len(one) != len(other):
        return [f"{name} has {len(one)} lines in the never killed run and {len(other)} in the killed one"]
    for number, (a, b) in enumerate(zip(one, other, strict=True), 1):
        if a != b:
            return [f"{name} differs in line {number}: {json.dumps(a)[:300]} against {json.dumps(b)[:300]}"]
    return []


def tell(rows: list[dict[str, Any]], runs: int, lost: int) -> None:
    """Print kills by phase and by family."""
    print(f"\n{len(rows)} kills of {runs} runs; {lost} runs ended otherwise than the never killed one.")
    for name, count in sorted(Counter(row["phase"] for row in rows).items()):
        print(f"  {name[2:]:32}{count:5}")
    print(f"  {'(of all, inside a file write':32}{sum(row['inside_a_write'] for row in rows):5})")
    print(f"  {'(of all, runs resumed before':32}{sum(row['was_resumed'] for row in rows):5})")
    last_of_run = {row["run"]: row["left_behind"] for row in rows}
    print(f"  {'half-written files left in runs':32}{sum(last_of_run.values()):5}")
    for family in FAMILIES:
        of = [row for row in rows if row["family"] == family]
        if of:
            middle, in_lost = statistics.median(row["moment_seconds"] for row in of), sum(row["lost"] for row in of)
            print(f"  {family:32}{len(of):5} kills, median moment {middle:.2f} s, {in_lost} in lost runs")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--kills", type=int, default=100, help="in all (default 100)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments (default 0)")
    parser.add_argument("--families", nargs="+", choices=list(FAMILIES), default=list(FAMILIES))
    parser.add_argument("--spawn", action="store_true", help="start a fresh Python for each process; slow")
    parser.add_argument("--no-report", action="store_true", help="train without writing the report")
    arguments = parser.parse_args()
    if not arguments.spawn:
        warm()
    place = Path(tempfile.mkdtemp(prefix="pellucid-kills-"))
    launcher = Spawned if arguments.spawn else Forked
    course = Course(place, launcher, random.Random(arguments.seed), not arguments.no_report)
    references = {}
    for family in arguments.families:
        references[family] = course.reference(family)
        print(f"{family}: {references[family].steps} steps, {references[family].seconds:.2f} s", file=sys.stderr)
    rows: list[dict[str, Any]] = []
    runs = lost = 0
    while len(rows) < arguments.kills:
        family = arguments.families[runs % len(arguments.families)]
        judged = course.tormented(family, runs, references[family], arguments.kills - len(rows))
        runs += 1
        lost += bool(judged.differences)
        of_run = {
            "lost": int(bool(judged.differences)),
            "left_behind": judged.left_behind,
            "spawned": int(arguments.spawn),
        }
        rows += [{"family": family, "run": runs, **kill, **of_run} for kill in judged.kills]
        if judged.differences:
            print(f"LOST {family} (kept in {place}):\n  " + "\n  ".join(judged.differences[:10]), file=sys.stderr)
            if not judged.kills:
                break
        print(f"{len(rows)} kills, {runs} runs, {lost} lost", file=sys.stderr)
    tell(rows, runs, lost)
    print(f"  {'half-made folders left beside':32}{sum(1 for path in place.glob(f'.*{PART}')):5}")
    print(f"Every kill: {write_results('kills', rows)}")
    if not lost:
        shutil.rmtree(place)
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
