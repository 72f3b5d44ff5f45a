"""Planning in another process: what it tells, what it keeps, and what ends it."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from models.plans.apart import NotPlanned, plan_version
from models.plans.kept import read_plan
from models.plans.key import key_here
from models.plans.plan import Trust
from models.release import Candidate, release
from models.stages import Stages
from models.store import ARTEFACT, Store

X = np.random.default_rng(0).normal(size=(60, 3))


@pytest.fixture
def published(tmp_path: Path) -> Store:
    store = Store(tmp_path / "store")
    model = LinearRegression().fit(X, X[:, 0])
    release(store, "line", Candidate(model=model, known=X, held_out=X[:20]), Stages())
    return store


def test_a_plan_is_made_and_kept(published: Store) -> None:
    told: list[tuple[str, float]] = []
    plan = plan_version(published, "line", 1, Trust(), lambda *one: told.append(one))
    manifest = published.check_files("line", 1)
    assert read_plan(published, manifest, key_here(manifest.files[ARTEFACT].sha256)) == plan
    assert plan.tried[0].form == "scikit-learn"
    assert [part for _, part in told] == sorted(part for _, part in told)


def test_a_changed_artefact_is_not_planned(published: Store) -> None:
    (published.folder("line", 1) / ARTEFACT).write_bytes(b"something else")
    with pytest.raises(NotPlanned, match="was changed after it was published"):
        plan_version(published, "line", 1, Trust())


def test_planning_ends_in_time(published: Store) -> None:
    with pytest.raises(NotPlanned, match="no plan after 0"):
        plan_version(published, "line", 1, Trust(), timeout_s=0.01)


def test_a_process_that_dies_is_told_of(published: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(published.root))
    (published.root / "sitecustomize.py").write_text(
        "import sys\nif 'models.plans.apart' in sys.orig_argv:\n    sys.exit('no memory left')\n"
    )
    with pytest.raises(NotPlanned, match="no plan could be made"):
        plan_version(published, "line", 1, Trust())
