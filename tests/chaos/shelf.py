"""The store that chaos is made with, and the requests to its models with their right answers."""

import json
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import joblib

from loadtest.artefact import read_artefact
from loadtest.http1 import Address
from loadtest.oracle import right_answers
from loadtest.payload import Answer, Expected, Request, predict_wire
from models.register import Registration, register
from models.stages import Stages
from models.store import Store
from tests.chaos.estimators import Command, Obedient
from tests.processes.replica import ROOT

STEADY = "steady"
"""Two versions that burn 2 ms and more a call, and answer otherwise."""
SLOW = "slow"
"""Naps 10 ms a row: two workers answer 200 rows a second, and no batch makes it more."""
WIDE = "wide"
"""Answers 400 values a row: its replies are large."""
CORRUPT = 3
"""The version of `steady` whose file is not what its manifest says."""
NAP_S = 0.01
FIRST_ROW = 1001
"""Ids below it are golden rows, which are predicted at every start."""

Row = Sequence[float]
_answered: dict[tuple[str, str], list[Answer]] = {}


def stock(folder: Path) -> Path:
    """Register every model and return the store's folder."""
    store = folder / "store"
    models = {
        STEADY: [Obedient(constant, call_s=0.001, row_s=0.001) for constant in (0.5, 1e6)],
        SLOW: [Obedient(nap_s=NAP_S)],
        WIDE: [Obedient(constant=0.1234567, width=400)],
    }
    with ThreadPoolExecutor() as pool:
        # Names side by side, versions of a name in their order: each waits for a proving process.
        list(pool.map(lambda name: _register_all(folder, name, models[name]), models))
    _corrupt(store / STEADY)
    return store


def copy_of(store: Path, folder: Path) -> Path:
    """Return a store that a scenario may change."""
    return Path(shutil.copytree(store, folder / "store"))


def good_rows(count: int, start: int = FIRST_ROW) -> list[Row]:
    """Return rows that differ, so that the ledger tells them apart."""
    return [[float(start + i), float(Command.ANSWER)] for i in range(count)]


def requests(
    store: Path,
    target: Address,
    model: str,
    rows: Iterable[Row],
    versions: Sequence[int] = (1,),
    timeout_s: float | None = None,
) -> list[Request]:
    """Return a request for each row, with what the reference process answers for each version."""
    batches = [[row] for row in rows]
    answers = {version: _reference(store, model, version, batches) for version in versions}
    headers = {} if timeout_s is None else {"X-Request-Timeout-Ms": str(int(timeout_s * 1000))}
    return [
        Request(
            wire=predict_wire(target, model, batch, probabilities=False, headers=headers),
            expected=Expected(
                model=model,
                labels=False,
                answers={version: answers[version][index] for version in versions},
            ),
        )
        for index, batch in enumerate(batches)
    ]


def _reference(
    store: Path, model: str, version: int, batches: Sequence[Sequence[Row]]
) -> list[Answer]:
    """Ask the reference process, once for each question: it takes its time to start."""
    artefact = read_artefact(store, model, version)
    key = (artefact.sha256, str(batches))
    if key not in _answered:
        with _importable():
            _answered[key] = right_answers(artefact, batches, probabilities=False).answers
    return _answered[key]


@contextmanager
def _importable() -> Iterator[None]:
    """Let the reference process find the class of the models; the rest it shuts out itself."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = str(ROOT)
    try:
        yield
    finally:
        del os.environ["PYTHONPATH"]
        if before is not None:
            os.environ["PYTHONPATH"] = before


def _register_all(folder: Path, name: str, versions: Sequence[Obedient]) -> None:
    rows = good_rows(5, start=1)
    place = folder / name
    place.mkdir()
    lines = ["id,command", *(",".join(map(str, row)) for row in rows)]
    (place / "rows.csv").write_text("\n".join(lines) + "\n")
    for model in versions:
        joblib.dump(model.fit(rows), place / "model.joblib")
        registration = Registration(place / "model.joblib", place / "rows.csv", name)
        register(registration, Store(folder / "store"), Stages())


def _corrupt(model: Path) -> None:
    """Put a version on the shelf whose bytes were changed after it was published."""
    version = shutil.copytree(model / "2", model / str(CORRUPT))
    manifest = json.loads((version / "manifest.json").read_text())
    (version / "manifest.json").write_text(json.dumps(manifest | {"version": CORRUPT}))
    data = bytearray((version / "model.joblib").read_bytes())
    data[len(data) // 2] ^= 1
    (version / "model.joblib").write_bytes(data)
