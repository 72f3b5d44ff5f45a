"""From a kept plan to forms: only what was verified, for this policy, with these libraries."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from models.manifest import Manifest
from models.plans.kept import keep_plan
from models.plans.key import key_here
from models.plans.plan import Plan, Range, Timing, Tried, Trust
from models.release import Candidate, release
from models.stages import Stages
from models.store import ARTEFACT, Store
from service.inference.plans import find_forms, give_up_plan
from service.inference.predictor import Predictor

X, y = load_iris(return_X_y=True)
MODEL = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)).fit(X, y)
LEAN = Tried(form="lean", compared_rows=9, timings=(Timing(rows=1, median_us=1.0),))
SCIKIT = Tried(form="scikit-learn", compared_rows=0, timings=(Timing(rows=1, median_us=9.0),))


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, Manifest]:
    store = Store(tmp_path_factory.mktemp("plans") / "store")
    done = release(store, "iris", Candidate(model=MODEL, known=X, held_out=X[:30]), Stages())
    return store, done.manifest


def keep(published: tuple[Store, Manifest], lean: Tried = LEAN, **changed: object) -> Plan:
    store, manifest = published
    plan = Plan.model_validate(
        {
            "name": "iris",
            "version": 1,
            "created_at": "2026-01-01T00:00:00Z",
            "key": key_here(manifest.files[ARTEFACT].sha256),
            "trust": Trust(),
            "rows": 9,
            "thresholds": 0,
            "thresholds_met": 0,
            "tried": (SCIKIT, lean),
            "ranges": (
                Range(up_to_rows=22, form="lean"),
                Range(up_to_rows=None, form="scikit-learn"),
            ),
            **changed,
        },
        strict=False,
    )
    keep_plan(store, plan)
    return plan


def test_the_forms_of_a_plan_compute_its_batches(published: tuple[Store, Manifest]) -> None:
    keep(published)
    store, manifest = published
    found = find_forms(store, manifest, MODEL, Trust())
    assert found.reason == ""
    assert [(step.up_to_rows, step.form is None) for step in found.steps] == [
        (22, False),
        (float("inf"), True),
    ]
    seen: list[int] = []
    predictor = Predictor(MODEL, manifest.output, found.steps, found.limit)
    predictor.watch(lambda rows, _answer: seen.append(len(rows)))
    for rows in (1, 22, 23, 150):
        got = predictor.predict(X[:rows], True)
        assert got.labels is not None
        assert got.probabilities is not None
        assert (got.labels == MODEL.predict(X[:rows])).all()
        np.testing.assert_allclose(
            got.probabilities, MODEL.predict_proba(X[:rows]), rtol=0, atol=1e-12
        )
    assert seen == [1, 22]  # what scikit-learn has computed is not looked at
    predictor.fall_back()
    predictor.predict(X[:1], True)
    assert seen == [1, 22]


def test_without_a_plan_scikit_learn_computes(tmp_path: Path) -> None:
    store = Store(tmp_path)
    candidate = Candidate(model=MODEL, known=X, held_out=X[:30])
    manifest = release(store, "iris", candidate, Stages()).manifest
    found = find_forms(store, manifest, MODEL, Trust())
    assert found.steps == []
    assert "python -m models plan iris 1" in found.reason


def test_off_is_off(published: tuple[Store, Manifest]) -> None:
    keep(published)
    assert find_forms(*published, MODEL, Trust(policy="off")).steps == []


def test_a_plan_with_another_library_is_not_used(published: tuple[Store, Manifest]) -> None:
    store, manifest = published
    plan = keep(published)
    other = plan.key.model_copy(
        update={"libraries": plan.key.libraries | {"scikit-learn": "0.24.2"}}
    )
    for file in (store.root / "iris" / "plans" / "1").iterdir():
        file.unlink()
    keep(published, key=other)
    found = find_forms(store, manifest, MODEL, Trust())
    assert found.steps == []
    assert "scikit-learn 0.24.2 then" in found.reason


@pytest.mark.parametrize(
    ("trust", "used"),
    [
        (Trust(), False),
        (Trust(policy="close", tolerance=1e-9), False),
        (Trust(policy="close", tolerance=1e-6), True),
    ],
)
def test_the_services_own_policy_decides(
    published: tuple[Store, Manifest], trust: Trust, used: bool
) -> None:
    near = LEAN.model_copy(update={"largest_difference": 1e-7})
    keep(published, near, trust=Trust(policy="close", tolerance=1e-6))
    assert bool(find_forms(*published, MODEL, trust).steps) == used


def test_a_plan_that_names_what_it_has_not_verified_is_not_used(
    published: tuple[Store, Manifest],
) -> None:
    keep(published, LEAN.model_copy(update={"labels_differ": 1}))
    found = find_forms(*published, MODEL, Trust())
    assert (found.steps, found.ranges) == ([], ())
    assert "lean" in found.reason


def test_a_plan_that_was_given_up_is_not_used(published: tuple[Store, Manifest]) -> None:
    store, manifest = published
    keep(published)
    assert give_up_plan(store, manifest, "it lied") == ""
    assert "it lied" in find_forms(store, manifest, MODEL, Trust()).reason
    keep(published)
    assert find_forms(store, manifest, MODEL, Trust()).steps


def test_a_store_that_cannot_be_written_is_told_of(
    published: tuple[Store, Manifest], monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(published)

    def read_only(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("service.inference.plans.withdraw_plan", read_only)
    assert "Read-only" in give_up_plan(*published, "it lied")
