"""Pictures with masks, from the folder to masks of new files: one command, resume, recorded gradients, the check."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sklearn import metrics

import pellucid
from pellucid import recipe as recipes
from pellucid import rundir
from pellucid.data import locate, masks
from pellucid.errors import DataError
from pellucid.preflight.check import check, of_data
from pellucid.recipe import DataSection
from tests.cli.test_contract import answer, call
from tests.data.masked import masked, pair, save
from tests.training.runs import dying, outcome

QUICK: dict[str, Any] = {
    "execution.threads": 1,
    "execution.variant": "eager",
    "model.widths": [8, 16],
    "train.epochs": 8,
    "train.batch_size": 4,
}


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PELLUCID_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def data() -> Path:
    root = masked(Path("data"), num=40)
    (root / "classes.txt").write_text("ground\nfire\ngrass\n")
    return root


def test_one_command(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = [f"{name}={json.dumps(value)}" for name, value in QUICK.items()]
    code, out, err = call(capsys, "train", "--data", "data", *settings, "--out", "run", "--json")
    assert code == 0, err
    assert "pictures with a mask: 40, 3 classes, brought to 32x32" in err
    result = json.loads(out)
    assert (result["primary"], result["unit"]) == ("mean_iou", "picture")
    assert result["metrics"]["mean_iou"]["value"] > 0.8
    assert set(result["baselines"]) == {"majority", "mean_mask"}
    assert result["metrics"]["iou_fire"]["value"] > result["baselines"]["mean_mask"]["iou_fire"]["value"]
    report = Path("run/report.html").read_text()
    assert "Evenly spaced, not chosen." in report
    assert "The worst" in report
    drawn, codes = pair(999)
    drawn.save("new.png")
    (told,) = answer(capsys, "predict", "run", "new.png")["predictions"]
    assert told["note"] == "resized from 32x24 to 32x32"
    assert sum(told["shares"].values()) == pytest.approx(1, abs=1e-5)
    with Image.open(told["file"]) as mask:
        assert (mask.mode, mask.size) == ("P", (32, 32))
        said = np.asarray(mask)
    truth = np.asarray(Image.fromarray(codes).resize((32, 32), Image.Resampling.NEAREST))
    assert metrics.jaccard_score(truth.ravel(), said.ravel(), average="macro") > 0.7
    assert told["shares"]["fire"] == pytest.approx((said == 1).mean(), abs=1e-5)
    assert answer(capsys, "evaluate", "run", "--split", "test")["looks"] == 1
    assert len(pellucid.predict("run")) == 8 - 2  # validation has six pictures


@pytest.mark.parametrize("variant", ["eager", "captured"])
def test_resumed_to_the_same_bytes(data: Path, variant: str) -> None:
    recipe = pellucid.propose(data).recipe
    settings = {**QUICK, "train.epochs": 2, "train.checkpoint_every": 2, "execution.variant": variant}
    whole = pellucid.train(recipe, settings, out="whole", report=False, quiet=True)
    with dying(5):
        pellucid.train(recipe, settings, out="run", report=False, quiet=True)
    rundir.clear_cache()  # packed anew on the way
    pellucid.resume("run", report=False, quiet=True)
    assert outcome(Path("run")) == outcome(whole.folder)
    if variant == "captured":
        plain = pellucid.train(recipe, {**settings, "execution.variant": "eager"}, report=False, quiet=True)
        assert outcome(plain.folder)[0]["model.safetensors"] == outcome(whole.folder)[0]["model.safetensors"]


def test_what_is_proposed_follows_the_data() -> None:
    masked(Path("data/train"), num=20, values=(0, 1, 255), size=(600, 400))
    masked(Path("data/val"), num=4, values=(0, 1, 255), size=(600, 400))
    proposed = pellucid.propose("data")
    data, model = proposed.recipe.data, proposed.recipe.model
    assert (data.kind, data.size, data.ignore) == ("masks", (160, 240), (255,))
    assert (proposed.recipe.split.kind, model["stride"], proposed.recipe.task["name"]) == ("given", 2, "segment")
    assert any("the value 255 of the masks is ignored" in line for line in proposed.because)
    assert [each["name"] for each in proposed.recipe.augment] == ["flip"]
    assert pellucid.propose("data", settings=["data.ignore=[1]"]).recipe.data.ignore == (1,)
    two = masked(Path("two"), num=20, values=(0, 255))
    assert pellucid.propose(two).recipe.data.ignore is None  # ground and figure


def test_settings_of_other_kinds_are_refused(data: Path) -> None:
    with pytest.raises(DataError, match=r"data\.rate means nothing for .* 'masks', by data\.size, data\.ignore"):
        pellucid.propose(data, settings=["data.rate=8000"])


def test_nothing_is_invented_on_whole_data(data: Path) -> None:
    assert of_data(DataSection(source=str(data))) == []


@pytest.mark.skipif(not locate.folder("camvid").is_dir(), reason="needs CamVid")
def test_nothing_is_found_in_camvid_but_its_films_that_lie_in_two_parts() -> None:
    findings = of_data(DataSection(source=str(locate.folder("camvid")), ignore=(11,)))
    assert [(finding.kind, len(finding.rows)) for finding in findings] == [
        ("film_across_parts", 62),
        ("film_across_parts", 101),
    ]


def spoiled(root: Path, fault: str) -> list[int]:
    """Make one fault, and return the rows that have it."""
    place = root / "masks/007.png"
    codes = np.array(Image.open(place))
    rows = [7]
    match fault:
        case "picture_without_mask":
            place.unlink()
            rows = []
        case "mask_without_picture":
            (root / "images/007.png").unlink()
            rows = []
        case "unreadable":
            place.write_bytes(place.read_bytes()[:60])
        case "lossy_mask":
            place.unlink()
            Image.fromarray(codes).save(place.with_suffix(".jpg"))
        case "coloured_mask":
            Image.fromarray(np.stack([codes, 0 * codes, codes], axis=-1)).save(place)
        case "other_size":
            save(codes[:-1], place)
        case "mixed_modes":
            image = Image.fromarray(codes).convert("P")
            image.putdata(codes.ravel().tolist())
            image.save(place)
        case "rare_value":
            codes[3, 4:6] = 77
            save(codes, place)
        case "constant_mask":
            save(0 * codes, place)
        case "all_ignored":
            save(0 * codes + 9, place)
        case "unlabelled":
            codes[:5] = 255
            save(codes, place)
    return rows


FAULTS = (
    "picture_without_mask", "mask_without_picture", "unreadable", "lossy_mask", "coloured_mask", "other_size",
    "mixed_modes", "rare_value", "constant_mask", "unlabelled",
)  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_each_planted_fault_is_found_with_its_rows(fault: str, data: Path) -> None:
    rows = spoiled(data, fault)
    (finding,) = check(data) if fault in FAULTS[:6] else of_data(DataSection(source=str(data)))
    assert (finding.kind, list(finding.rows)) == (fault, rows)
    assert "007" in finding.message or fault == "unlabelled"


def test_a_held_out_picture_that_is_trained_on_is_found() -> None:
    for seed, part in enumerate(("train", "val")):
        masked(Path("data") / part, num=12, seed=100 * seed)
    for folder in ("images", "masks"):
        shutil.copy(f"data/train/{folder}/003.png", f"data/val/{folder}/005.png")
    (finding,) = of_data(DataSection(source="data"))
    assert (finding.kind, list(finding.rows)) == ("near_duplicates_across_parts", [17])
    assert "val/images/005.png and train/images/003.png" in finding.message


@pytest.mark.parametrize("fault", FAULTS[2:6])
def test_a_fault_is_a_note_where_its_row_is_left_out(fault: str, data: Path) -> None:
    rows = spoiled(data, fault)
    section = DataSection(source=str(data), kind="masks", size=(24, 32), unreadable="leave out")
    (finding,) = of_data(section)
    assert (finding.kind, finding.weight, list(finding.rows)) == (fault, "note", rows)
    columns = masks.read(section)
    assert columns.places is not None
    everyone = np.arange(len(columns) + 1)
    assert np.array_equal(columns.places, everyone[everyone != 7])


def test_faults_of_parts_and_of_what_is_ignored_are_found() -> None:
    for seed, (part, values) in enumerate((("train", (0, 1, 2)), ("val", (0, 1, 5)))):
        masked(Path("data") / part, num=12, values=values, seed=100 * seed)
    found = {finding.kind: finding for finding in of_data(DataSection(source="data", ignore=(200,)))}
    assert list(found) == ["untrained_value", "ignore_absent", "absent_class"]
    assert list(found["untrained_value"].rows) == list(range(12, 24))  # train comes first
    assert "200" in found["ignore_absent"].message
    assert "the validation part has the value 2" in found["absent_class"].message
    one = masked(Path("one"), num=12, values=(0, 9))
    spoiled(one, "all_ignored")
    kinds = [finding.kind for finding in of_data(DataSection(source="one", ignore=(9,)))]
    assert kinds[0] == "one_value"


def test_the_recipe_is_kept(data: Path) -> None:
    run = pellucid.train(pellucid.propose(data).recipe, {**QUICK, "train.epochs": 1}, out="run", quiet=True)
    kept = recipes.read(run.folder / "recipe.toml")
    assert (kept.data.kind, kept.data.size, kept.data.source) == ("masks", (32, 32), str(data.resolve()))
