"""Proof that a stored model answers in a fresh process what it answered when it was fitted.

    parent ── Task, JSON on stdin ──▶ python -m models.prove ── Reply, JSON on stdout ──▶ parent

The child knows nothing but the artefact, its hash, the schema and the instances of a request, as a
server would. No pickle passes between the two.
"""

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import joblib
from pydantic import BaseModel, ConfigDict

from models.errors import ArtefactError
from models.manifest import FileEntry
from models.outputs import ask
from models.rows import to_rows
from models.schema import InputSchema
from models.store import describe_open, open_artefact

TIMEOUT_S: Final = 300.0
TOLERANCE: Final = 1e-12
"""Largest difference of a number: absolute below 1, relative above."""

_ROOT: Final = Path(__file__).resolve().parent.parent


class Task(BaseModel):
    """What the fresh process is to do."""

    model_config = ConfigDict(extra="forbid")

    artefact: Path
    entry: FileEntry
    input: InputSchema
    probabilities: bool
    instances: list[Any]


class Reply(BaseModel):
    """What the fresh process answers; `error` alone if the artefact is not what it should be."""

    error: str | None = None
    predictions: list[Any] = []
    probabilities: list[list[float]] | None = None
    load_s: float = 0.0
    predict_s: float = 0.0


@dataclass(frozen=True)
class Proof:
    """How far a fresh process's answers are from the expected ones.

    Args:
        rows: number of rows compared.
        largest_difference: of any number, absolute below 1 and relative above; 0.0 if identical.
        load_s: hashing and loading there.
        predict_s: predicting all rows there.
    """

    rows: int
    largest_difference: float
    load_s: float
    predict_s: float


def prove(task: Task, predictions: list[Any], probabilities: list[list[float]] | None) -> Proof:
    """Let a fresh process answer the task and compare with the expected answers.

    Args:
        task: what to load and what to predict.
        predictions: the expected answers; labels must be equal, numbers within `TOLERANCE`.
        probabilities: the expected ones; None if the model has none.

    Raises:
        ArtefactError: the file was altered, does not load, or answers something else.
    """
    reply = ask_fresh_process(task)
    if reply.error is not None:
        raise ArtefactError(reply.error)
    largest = max(
        _difference("prediction", predictions, reply.predictions),
        _difference("probabilities", probabilities or [], reply.probabilities or []),
    )
    return Proof(len(predictions), largest, reply.load_s, reply.predict_s)


def ask_fresh_process(task: Task) -> Reply:
    """Run the task in a new interpreter.

    Raises:
        ArtefactError: the process failed or took longer than `TIMEOUT_S`.
    """
    inherited = os.environ.get("PYTHONPATH")
    path = os.pathsep.join([str(_ROOT), *([inherited] if inherited else [])])
    try:
        done = subprocess.run(
            [sys.executable, "-m", "models.prove"],
            input=task.model_dump_json().encode(),
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
            env=os.environ | {"PYTHONPATH": path},
        )
    except subprocess.TimeoutExpired as error:
        raise ArtefactError(
            f"the model did not load and predict in a fresh process within {TIMEOUT_S:g} s"
        ) from error
    if done.returncode != 0:
        last_lines = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise ArtefactError(
            f"a fresh process could not load the model and predict: {' '.join(last_lines)}"
        )
    return Reply.model_validate_json(done.stdout)


def answer(task: Task) -> Reply:
    """Load the artefact whose bytes were hashed, and predict; runs in the fresh process."""
    begin = time.monotonic()
    with open_artefact(task.artefact) as file:
        if describe_open(file) != task.entry:
            return Reply(error=f"{task.artefact.name} is not the file that was published")
        file.seek(0)
        model = joblib.load(file)
    loaded = time.monotonic()
    X = to_rows(task.input, task.instances)
    predictions, probabilities = ask(model, X, probabilities=task.probabilities).as_json()
    return Reply(
        predictions=predictions,
        probabilities=probabilities,
        load_s=loaded - begin,
        predict_s=time.monotonic() - loaded,
    )


def _difference(what: str, expected: list[Any], answered: list[Any]) -> float:
    if len(expected) != len(answered):
        raise ArtefactError(f"{what}: {len(answered)} answers for {len(expected)} rows")
    largest = 0.0
    for row, (before, after) in enumerate(zip(expected, answered, strict=True)):
        distance = _distance(before, after)
        if distance > TOLERANCE:
            raise ArtefactError(
                f"{what} of row {row}: a fresh process answers {after!r}, and it was {before!r}"
            )
        largest = max(largest, distance)
    return largest


def _distance(before: object, after: object) -> float:
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        return max(map(_distance, before, after), default=0.0)
    if type(before) is float and isinstance(after, int | float):
        return abs(before - after) / max(1.0, abs(before))
    return 0.0 if type(before) is type(after) and before == after else float("inf")


def main() -> None:
    """Answer one task from stdin on stdout."""
    # What a model prints must not mix with the reply.
    reply_descriptor = os.dup(1)
    os.dup2(2, 1)
    reply = answer(Task.model_validate_json(sys.stdin.buffer.read()))
    with os.fdopen(reply_descriptor, "wb") as out:
        out.write(reply.model_dump_json().encode())


if __name__ == "__main__":
    main()
