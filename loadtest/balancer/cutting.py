"""Cut and join: one request's rows over several replicas, and their answers in one: pure.

Rows are instances of the JSON that a prediction takes (`{"instances": [...]}`): objects, lists, or
pictures as `{"b64": ...}`.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

_PATH = re.compile(rb"^/v1/models/[^/?]+(/(versions|labels)/[^/?]+)?:predict(\?.*)?$")
_PER_ROW = ("predictions", "probabilities")
_TOLD = ("warnings", "errors")
"""Lists whose entries name their row."""
_SAME = ("model", "version", "classes")
_LEFT_OUT = "warnings_left_out"
_MOST_WARNINGS = 100
"""The replica tells this many warnings one by one, so whoever answers in its place does, too."""


def is_cuttable(method: bytes, path: bytes, content_type: bytes) -> bool:
    """Return whether a request is of the kind that can be cut."""
    json = content_type.split(b";")[0].strip().lower() == b"application/json"
    return method == b"POST" and json and _PATH.match(path) is not None


def cut_rows(body: bytes, parts: int, least_rows: int) -> list[bytes] | None:
    """Cut a body into at most `parts` bodies of at least `least_rows` instances each.

    Returns:
        Bodies in order, whose instances differ in number by one at most; None if the body has too
        few instances or is not of the form, and is better left to a replica as it is.
    """
    try:
        asked = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    instances = asked.get("instances") if isinstance(asked, dict) else None
    if not isinstance(instances, list):
        return None
    count = min(parts, len(instances) // least_rows)
    if count < 2:
        return None
    bounds = [len(instances) * part // count for part in range(count + 1)]
    return [
        orjson.dumps({**asked, "instances": instances[bounds[part] : bounds[part + 1]]})
        for part in range(count)
    ]


def join_answers(bodies: Sequence[bytes]) -> bytes | None:
    """Put the answers to the parts of one request together, in order.

    Returns:
        The answer that one replica would have given to the whole; None if they do not fit
        together: another version answered one of them, or it has a key that nobody here knows.
    """
    answers = [_answer(body) for body in bodies]
    if any(answer is None for answer in answers):
        return None
    known = [answer for answer in answers if answer is not None]
    first = known[0]
    if any(answer.get(key) != first.get(key) for answer in known for key in _SAME):
        return None
    if any(set(answer) & set(_PER_ROW) != set(first) & set(_PER_ROW) for answer in known):
        return None
    joined: dict[str, Any] = {}
    for key in first:
        if key in _PER_ROW:
            joined[key] = [row for answer in known for row in answer[key]]
        elif key in _SAME:
            joined[key] = first[key]
    joined.update(_told(known))
    return orjson.dumps(joined)


def _answer(body: bytes) -> dict[str, Any] | None:
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(answer, dict) or not isinstance(answer.get("predictions"), list):
        return None
    return answer if set(answer) <= {*_PER_ROW, *_SAME, *_TOLD, _LEFT_OUT} else None


def _told(answers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what the parts tell of single rows, with the rows counted from the whole's first."""
    told: dict[str, Any] = {}
    for key in _TOLD:
        if not any(key in answer for answer in answers):
            continue
        lines, first_row = [], 0
        for answer in answers:
            lines += [{**line, "row": line["row"] + first_row} for line in answer.get(key, ())]
            first_row += len(answer["predictions"])
        told[key] = lines
    if "warnings" in told:
        left_out = sum(answer.get(_LEFT_OUT, 0) for answer in answers)
        left_out += max(0, len(told["warnings"]) - _MOST_WARNINGS)
        told["warnings"] = told["warnings"][:_MOST_WARNINGS]
        if left_out:
            told[_LEFT_OUT] = left_out
    return told
