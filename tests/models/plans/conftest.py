"""Manifests and keys for estimators that were fitted a moment ago."""

from datetime import UTC, datetime
from typing import Any

import pytest

from models.manifest import FileEntry, Manifest
from models.outputs import task_of
from models.plans.key import key_here
from models.plans.make import Wish, make_plan
from models.plans.plan import Plan, Trust
from models.release import Candidate, examine
from models.store import ARTEFACT

SHA = "0" * 64
FEW_ROWS = 4096


def manifest_of(model: Any, X: Any) -> Manifest:
    """Return what registration would find out about a model."""
    facts = examine(Candidate(model=model, known=X, held_out=X[:20]))
    return Manifest(
        name="odd",
        version=1,
        task=task_of(model),
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        files={ARTEFACT: FileEntry(sha256=SHA, size_bytes=1)},
        versions={"python": "3.11.7"},
        input=facts.input,
        output=facts.output,
        golden=facts.golden,
    )


def plan_of(model: Any, X: Any, rows: int = FEW_ROWS, trust: Trust | None = None) -> Plan:
    """Return a plan, made in this process from few rows."""
    wish = Wish(trust or Trust(), most_rows=rows)
    return make_plan(model, manifest_of(model, X), key_here(SHA), wish)


@pytest.fixture(autouse=True)
def _few_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compare and time a little: what is slow here is scikit-learn."""
    monkeypatch.setattr("models.plans.timing.TURN_S", 0.0)
    few = {1: 40, 8: 20, 37: 10, 64: 10, 512: 10, 4096: 10}
    monkeypatch.setattr("models.plans.compare.CALLS", few)
