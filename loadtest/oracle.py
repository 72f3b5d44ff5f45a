"""Asks the reference process for the right answers."""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadtest.artefact import Artefact
from loadtest.errors import OracleError
from loadtest.payload import Answer

_SCRIPT = Path(__file__).with_name("reference.py")


@dataclass(frozen=True)
class Verdicts:
    """What the reference said."""

    answers: list[Answer]
    """One a batch, in order."""
    modules: list[str]
    """Top-level names of everything that the reference had imported."""


def right_answers(
    artefact: Artefact,
    batches: Sequence[Sequence[Any]],
    *,
    probabilities: bool,
    timeout_s: float = 120.0,
) -> Verdicts:
    """Let a process that imports only joblib and scikit-learn answer each batch in one call.

    Raises:
        OracleError: it failed, or took longer than `timeout_s`.
    """
    if probabilities and not artefact.probabilities:
        raise OracleError(f"{artefact.name} gives no probabilities: set payload.probabilities off.")
    question = {
        "artefact": str(artefact.path),
        "sha256": artefact.sha256,
        "input": artefact.input,
        "method": artefact.method,
        "probabilities": probabilities,
        "batches": [list(batch) for batch in batches],
    }
    answer = _ask(json.dumps(question), timeout_s)
    if len(answer["answers"]) != len(batches):
        raise OracleError(f"{len(batches)} requests were asked, {len(answer['answers'])} answered.")
    return Verdicts(
        [Answer(classes=answer["classes"], **each) for each in answer["answers"]],
        answer["modules"],
    )


def _ask(question: str, timeout_s: float) -> dict[str, Any]:
    # -P: the script's own folder must not stand on the path, where our files are.
    command = [sys.executable, "-P", str(_SCRIPT)]
    try:
        done = subprocess.run(  # noqa: S603 - our own script
            command,
            input=question,
            capture_output=True,
            encoding="utf-8",
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise OracleError(f"The reference gave no answer in {timeout_s:g} s.") from error
    if done.returncode != 0:
        last = (done.stderr.strip() or "it said nothing").splitlines()[-1]
        raise OracleError(f"The reference failed with code {done.returncode}: {last}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer
