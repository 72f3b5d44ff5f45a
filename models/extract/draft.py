"""A specification drafted from data: a first one that trains, to be read and corrected."""

import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from models.errors import BadData
from models.extract.facts import USUAL_MISSING, ColumnFacts, facts_of
from models.extract.headers import require_columns
from models.extract.proposals import feature_kind, why_left_out
from models.extract.sniff import (
    SAMPLE_ROWS,
    sample_csv,
    sample_json_lines,
    sample_parquet,
    sniff_csv,
)
from models.spec import Specification
from models.spec.sources import CsvSource

Task = Literal["classification", "regression"]

_LISTED_VALUES: Final = 12
_CLASSES: Final = 10
_SHOWN_CHARS: Final = 40
_USUAL_SHARE: Final = 0.005
_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True)
class Sketch:
    """What a draft is made of.

    Args:
        name: the model's.
        path: the file, as the specification names it.
        target: the column that is predicted.
        task: what kind of prediction.
        kind: csv, jsonl or parquet.
        source: how delimited text is written; None for other kinds.
        columns: what each column holds.
        strange_rows: rows that have other cells than the columns, or their names once more.
    """

    name: str
    path: str
    target: ColumnFacts
    task: Task
    kind: str
    source: CsvSource | None
    columns: tuple[ColumnFacts, ...]
    strange_rows: int


def draft(path: Path, target: str, name: str = "", task: Task | None = None) -> str:
    """Return a specification file for a table, as TOML with comments.

    Args:
        path: CSV or other delimited text, JSON lines or Parquet; .gz of the texts too.
        target: the column to predict.
        name: the model's name; after the file if left out.
        task: judged by the target's values if left out.

    Raises:
        BadData: the file cannot be read, or has no such column, or nothing to learn from.
    """
    if not path.is_file():
        raise BadData(f"there is no file {path}")
    kind = _kind(path)
    source = sniff_csv(path, target) if kind == "csv" else None
    if source is not None:
        sample = sample_csv(path, source)
    else:
        sample = sample_parquet(path) if kind == "parquet" else sample_json_lines(path)
    require_columns(list(sample.columns), [target], path.name)
    facts = {
        column: facts_of(column, cells, has_words=kind == "csv")
        for column, cells in sample.columns.items()
    }
    aim = facts[target]
    if aim.has_no_type:
        raise BadData(f"{target!r} cannot be predicted: {why_left_out(aim)}")
    if aim.distinct < 2:
        raise BadData(f"{target!r} has {aim.distinct} different values in {path.name}")
    chosen = task or _task(aim)
    sketch = Sketch(
        name or _name(path),
        path.name,
        aim,
        chosen,
        kind,
        source,
        tuple(facts.values()),
        sample.strange_rows,
    )
    text = "\n".join(_lines(sketch)) + "\n"
    Specification.model_validate(tomllib.loads(text))
    return text


def _kind(path: Path) -> str:
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() != ".gz"]
    last = suffixes[-1] if suffixes else ""
    return {".parquet": "parquet", ".jsonl": "jsonl", ".ndjson": "jsonl"}.get(last, "csv")


def _name(path: Path) -> str:
    stem = re.sub(r"[^a-z0-9_-]+", "_", path.name.split(".")[0].lower()).strip("_-")
    return stem[:60] or "model"


def _task(target: ColumnFacts) -> Task:
    if target.type in ("text", "boolean", "date"):
        return "classification"
    few = target.type == "integer" and target.distinct <= _CLASSES
    return "classification" if few else "regression"


def _lines(sketch: Sketch) -> Iterator[str]:
    yield from (
        f"# Drafted from {sketch.path}; read it, and correct what it cannot know.",
        "",
        "[model]",
        f"name = {_text(sketch.name)}",
        f'task = "{sketch.task}"',
    )
    yield from _source_lines(sketch)
    yield from _column_lines(sketch)
    yield from ("", "[target]", f"column = {_text(sketch.target.name)}")
    yield from _feature_lines(sketch)
    yield from _fit_lines(sketch)


