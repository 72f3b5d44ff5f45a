"""One store with every kind of model, registered as a stranger would, and one service of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from models import prove
from models.manifest import Manifest
from models.register import Registration, register
from models.stages import Stages
from models.store import Store
from tests.integration.server import Service, serving
from tests.kinds import classifiers, strange, tables, texts, values
from tests.kinds.cli import register_by_cli
from tests.kinds.kind import Kind, in_process

KINDS = {
    kind.name: kind
    for group in (tables, classifiers, values, texts, strange)
    for kind in group.KINDS
}
BY_CLI = ("nested-column-transformers", "two-outputs", "bare-list")
"""Registered by the command; the others by the function that it calls, which is five times faster
because no new interpreter has to import scikit-learn."""


@dataclass(frozen=True)
class Known:
    """A registered kind: the model as its file gives it, rows to ask, and its manifest."""

    kind: Kind
    model: Any
    rows: pd.DataFrame
    manifest: Manifest

    def X(self, rows: pd.DataFrame) -> Any:
        """Return rows as the model takes them in process."""
        return in_process(self.kind.form, rows)

    def many(self, count: int) -> pd.DataFrame:
        """Return so many rows, drawn from those that the model was fitted on."""
        chosen = np.random.default_rng(11).integers(0, len(self.rows), count)
        return self.rows.iloc[chosen].reset_index(drop=True)


@dataclass(frozen=True)
class Shelf:
    """The store's folder, and what lies in it."""

    store: Path
    known: dict[str, Known]


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Compute as a worker does, on one thread: threads that wait for each other slow down all."""
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    """Fit and register every kind."""
    folder = tmp_path_factory.mktemp("kinds")
    store = Store(folder / "store")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prove, "ask_fresh_process", ask_this_process)
        return Shelf(store.root, {name: take(kind, store, folder) for name, kind in KINDS.items()})


def ask_this_process(task: prove.Task) -> prove.Reply:
    """Do what a fresh process does with the same bytes, without its imports."""
    return prove.answer(prove.Task.model_validate_json(task.model_dump_json()))


def take(kind: Kind, store: Store, folder: Path) -> Known:
    """Fit, dump and register one kind."""
    model, rows = kind.fit()
    file, sample = dump(kind.name, model, rows, folder, kind.sample)
    if kind.name in BY_CLI:
        done = register_by_cli(file, sample, kind.name, store.root)
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip() == "1"
        manifest = store.manifest(kind.name, 1)
    else:
        manifest = register(Registration(file, sample, kind.name), store, Stages()).manifest
    return Known(kind, joblib.load(file), rows, manifest)


def dump(name: str, model: Any, rows: pd.DataFrame, folder: Path, form: str) -> tuple[Path, Path]:
    """Write a model's file and its sample file."""
    file, sample = folder / f"{name}.joblib", folder / f"{name}.{form}"
    joblib.dump(model, file)
    if form == "csv":
        rows.to_csv(sample, index=False)
    else:
        rows.to_parquet(sample)
    return file, sample


@pytest.fixture(scope="session")
def service(shelf: Shelf, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Serve all of them, with two workers."""
    folder = tmp_path_factory.mktemp("kinds-service")
    with serving(shelf.store, folder, "--workers", "2") as running:
        yield running


@pytest.fixture(params=list(KINDS))
def known(request: pytest.FixtureRequest, shelf: Shelf) -> Known:
    """Give each kind in turn."""
    return shelf.known[request.param]
