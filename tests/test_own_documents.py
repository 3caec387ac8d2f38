"""Documents of the user's own, from the folder to predictions on new files: one command, resume, clear refusals."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars
import pytest

import pellucid
from pellucid import recipe as recipes
from pellucid import rundir
from pellucid.data import locate
from pellucid.errors import DataError
from tests.cli.test_contract import answer, call
from tests.data.documents_made import WORDS, classes, document
from tests.training.runs import dying, outcome

QUICK = {"execution.threads": 1, "execution.variant": "eager", "train.epochs": 20, "model.maps": 32}


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PELLUCID_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def reviews() -> Path:
    return classes(Path("reviews"), each=60)


def test_one_command(reviews: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = [f"{name}={value}" for name, value in QUICK.items()]
    code, out, err = call(capsys, "train", "--data", "reviews", *settings, "--out", "run", "--json")
    assert code == 0, err
    assert "documents: 120 of 2 classes, one in each file" in err
    result = json.loads(out)
    assert result["metrics"]["accuracy"]["value"] > 0.8
    assert set(result["baselines"]) == {"majority", "tfidf"}
    assert result["baselines"]["tfidf"]["accuracy"]["value"] > 0.8
    kept = recipes.read(Path("run/recipe.toml"))
    assert (kept.data.kind, kept.prepare.tokenizer, kept.prepare.longest) == ("documents", "words", 512)
    assert (kept.split.kind, kept.model["name"]) == ("stratified", "text_convnet")
    Path("new.txt").write_text(document("pos", 5000))
    (predicted,) = answer(capsys, "predict", "run", "new.txt")["predictions"]
    assert (predicted["input"], predicted["prediction"]) == ("new.txt", "pos")
    assert len(pellucid.predict("run")) == 8  # the golden examples
    texts = np.array([document("neg", 5001), document("pos", 5000)])
    assert [each["prediction"] for each in pellucid.predict("run", texts)] == ["neg", "pos"]
    with pytest.raises(DataError, match="X holds int64 in row 0: expected an array"):
        pellucid.predict("run", np.arange(3))
    assert answer(capsys, "evaluate", "run", "--split", "test")["looks"] == 1


def test_the_report_shows_how_the_worst_mistakes_begin(reviews: Path) -> None:
    for number in range(3):  # of the wrong class: some of them will be mistakes
        (reviews / "neg" / f"wrong{number}.txt").write_text("Quite <b>superb</b> & moving " + "x" * 600)
    settings = {**QUICK, "split.validation": 0.4, "evaluate.baselines": False}
    pellucid.train(pellucid.propose(reviews).recipe, settings, out="run", quiet=True)
    page = Path("run/report.html").read_text()
    assert "how it begins" in page
    worst = json.loads(Path("run/results/validation.json").read_text())["worst"]
    assert worst
    columns = pellucid.data.documents.read(recipes.read(Path("run/recipe.toml")).data)
    for mistake in worst:
        begins = columns.values["input"].row(mistake["row"]).tobytes().decode()[:20]
        assert begins.replace("<", "&lt;").replace(">", "&gt;") in page


def test_resumed_to_the_same_bytes(reviews: Path) -> None:
    recipe = pellucid.propose(reviews).recipe
    settings = {**QUICK, "train.epochs": 3, "train.checkpoint_every": 2, "evaluate.baselines": False}
    whole = pellucid.train(recipe, settings, out="whole", report=False, quiet=True)
    with dying(5):
        pellucid.train(recipe, settings, out="run", report=False, quiet=True)
    rundir.clear_cache()  # packed anew on the way
    pellucid.resume("run", report=False, quiet=True)
    assert outcome(Path("run")) == outcome(whole.folder)


def test_a_file_that_cannot_be_opened_is_left_to_training(reviews: Path) -> None:
    (reviews / "pos/gone.txt").symlink_to("nowhere.txt")
    recipe = pellucid.propose(reviews).recipe
    with pytest.raises(DataError, match=r"1 of 121 texts cannot be read:\n  pos/gone\.txt: it cannot be read: No such"):
        pellucid.train(recipe, QUICK, out="run", quiet=True)


def test_given_parts_are_proposed_as_given() -> None:
    classes(Path("data/train"), each=20)
    classes(Path("data/test"), each=4)
    proposed = pellucid.propose("data")
    assert proposed.recipe.split.kind == "given"
    assert proposed.because[1:] == ["train: neg 20, pos 20", "test: neg 4, pos 4"]


def test_texts_with_a_number_have_their_baselines() -> None:
    rows = [
        (float(place), document(name, 100 * place + number)) for number in range(40) for place, name in enumerate(WORDS)
    ]
    polars.DataFrame(rows, schema=["stars", "review"], orient="row").with_row_index("at").select(
        stars=polars.col("stars") + polars.col("at") / 1000, review="review"
    ).write_csv("reviews.csv")
    recipe = pellucid.propose("reviews.csv", "stars", settings={"data.input": "review"}).recipe
    run = pellucid.train(recipe, QUICK, out="run", report=False, quiet=True)
    found = json.loads((run.folder / "results/validation.json").read_text())["baselines"]
    assert set(found) == {"mean", "linear", "k_nearest"}
    assert found["linear"]["r2"]["value"] > 0.5  # the words say it


def test_a_table_of_texts(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [(name, document(name, 100 * place + number)) for number in range(50) for place, name in enumerate(WORDS)]
    polars.DataFrame(rows, schema=["label", "review"], orient="row").write_csv("reviews.csv")
    settings = [*(f"{name}={value}" for name, value in QUICK.items()), "data.input=review", "evaluate.baselines=false"]
    code, out, err = call(
        capsys,
        "train",
        "--data",
        "reviews.csv",
        "--target",
        "label",
        *settings,
        "--out",
        "run",
        "--json",
        "--no-report",
    )
    assert code == 0, err
    assert json.loads(out)["metrics"]["accuracy"]["value"] > 0.8
    Path("new.csv").write_text("other,review\n1,a superb and wonderful film\n2,awful and dull\n")
    predicted = answer(capsys, "predict", "run", "new.csv")["predictions"]
    assert [(each["input"], each["prediction"]) for each in predicted] == [("new.csv:0", "pos"), ("new.csv:1", "neg")]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--data", "reviews/pos"], "has no class folders, and 60 of its 60 files hold one line (000.txt, 001.txt"),
        (["--data", "reviews", "--model", "resnet"], "resnet reads images"),
        (["--data", "reviews", "--target", "name_2"], "--target is a piece of the files' names"),
        (["--data", "reviews", "prepare.tokenizer=letters"], "prepare.tokenizer"),
        (["--data", "damaged"], "pos/000.txt: it is not UTF-8: byte 0 cannot be read. Save it as UTF-8."),
    ],
)
def test_wrong_input(arguments: list[str], told: str, reviews: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (classes(Path("damaged"), each=3) / "pos/000.txt").write_bytes(b"\xff")
    code, _, err = call(capsys, "train", *arguments, "--out", "run")
    assert code == 2
    assert told in err
    assert "Traceback" not in err
    assert not Path("run").exists()


@pytest.mark.skipif(not locate.folder("imdb").is_dir(), reason="IMDB is not there; set PELLUCID_DATA")
def test_the_reviews_of_imdb_are_proposed_in_their_parts() -> None:
    proposed = pellucid.propose(locate.folder("imdb") / "aclImdb")
    assert proposed.because == [
        "documents: 50,000 of 2 classes, one in each file",
        "train: neg 12,500, pos 12,500",
        "test: neg 12,500, pos 12,500",
    ]
    assert proposed.recipe.split.kind == "given"