def _source_lines(sketch: Sketch) -> Iterator[str]:
    yield from ("", "[source]", f'kind = "{sketch.kind}"', f"path = {_text(sketch.path)}")
    source = sketch.source
    if source is not None:
        if source.delimiter != ",":
            yield f"delimiter = {_text(source.delimiter)}"
        if source.encoding != "utf-8":
            yield f"encoding = {_text(source.encoding)}"
        if not source.header:
            yield "header = false  # the first line has numbers; name the columns below as you like"
        words = sorted({word for facts in sketch.columns for word in facts.missing_words})
        if set(words) - set(USUAL_MISSING):
            listed = ", ".join(map(_text, dict.fromkeys((*USUAL_MISSING, *words))))
            yield f"missing = [{listed}]"
    rows = max(sketch.target.rows, 1)
    missing = sketch.target.missing / rows
    if missing > _USUAL_SHARE:
        yield f"# {missing:.1%} of the rows have no target; they are rejected."
    # At most: a row may have several cells that are wrong.
    cells = sum(facts.unfit for facts in sketch.columns if not facts.has_no_type)
    unfit = (cells + sketch.strange_rows) / rows
    if unfit > _USUAL_SHARE:
        yield f"# {unfit:.1%} of the rows or fewer do not fit the columns below; they are rejected."
    if missing + unfit > _USUAL_SHARE:
        yield f"max_rejected_share = {min((missing + unfit) * 1.5 + 0.01, 0.99):.3f}"


def _column_lines(sketch: Sketch) -> Iterator[str]:
    for facts in sketch.columns:
        if facts.has_no_type:
            continue  # a row is not to be rejected for what nobody uses
        is_target = facts.name == sketch.target.name
        yield from ("", f"[columns.{_key(facts.name)}]", f'type = "{facts.type}"')
        yield from _reading_lines(facts)
        if facts.missing and not is_target:
            nullable = f"nullable = true  # {facts.missing:,} of {facts.rows:,} rows have none"
            yield nullable
        if facts.low is not None:
            yield f"# min = {facts.low:g}, max = {facts.high:g} in these rows"
        if _is_listed(facts):
            values = sorted(map(str, facts.counts))
            yield f"values = [{', '.join(map(_text, values))}]"


def _reading_lines(facts: ColumnFacts) -> Iterator[str]:
    reading = facts.reading
    if reading.form:
        doubt = f"  # {reading.doubt}: the values fit both" if reading.doubt else ""
        yield f"format = {_text(reading.form)}{doubt}"
    if reading.decimal != ".":
        yield f"decimal = {_text(reading.decimal)}"
    if facts.unfit:
        yield (
            f"# {facts.unfit:,} of {facts.rows:,} rows have something else, such as"
            f" {_text(facts.unfit_example[:_SHOWN_CHARS])}: they will be set aside"
        )


def _is_listed(facts: ColumnFacts) -> bool:
    """Return whether a text has few values, and the sample is all of the file."""
    few = 0 < facts.distinct <= _LISTED_VALUES < facts.rows
    return facts.type == "text" and few and facts.rows < SAMPLE_ROWS


def _feature_lines(sketch: Sketch) -> Iterator[str]:
    kinds: dict[str, list[str]] = {}
    left_out = []
    for facts in sketch.columns:
        if facts.name != sketch.target.name:
            why = why_left_out(facts)
            if why:
                left_out.append(f"# {_text(facts.name)} is left out: {why}.")
            else:
                kinds.setdefault(feature_kind(facts), []).append(facts.name)
    if not kinds:
        raise BadData(f"{sketch.path} has no column to learn {sketch.target.name!r} from")
    for kind, names in kinds.items():
        yield from ("", "[[features]]", f'kind = "{kind}"')
        yield f"columns = [{', '.join(map(_text, names))}]"
    if left_out:
        yield from ("", *left_out)


def _fit_lines(sketch: Sketch) -> Iterator[str]:
    classes = sketch.target.counts.values()
    if sketch.task == "classification" and min(classes) >= 10:
        yield from ("", "[split]", "stratified = true")
    regression = sketch.task == "regression"
    yield from (
        "",
        "[fit]",
        "runs = 10",
        f'metric = "{"r2" if regression else "accuracy"}"',
        "",
        "[fit.estimator]",
        f'name = "{"Ridge" if regression else "LogisticRegression"}"',
    )
    if not regression:
        yield "parameters = { max_iter = 1000 }"
    key, low, high = ("alpha", "0.01", "100") if regression else ("C", "0.01", "10")
    yield from ("", "[fit.search]", f"{key} = {{ low = {low}, high = {high}, log = true }}")


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _text(name)
