"""What the command's arguments ask for, and what they cannot."""

from pathlib import Path

import pytest

from models.errors import UnknownModel
from models.schema import ImageSchema
from service.__main__ import main
from service.scoring.command import journal_of, order_of, parser, settings_of
from service.scoring.refusal import ScoringError
from service.scoring.run import Order
from tests.service.conftest import FLOATS, VALUES, make


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a store of two models, and rows."""
    manifests = {
        "toy": make(FLOATS),
        "values": make(FLOATS, VALUES),
        "pictures": make(ImageSchema(mode="L", width=8, height=8)),
    }
    for name, manifest in manifests.items():
        place = tmp_path / "store" / name / "3"
        place.mkdir(parents=True)
        (place / "manifest.json").write_text(manifest.model_copy(update={"name": name}).to_json())
        (place.parent / "aliases.json").write_text('{"production": 3}')
    (tmp_path / "rows.csv").write_text("x0,x1,x2\n1,2,3\n")
    return tmp_path


def ordered(folder: Path, *arguments: str) -> Order:
    given = [str(folder / "rows.csv"), "--store", str(folder / "store"), *arguments]
    asked = parser().parse_args(["--out", str(folder / "o.csv"), *given])
    return order_of(asked, settings_of(asked))


def test_an_order(folder: Path) -> None:
    order = ordered(folder, "--model", "toy", "--keep", "id,name", "--workers", "3")
    assert (order.manifest.version, order.keep, order.workers) == (3, ("id", "name"), 3)
    assert (order.on_error, order.part_rows, order.probabilities) == ("stop", 10_000, False)
    assert ordered(folder, "--model", "toy").keep is None
    assert ordered(folder, "--model", "toy", "--keep", "").keep == ()


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (["pictures"], ScoringError, "pictures takes pictures"),
        (["nobody"], UnknownModel, "no model 'nobody'"),
        (["toy", "--version", "7"], UnknownModel, "no version 7"),
        (["toy", "--version", "shadow"], UnknownModel, "no alias 'shadow'"),
        (["values", "--probabilities"], ScoringError, "values 3 has no probabilities"),
        (["toy", "--part-rows", "0"], ScoringError, "--part-rows"),
        (["toy", "--delimiter", ";;"], ScoringError, "--delimiter"),
        (["toy", "--out", "o.txt"], ScoringError, "ends in one of"),
        (["toy", "--workers", "-1"], ValueError, "workers"),
    ],
)
def test_what_cannot_be_ordered(
    folder: Path, arguments: list[str], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        ordered(folder, "--model", *arguments)


def test_parts_depend_on_input_version_and_options(folder: Path) -> None:
    def journal(*arguments: str) -> object:
        asked = parser().parse_args(["r", "--out", "o.csv", "--model", "toy", *arguments])
        order = ordered(folder, "--model", "toy", *arguments)
        asked.store = folder / "store"
        return journal_of(order, settings_of(asked))

    first = journal()
    assert journal("--workers", "2") == first
    for other in (
        ["--keep", "x0"],
        ["--probabilities"],
        ["--part-rows", "9"],
        ["--delimiter", ";"],
    ):
        assert journal(*other) != first
    manifest = folder / "store" / "toy" / "3" / "manifest.json"
    manifest.write_text(manifest.read_text() + "\n")
    assert journal() != first


def test_the_word_score(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["service", "score", "--help"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    told = capsys.readouterr().out
    assert "python -m service score data.parquet --model churn --out scored.parquet" in told
