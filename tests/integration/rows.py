"""Rows to ask with: drawn from a manifest, so that they fit whatever was trained."""

import random
from typing import Any, Protocol

Manifest = dict[str, Any]

TABLES = ("iris", "breast_cancer", "diabetes", "students")
CLASSIFIERS = ("iris", "breast_cancer")
STUDENT = {
    "age": 17,
    "study_hours": 4.5,
    "absences": 2.0,
    "previous_grade": 12.5,
    "school": "GP",
    "guardian": "mother",
    "mother_education": "secondary",
    "internet": True,
}


class Reference(Protocol):
    """Plain scikit-learn, in another process."""

    def __call__(self, model: str, instances: list[Any], version: int = 1) -> dict[str, Any]:
        """Return predictions, and probabilities or None, of all instances in one call."""


def columns(manifest: Manifest) -> list[dict[str, Any]]:
    """Return the columns of a tabular manifest."""
    found: list[dict[str, Any]] = manifest["input"]["columns"]
    return found


def draw(manifest: Manifest, count: int, seed: int, nulls: float = 0.0) -> list[list[Any]]:
    """Return rows within the training ranges; nullable cells are null with chance `nulls`."""
    dice = random.Random(seed)
    return [[_cell(column, dice, nulls) for column in columns(manifest)] for _ in range(count)]


def as_objects(manifest: Manifest, rows: list[list[Any]]) -> list[dict[str, Any]]:
    """Return rows as objects, with the columns in an order that is not the fitted one."""
    names = [column["name"] for column in columns(manifest)]
    return [dict(reversed(list(zip(names, row, strict=True)))) for row in rows]


def as_columns(manifest: Manifest, rows: list[list[Any]]) -> dict[str, list[Any]]:
    """Return rows as columns."""
    names = [column["name"] for column in columns(manifest)]
    return {name: [row[i] for row in rows] for i, name in enumerate(names)}


def _cell(column: dict[str, Any], dice: random.Random, nulls: float) -> Any:
    if column["nullable"] and dice.random() < nulls:
        return None
    if column["categories"]:
        return dice.choice(column["categories"])
    if column["dtype"] == "bool":
        return dice.random() < 0.5
    if column["dtype"].startswith("float"):
        return dice.uniform(column["min"], column["max"])
    return dice.randint(int(column["min"]), int(column["max"]))
