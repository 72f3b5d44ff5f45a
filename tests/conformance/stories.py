"""Lines of the table that take several requests, or look into lists."""

from typing import Any

from tests.conformance.checks import Failed, json_of, like_baseline
from tests.conformance.subject import ROWS, Subject, infer
from tests.conformance.transport import Reply

STATES = {"UNKNOWN", "READY", "UNAVAILABLE", "LOADING", "UNLOADING"}
DURATIONS = ("success", "fail", "queue", "compute_input", "compute_infer", "compute_output")
ASKED = 3


def statistics_grow(subject: Subject) -> None:
    """Expect statistics to count three requests, and one refused, and nothing else."""
    _ = subject.baseline
    before = _statistics(subject)
    for _ in range(ASKED):
        like_baseline(subject, subject.send(infer(lambda valid: valid)(subject)))
    subject.send(infer(lambda valid: valid | {"inputs": []})(subject))
    after = _statistics(subject)
    _grew(before, after, "inference_count", ASKED * ROWS)
    if not 0 < after["execution_count"] - before["execution_count"] <= ASKED:
        raise Failed("execution_count does not count batches")
    if after["last_inference"] < before["last_inference"]:
        raise Failed("last_inference went back")
    old, new = before["inference_stats"], after["inference_stats"]
    for name in DURATIONS:
        if {type(new[name]["count"]), type(new[name]["ns"])} != {int}:
            raise Failed(f"{name} is {new[name]!r}")
    _grew(old["success"], new["success"], "count", ASKED)
    _grew(old["fail"], new["fail"], "count", 1)
    _grew(old["compute_infer"], new["compute_infer"], "count", ASKED)
    parts = sum(new[name]["ns"] - old[name]["ns"] for name in DURATIONS[2:])
    if not 0 < parts <= new["success"]["ns"] - old["success"]["ns"]:
        raise Failed("the parts of a request take longer than the whole, or no time")


def table_of_states(
    subject: Subject, reply: Reply, must_have: bool, only: str | None = None
) -> None:
    """Expect a list of models with their states, and the model among them."""
    said = json_of(reply)
    if not isinstance(said, list):
        raise Failed("the index is no list")
    for one in said:
        if not isinstance(one.get("name"), str) or one.get("state", "UNKNOWN") not in STATES:
            raise Failed(f"an entry is {one!r:.80}")
        if not isinstance(one.get("version", ""), str):
            raise Failed(f"a version is {one['version']!r}")
        if only is not None and one.get("state") != only:
            raise Failed(f"{one['name']} is {one.get('state')}, and not {only}")
    ready = {one["name"] for one in said if one.get("state") == "READY"}
    if must_have and subject.model not in ready:
        raise Failed(f"{subject.model} is not READY in the index")


def _statistics(subject: Subject) -> Any:
    """Return the statistics of the version that answers; raises Inapplicable if there are none."""
    of_all = subject.get(f"{subject.path}/stats")["model_stats"]
    if len(of_all) != 1 or of_all[0]["name"] != subject.model:
        raise Failed(f"there are statistics of {len(of_all)} versions")
    return of_all[0]


def _grew(before: Any, after: Any, key: str, wanted: int) -> None:
    got = after[key] - before[key]
    if got != wanted:
        raise Failed(f"{key} grew by {got}, and not by {wanted}")
