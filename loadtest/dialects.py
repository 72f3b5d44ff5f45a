"""Answers of other servers in Percore's words, so that the same judge judges them.

What a dialect cannot carry, such as a version, is taken from what is expected: it is not judged.
"""

from typing import Any, Literal, TypeAlias

Dialect: TypeAlias = Literal["percore", "plain", "matrix", "mlflow", "v2"]
"""percore: as documented; plain: predictions and probabilities; matrix: only rows of numbers;
mlflow: those as predictions; v2: the Open Inference Protocol's first output."""


def in_percore(dialect: Dialect, got: Any, granted: dict[str, Any]) -> Any:
    """Return an answer as Percore would have given it.

    Args:
        dialect: of the server.
        got: its answer, parsed.
        granted: every field of the expected answer; without `probabilities` if there are none.

    Returns:
        None if the answer has not the dialect's form.
    """
    if dialect == "percore":
        return got
    try:
        return granted | _carried(dialect, got, classifies="probabilities" in granted)
    except (IndexError, KeyError, TypeError, ValueError):
        return None


def _carried(dialect: Dialect, got: Any, *, classifies: bool) -> dict[str, Any]:
    if dialect == "plain":
        names = ("predictions", "probabilities") if classifies else ("predictions",)
        return {name: got[name] for name in names}
    field = "probabilities" if classifies else "predictions"
    if dialect == "matrix":
        return {field: got}
    if dialect == "mlflow":
        return {field: got["predictions"]}
    output = got["outputs"][0]
    return {field: _rows(output["data"], output["shape"]) if classifies else output["data"]}


def _rows(data: list[Any], shape: list[int]) -> list[list[Any]]:
    count, width = shape
    if count * width != len(data):
        raise ValueError(f"{shape} is not the shape of {len(data)} numbers")
    return [data[row * width : (row + 1) * width] for row in range(count)]
