"""Parts to one file: order, columns that differ, and nothing half-written."""

import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from service.scoring.assembly import assemble, check_kept, check_output
from service.scoring.folder import PartsFolder
from service.scoring.refusal import ScoringError

ANSWERS = pa.schema([("prediction", pa.float64()), ("error", pa.string())])


def answered(prediction: list[float | None], **kept: list[object]) -> pa.Table:
    errors = [None if one is not None else "bad" for one in prediction]
    columns = {name: pa.array(values) for name, values in kept.items()}
    told = {
        "prediction": pa.array(prediction, pa.float64()),
        "error": pa.array(errors, pa.string()),
    }
    return pa.table(columns | told)


PARTS = [
    answered([0.1, 0.2], id=[1, 2], text=["a", 'b"\n,']),
    answered([None], id=[None], more=[True]),
    answered([0.4], id=[2.5], more=["x"]),
]


@pytest.fixture
def folder(tmp_path: Path) -> PartsFolder:
    made = PartsFolder(tmp_path / "out")
    made.open({"input": [1]}, restart=False)
    for number, table in enumerate(PARTS):
        made.write(number, table)
    return made


@pytest.mark.parametrize("name", ["o.parquet", "o.arrow", "o.feather", "o.csv", "o.csv.gz"])
def test_columns_of_all_parts(folder: PartsFolder, tmp_path: Path, name: str) -> None:
    out = tmp_path / name
    steps = list(assemble(folder, 3, ANSWERS, out))
    assert [step.rows for step in steps] == [2, 3, 4, 4]
    assert steps[-1].failed_rows == 1
    if "csv" in name:
        data = gzip.decompress(out.read_bytes()) if name.endswith("gz") else out.read_bytes()
        options = pa.csv.ParseOptions(newlines_in_values=True)
        types = pa.csv.ConvertOptions(strings_can_be_null=True, quoted_strings_can_be_null=False)
        found = pa.csv.read_csv(pa.BufferReader(data), None, options, types)
    else:
        found = pq.read_table(out) if name == "o.parquet" else pa.ipc.open_file(out).read_all()
    assert found.to_pydict() == {
        "id": [1.0, 2.0, None, 2.5],
        "text": ["a", 'b"\n,', None, None],
        "more": [None, None, "true", "x"],
        "prediction": [0.1, 0.2, None, 0.4],
        "error": [None, None, "bad", None],
    }


def test_the_output_is_there_only_when_it_is_whole(folder: PartsFolder, tmp_path: Path) -> None:
    out = tmp_path / "o.parquet"
    out.write_text("before")
    for step in assemble(folder, 3, ANSWERS, out):
        if step.rows < 4:
            assert out.read_text() == "before"
    assert pq.read_table(out).num_rows == 4


def test_no_parts_make_an_empty_table(folder: PartsFolder, tmp_path: Path) -> None:
    out = tmp_path / "o.parquet"
    assert list(assemble(folder, 0, ANSWERS, out))[-1].rows == 0
    assert pq.read_table(out).schema.equals(ANSWERS)


def test_outputs_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "d.csv").mkdir()
    for out, words in [("o.txt", "ends in one of"), ("no/o.csv", "no folder"), ("d.csv", "is a")]:
        with pytest.raises(ScoringError, match=words):
            check_output(tmp_path / out)


def test_csv_has_no_lists() -> None:
    schema = pa.schema([("tags", pa.list_(pa.string()))])
    check_kept(schema, Path("o.parquet"))
    with pytest.raises(ScoringError, match="'tags'"):
        check_kept(schema, Path("o.csv.gz"))


def test_large_whole_numbers_beside_fractions_do_not_stop_the_end(tmp_path: Path) -> None:
    folder = PartsFolder(tmp_path / "out")
    folder.open({"input": [1]}, restart=False)
    folder.write(0, answered([0.1], id=[2**60 + 1]))
    folder.write(1, answered([0.2], id=[0.5]))
    out = tmp_path / "o.parquet"
    assert list(assemble(folder, 2, ANSWERS, out))[-1].rows == 2
    assert pq.read_table(out).column("id").to_pylist() == [float(2**60 + 1), 0.5]
