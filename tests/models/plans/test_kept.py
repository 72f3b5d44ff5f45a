"""A plan is used only where it was made: same libraries, processor, code and artefact."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from models.manifest import Manifest
from models.plans.kept import NoPlan, keep_plan, plan_file, plan_state, read_plan, withdraw_plan
from models.plans.key import digest, key_here
from models.plans.plan import Key, Plan, Range, Tried, Trust
from models.store import ARTEFACT, Store

Publish = Callable[..., Manifest]


def plan_for(manifest: Manifest, key: Key) -> Plan:
    return Plan.model_validate(
        {
            "name": manifest.name,
            "version": manifest.version,
            "created_at": "2026-01-01T00:00:00Z",
            "key": key,
            "trust": Trust(),
            "rows": 1,
            "thresholds": 0,
            "thresholds_met": 0,
            "tried": (Tried(form="scikit-learn", compared_rows=0),),
            "ranges": (Range(up_to_rows=None, form="scikit-learn"),),
        },
        strict=False,
    )


@pytest.fixture
def manifest(publish: Publish) -> Manifest:
    return publish()


@pytest.fixture
def key(manifest: Manifest) -> Key:
    return key_here(manifest.files[ARTEFACT].sha256)


def test_what_is_kept_is_read(store: Store, manifest: Manifest, key: Key) -> None:
    plan = plan_for(manifest, key)
    file = keep_plan(store, plan)
    assert read_plan(store, manifest, key) == plan
    assert file == store.root / "m" / "plans" / "1" / f"{digest(key)}.json"
    assert [path.name for path in file.parent.iterdir()] == [file.name]  # no draft is left


def test_the_version_itself_does_not_change(store: Store, manifest: Manifest, key: Key) -> None:
    before = store.state()
    keep_plan(store, plan_for(manifest, key))
    store.check_files("m", 1)
    assert store.state() == before
    assert store.versions("m") == [1]


def test_without_a_plan_the_reason_says_what_to_do(
    store: Store, manifest: Manifest, key: Key
) -> None:
    with pytest.raises(NoPlan, match="it has no plan; `python -m models plan m 1` makes one"):
        read_plan(store, manifest, key)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("libraries", "scikit-learn", "scikit-learn 0.1 then"),
        ("processor", "another", "another processor"),
        ("flags", "1" * 64, "another processor"),
        ("forms", "1" * 64, "another version of the forms' code"),
        ("artefact", "1" * 64, "another artefact"),
    ],
)
def test_a_plan_for_elsewhere_is_not_used(
    store: Store, manifest: Manifest, key: Key, field: str, value: str, words: str
) -> None:
    changed = key.libraries | {value: "0.1"} if field == "libraries" else value
    other = key.model_copy(update={field: changed})
    keep_plan(store, plan_for(manifest, other))
    with pytest.raises(NoPlan, match=words):
        read_plan(store, manifest, key)
    # Not even if somebody gives it the name of the one that is wanted.
    os.rename(plan_file(store, "m", 1, other), plan_file(store, "m", 1, key))
    with pytest.raises(NoPlan, match=words):
        read_plan(store, manifest, key)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 2}', "\x00"])
def test_a_damaged_plan_is_not_used(store: Store, manifest: Manifest, key: Key, text: str) -> None:
    keep_plan(store, plan_for(manifest, key)).write_text(text)
    with pytest.raises(NoPlan, match="cannot be read"):
        read_plan(store, manifest, key)


@pytest.mark.parametrize(
    "changed",
    [
        {"tried": []},
        {"tried": [{"form": "lean", "compared_rows": 1}]},
        {"ranges": []},
        {"ranges": [{"up_to_rows": 9, "form": "lean"}]},
        {"ranges": [{"up_to_rows": None, "form": "lean"}] * 2},
        {"ranges": [{"up_to_rows": n, "form": "lean"} for n in (9, 9, None)]},
        {"ranges": [{"up_to_rows": n, "form": "lean"} for n in (-1, None)]},
        {"rows": -1},
        {"name": "../m"},
    ],
    ids=str,
)
def test_a_plan_that_no_planner_wrote_is_not_used(
    store: Store, manifest: Manifest, key: Key, changed: dict[str, Any]
) -> None:
    file = keep_plan(store, plan_for(manifest, key))
    file.write_text(json.dumps(json.loads(file.read_text()) | changed))
    with pytest.raises(NoPlan, match="cannot be read"):
        read_plan(store, manifest, key)


@pytest.mark.parametrize("end", [1, 100, -2])
def test_a_truncated_plan_is_not_used(store: Store, manifest: Manifest, key: Key, end: int) -> None:
    file = keep_plan(store, plan_for(manifest, key))
    file.write_bytes(file.read_bytes()[:end])
    with pytest.raises(NoPlan, match="cannot be read"):
        read_plan(store, manifest, key)


@pytest.mark.parametrize("reason", [b"", b"\xff\xfe", b"it lied"])
def test_a_plan_is_withdrawn_whatever_the_reason_looks_like(
    store: Store, manifest: Manifest, key: Key, reason: bytes
) -> None:
    file = keep_plan(store, plan_for(manifest, key))
    file.with_suffix(".withdrawn").write_bytes(reason)
    with pytest.raises(NoPlan, match="withdrawn"):
        read_plan(store, manifest, key)


def test_a_plan_of_another_version_is_not_used(
    store: Store, manifest: Manifest, publish: Publish, key: Key
) -> None:
    publish()
    second = plan_for(manifest, key).model_copy(update={"version": 2})
    file = keep_plan(store, second)
    target = plan_file(store, "m", 1, key)
    target.parent.mkdir(parents=True)
    os.rename(file, target)
    with pytest.raises(NoPlan, match="it is of m 2"):
        read_plan(store, manifest, key)


def test_a_withdrawn_plan_is_not_used_until_another_is_made(
    store: Store, manifest: Manifest, key: Key
) -> None:
    plan = plan_for(manifest, key)
    keep_plan(store, plan)
    before = plan_state(store, "m", 1)
    withdraw_plan(store, "m", 1, key, "it lied")
    assert plan_state(store, "m", 1) == before  # or else whoever withdraws would hear of it
    with pytest.raises(NoPlan, match="it lied"):
        read_plan(store, manifest, key)
    keep_plan(store, plan)
    assert read_plan(store, manifest, key) == plan
    assert plan_state(store, "m", 1) != before


def test_the_key_knows_the_code_of_the_forms(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "percore_forms"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "lean.py").write_text("one = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("models.plans.key.FORMS", "percore_forms")
    seen = []
    for text in ("one = 1\n", "one = 2\n"):
        (package / "lean.py").write_text(text)
        key_here.__globals__["_forms"].cache_clear()
        seen.append(key_here("0" * 64).forms)
    key_here.__globals__["_forms"].cache_clear()
    assert seen[0] != seen[1]
