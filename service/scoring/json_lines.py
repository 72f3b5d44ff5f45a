"""JSON lines as rows: objects, one a line, whose keys need not be the same in each."""

import io
from collections.abc import Iterator, Sequence
from typing import Any

import orjson
import pyarrow as pa

from service.inference.messages import Media
from service.scoring.parts import PART_BYTES, Rows
from service.scoring.plan import Plan
from service.scoring.refusal import ScoringError
from service.scoring.tables import BLOCK_BYTES, reading

OBJECT = "object"
Line = dict[str, Any]


def json_rows(raw: io.BufferedReader, where: str, plan: Plan, part_rows: int) -> Iterator[Rows]:
    """Yield the rows of one file, `part_rows` at once, or fewer if their lines are long.

    A key that is missing in a line is null; one that is missing in all of the first lines is
    refused, because it is probably written differently.

    Args:
        raw: the file's bytes, not compressed.
        where: what sentences call it.
        plan: which keys go where.
        part_rows: the most rows at once.

    Raises:
        ScoringError: a line is no object, or the model's columns are not there.
    """
    is_first = True
    for lines in _parts(raw, where, part_rows):
        names = list(dict.fromkeys(name for line in lines for name in line))
        if is_first:
            sent = plan.split(names, where).called
            is_first = False
        elif plan.keep is not None:
            names += [name for name in plan.keep if name not in names]
        kept = {name: as_array([line.get(name) for line in lines])
                for name in plan.kept(names, where)}  # fmt: skip
        objects = [orjson.dumps({name: line.get(name) for name in sent}) for line in lines]
        # A table without columns would not know how many rows it has.
        kept_table = pa.table(kept) if kept else pa.table({OBJECT: objects}).select([])
        yield Rows(kept_table, pa.table({OBJECT: pa.array(objects, pa.binary())}), Media.JSON)


def as_array(values: Sequence[Any]) -> pa.Array:
    """Return values of one key; lists and objects, and what is of several types, as JSON's text."""
    if any(isinstance(value, list | dict) for value in values):
        return pa.array([None if value is None else _text(value) for value in values], pa.string())
    try:
        return pa.array(values)
    except (pa.ArrowException, OverflowError):
        return pa.array([None if value is None else _text(value) for value in values], pa.string())


def _text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _parts(raw: io.BufferedReader, where: str, part_rows: int) -> Iterator[list[Line]]:
    lines: list[Line] = []
    size_bytes = number = 0
    while True:
        with reading(where):
            text = raw.readline(BLOCK_BYTES)
        if not text:
            break
        number += 1
        if len(text) == BLOCK_BYTES:
            raise ScoringError(f"{where}, line {number}: it has more than {BLOCK_BYTES} bytes.")
        if not text.strip():
            continue
        lines.append(_object(text, where, number))
        size_bytes += len(text)
        if len(lines) >= part_rows or size_bytes >= PART_BYTES:
            yield lines
            lines, size_bytes = [], 0
    if lines:
        yield lines


def _object(text: bytes, where: str, number: int) -> Line:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise ScoringError(f"{where}, line {number}: this is not JSON: {error}.") from None
    if not isinstance(value, dict):
        raise ScoringError(f"{where}, line {number}: this is JSON, but no object with columns.")
    return value
