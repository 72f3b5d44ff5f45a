"""The JSON that MLflow, SageMaker and Vertex AI score with, to rows in the fitted order.

{"instances": ROWS}           ROWS: a list of lists, or of objects that name the columns
{"inputs": ROWS}              or {"column": [...]}, or one row as {"column": value}
{"dataframe_split": {"columns": [...], "data": [[...]]}}      as pandas writes a DataFrame
{"dataframe_records": [{"column": value}]}

Beside it there may be {"parameters": {"probabilities": true}}, which MLflow calls params.

A bare NaN is read as null: it is no JSON, but what MLflow's own client writes for a missing number.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from service.codecs.json_rows import refuse_duplicate_keys
from service.errors import Detail, Unfit, Unreadable

KEYS = ("instances", "inputs", "dataframe_split", "dataframe_records")
SETTINGS = frozenset({"params", "parameters"})
"""What MLflow and Vertex AI call parameters of a model."""
PARAMETER = "probabilities"
"""The only one that our models take."""
SPLIT = frozenset({"columns", "data", "index"})
MAX_NAMED = 5
MAX_SHOWN_CHARS = 64
NULLS = {b"NaN": b"null"}
_TEXT_OR_NAN = re.compile(rb'"(?:[^"\\]|\\.)*+"?|NaN', re.DOTALL)
"""The end of a text may be missing: or else each quote of a cut one would be tried for a start."""


class Scoring(NamedTuple):
    """A request that was read."""

    rows: list[Sequence[Any]]
    probabilities: bool | None
    """What it says of them; None if nothing."""


def read_scoring_rows(body: bytes, names: Sequence[str]) -> Scoring:
    """Return the rows of a request; whether a value fits its column is not looked at.

    Args:
        body: JSON.
        names: the model's columns in the fitted order.

    Raises:
        Unreadable: the body is not JSON, or a key stands twice in an object.
        Unfit: it has another form, or other columns than the model.
    """
    body, said = _parsed(body)
    key = _key(said)
    rows, keys = _rows(key, said[key], names)
    keys += sum(len(said[name]) for name in SETTINGS & said.keys() if isinstance(said[name], dict))
    if body.count(b":") > len(said) + keys:  # a text with a colon, or a key twice
        refuse_duplicate_keys(body)
    if not rows:
        raise Unfit("There are no rows.", [Detail(loc=[key], message="is empty")])
    return Scoring(rows, read_parameters(said))


def read_parameters(said: Mapping[str, Any]) -> bool | None:
    """Return what a request's parameters say of probabilities; None if nothing.

    Raises:
        Unfit: there are others, or it is neither true nor false.
    """
    wanted: bool | None = None
    for key in sorted(SETTINGS & said.keys()):
        given = {} if said[key] is None else said[key]
        if not isinstance(given, dict):
            raise _misfit([key], "is an object")
        for name, value in given.items():
            shown = str(name)[:MAX_SHOWN_CHARS]
            if name != PARAMETER:
                raise _misfit([key, shown], f"is unknown; the model takes only {PARAMETER}")
            if not isinstance(value, bool):
                raise _misfit([key, shown], "is true or false")
            wanted = value
    return wanted


def _parsed(body: bytes) -> tuple[bytes, Any]:
    """Return the JSON, and what it says; NaN, by which MLflow's client writes a gap, is null."""
    try:
        return body, orjson.loads(body)
    except orjson.JSONDecodeError:
        plain = _TEXT_OR_NAN.sub(lambda found: NULLS.get(found[0], found[0]), body)
    try:
        return plain, orjson.loads(plain)
    except orjson.JSONDecodeError:
        raise Unreadable("The body is not valid JSON.") from None


def _key(said: Any) -> str:
    if not isinstance(said, dict):
        raise Unfit(f"The body is an object with one of {', '.join(KEYS)}.")
    given = said.keys() - SETTINGS
    if len(given) != 1 or not given <= set(KEYS):
        raise Unfit(f"Give exactly one of {', '.join(KEYS)}.")
    found: str = given.pop()
    return found


def _rows(key: str, value: Any, names: Sequence[str]) -> tuple[list[Sequence[Any]], int]:
    """Return the rows, and how many keys their objects have."""
    if key == "dataframe_split":
        return _split(value, names)
    if key == "inputs" and isinstance(value, dict):
        return _columns(value, names), len(value)
    if not isinstance(value, list):
        raise _misfit([key], "is a list of rows")
    rows: list[Sequence[Any]] = []
    keys = 0
    for i, one in enumerate(value):
        if isinstance(one, dict):
            _check_names([key, i], one.keys(), names)
            rows.append([one[name] for name in names])
            keys += len(one)
        elif key == "dataframe_records":
            raise _misfit([key, i], "is an object with the columns' names")
        elif isinstance(one, list):
            rows.append(_cells([key, i], one, names))
        elif len(names) == 1:  # of one column a value is a row
            rows.append([one])
        else:
            raise _misfit([key, i], "is an object with the columns' names, or a list of values")
    return rows, keys


def _split(value: Any, names: Sequence[str]) -> tuple[list[Sequence[Any]], int]:
    key = "dataframe_split"
    if not isinstance(value, dict) or "data" not in value or not value.keys() <= SPLIT:
        raise _misfit([key], "is an object with columns, data and perhaps index")
    columns, data = value.get("columns", list(names)), value["data"]
    if not isinstance(columns, list) or not isinstance(data, list):
        raise _misfit([key], "has a list of columns, and a list of rows as data")
    if columns == list(range(len(names))):  # a frame made of an array has numbers for names
        columns = list(names)
    if len(columns) != len(names):
        raise _misfit([key, "columns"], f"has {len(columns)} names; the model has {len(names)}")
    _check_names([key, "columns"], columns, names)
    order = [columns.index(name) for name in names]
    rows: list[Sequence[Any]] = []
    for i, row in enumerate(data):
        if not isinstance(row, list):
            raise _misfit([key, "data", i], "is a list of values")
        cells = _cells([key, "data", i], row, names)
        rows.append([cells[place] for place in order])
    return rows, len(value)


def _columns(value: Mapping[str, Any], names: Sequence[str]) -> list[Sequence[Any]]:
    _check_names(["inputs"], value.keys(), names)
    columns = [value[name] for name in names]
    lists = sum(isinstance(column, list) for column in columns)
    if lists == 0:
        return [columns]
    counts = {len(column) if isinstance(column, list) else 0 for column in columns}
    if lists < len(columns) or len(counts) > 1:
        raise _misfit(["inputs"], "has columns of different lengths")
    return list(zip(*columns, strict=True))


def _cells(place: list[str | int], row: list[Any], names: Sequence[str]) -> list[Any]:
    if len(row) != len(names):
        raise _misfit(place, f"has {len(row)} values; the model has {len(names)} columns")
    return row


def _check_names(place: list[str | int], given: Any, names: Sequence[str]) -> None:
    known = set(names)
    unknown = [str(name)[:MAX_SHOWN_CHARS] for name in given if name not in known]
    if unknown:
        raise _misfit(place, f"has what is no column: {', '.join(unknown[:MAX_NAMED])}")
    missing = known.difference(given)
    if missing:
        ordered = [name for name in names if name in missing]
        raise _misfit(place, f"lacks the column {', '.join(ordered[:MAX_NAMED])}")


def _misfit(place: list[str | int], message: str) -> Unfit:
    where = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place)
    return Unfit(f"{where.lstrip('.')} {message}.", [Detail(loc=place, message=message)])
