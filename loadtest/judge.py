"""Is an answer right? Compared with what the reference computed for the same rows."""

from typing import Any

import orjson

from loadtest.dialects import in_percore
from loadtest.payload import Answer, Expected

TOLERANCE = 1e-12
"""Of probabilities and regression values, absolute below magnitude 1 and relative above it."""

_MEMO_BYTES = 64 << 20


class Judge:
    """Finds the fault in answers; an answer seen before costs one look-up.

    Args:
        expected: what each request's answer must be.
    """

    def __init__(self, expected: list[Expected]) -> None:
        self._expected = expected
        self._memo: dict[tuple[int, bytes], str] = {}
        self._memo_bytes = 0

    def fault(self, request: int, body: bytes) -> str:
        """Return the part of the answer that is wrong, or an empty string."""
        key = (request, body)
        known = self._memo.get(key)
        if known is not None:
            return known
        found = find_fault(self._expected[request], body)
        if self._memo_bytes + len(body) <= _MEMO_BYTES:
            self._memo[key] = found
            self._memo_bytes += len(body)
        return found


def find_fault(expected: Expected, body: bytes) -> str:
    """Compare one answer's body with what is expected.

    Returns:
        An empty string if it is right, otherwise the first of "not_json", "model", "version",
        "predictions", "classes", "probabilities" that is not as it must be.
    """
    try:
        got = orjson.loads(body)
    except orjson.JSONDecodeError:
        return "not_json"
    if expected.dialect != "percore":
        got = in_percore(expected.dialect, got, expected.granted())
    if not isinstance(got, dict):
        return "not_json"
    if got.get("model") != expected.model:
        return "model"
    version = got.get("version")
    right = expected.answers.get(version) if type(version) is int else None
    if right is None:
        return "version"
    compare = _same if expected.labels else _close
    if not _matches(got.get("predictions"), right.predictions, compare):
        return "predictions"
    return _probability_fault(got, right)


def _probability_fault(got: dict[str, Any], right: Answer) -> str:
    if right.probabilities is None:
        return ""
    if not _matches(got.get("classes"), right.classes, _same):
        return "classes"
    if not _matches(got.get("probabilities"), right.probabilities, _close):
        return "probabilities"
    return ""


def _matches(got: Any, right: Any, compare: Any) -> bool:
    """Walk two values of the same nesting; lengths must agree at every depth."""
    if isinstance(right, list | tuple):
        return (
            isinstance(got, list)
            and len(got) == len(right)
            and all(_matches(one, other, compare) for one, other in zip(got, right, strict=True))
        )
    return bool(compare(got, right))


def _same(got: Any, right: Any) -> bool:
    """Labels: the same value of the same JSON type; 1, 1.0, true and "1" all differ."""
    return type(got) is type(right) and got == right


def _close(got: Any, right: Any) -> bool:
    if isinstance(right, str | bool | None):
        return _same(got, right)
    if isinstance(got, bool) or not isinstance(got, int | float):
        return False
    # NaN is close to nothing, which is meant: no answer may carry it.
    return bool(abs(got - right) <= TOLERANCE * max(1.0, abs(right)))
