"""Rows and images that a user brings, as a request carries them."""

import base64
import csv
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from loadtest.artefact import Artefact
from loadtest.errors import ScenarioError

MAX_INSTANCES = 100_000
"""Enough to draw from; a larger file is cut after so many."""
IMAGES = frozenset({".png", ".jpg", ".jpeg"})


def read_rows(path: Path, artefact: Artefact) -> list[Any]:
    """Read rows from a CSV, JSON, JSON Lines or Parquet file, in the order of the model's columns.

    A file with names may have them in any order, and more of them than the model; one without
    (JSON rows that are lists) must have the model's order.

    Args:
        path: the suffix says what it is.
        artefact: whose columns are wanted.

    Returns:
        One list of cells a row; a missing value is None.

    Raises:
        ScenarioError: it cannot be read, is empty, or lacks a column.
    """
    if artefact.input["kind"] != "tabular":
        raise ScenarioError(f"{artefact.name} takes images: give payload.images, not a file.")
    columns: list[dict[str, Any]] = artefact.input["columns"]
    try:
        rows = _read(path, [column["name"] for column in columns])
    except OSError as error:
        raise ScenarioError(f"{path} cannot be read: {error.strerror or error}.") from error
    except ValueError as error:  # pyarrow's errors and JSON's are of this kind
        raise ScenarioError(f"{path} cannot be read: {error}.") from error
    if not rows:
        raise ScenarioError(f"{path} has no rows.")
    return [_cells(row, columns, f"{path}, row {n}") for n, row in enumerate(rows, start=1)]


def read_images(folder: Path, artefact: Artefact) -> list[Any]:
    """Read every PNG and JPEG file of a folder, by name.

    Raises:
        ScenarioError: there is none, or the model takes no images.
    """
    if artefact.input["kind"] != "image":
        raise ScenarioError(f"{artefact.name} takes rows: give payload.file, not images.")
    try:
        files = sorted(each for each in folder.iterdir() if each.suffix.lower() in IMAGES)
        contents = [each.read_bytes() for each in files[:MAX_INSTANCES]]
    except OSError as error:
        raise ScenarioError(f"{folder} cannot be read: {error.strerror}.") from error
    if not contents:
        raise ScenarioError(f"{folder} has no .png, .jpg or .jpeg file.")
    return [{"b64": base64.b64encode(content).decode()} for content in contents]


def _read(path: Path, names: Sequence[str]) -> list[Any]:
    match path.suffix.lower():
        case ".csv":
            with path.open(encoding="utf-8-sig", newline="") as file:
                return [row for row, _ in zip(csv.DictReader(file), range(MAX_INSTANCES))]  # noqa: B905 - as many as wanted
        case ".jsonl" | ".ndjson":
            lines = path.read_text(encoding="utf-8").splitlines()
            return [json.loads(line) for line in lines[:MAX_INSTANCES] if line.strip()]
        case ".json":
            content = json.loads(path.read_text(encoding="utf-8"))
            if not isinstance(content, list):
                raise ValueError("it must be a list of rows")  # noqa: TRY004 - of the file
            return content[:MAX_INSTANCES]
        case ".parquet":
            table = pq.read_table(path, columns=list(names))
            rows: list[Any] = table.slice(0, MAX_INSTANCES).to_pylist()
            return rows
        case suffix:
            raise ValueError(f"{suffix or 'no suffix'} is not .csv, .json, .jsonl or .parquet")


def _cells(row: Any, columns: Sequence[Mapping[str, Any]], where: str) -> list[Any]:
    if isinstance(row, list):
        if len(row) != len(columns):
            raise ScenarioError(f"{where}: {len(row)} cells; the model has {len(columns)} columns.")
        values = row
    elif isinstance(row, dict):
        lacks = [column["name"] for column in columns if column["name"] not in row]
        if lacks:
            raise ScenarioError(f"{where}: the column {lacks[0]!r} is missing.")
        values = [row[column["name"]] for column in columns]
    else:
        raise ScenarioError(f"{where}: neither a list nor an object.")
    pairs = zip(values, columns, strict=True)
    return [_cell(value, column, where) for value, column in pairs]


def _cell(value: Any, column: Mapping[str, Any], where: str) -> Any:
    """Return a cell as JSON carries it; text of a CSV file becomes what the column is."""
    dtype = str(column["dtype"])
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if not isinstance(value, str):
        return value
    text = value.strip()
    if not text:
        return None
    if dtype == "string":
        return value
    try:
        if dtype == "bool":
            return {"true": True, "1": True, "false": False, "0": False}[text.lower()]
        return int(text) if dtype.startswith(("int", "uint")) else float(text)
    except (KeyError, ValueError) as error:
        raise ScenarioError(f"{where}: {value!r} is no {dtype}, as {column['name']} is.") from error
