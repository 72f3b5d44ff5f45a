"""The benchmark's models: fitted, registered through the command line, and read back."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from loadtest.artefact import Artefact, read_artefact
from loadtest.errors import ArtefactError

PICTURES: Final = "digits"
"""The one model that the shelf does not fit itself: a preset that classifies pictures."""

_FIT_S: Final = 300.0
_REGISTER_S: Final = 300.0


@dataclass(frozen=True)
class Stored:
    """A model in the store, and rows to ask it with."""

    artefact: Artefact
    rows: list[Any]
    """As a request carries them: lists of cells, or pictures as {"b64": …}."""


class Shelf:
    """A folder with the fitted models, and a store for each: its server shall load no other.

    Args:
        folder: kept between runs; what is there is not fitted again.
    """

    def __init__(self, folder: Path) -> None:
        self._fitted = folder / "fitted"
        self._stores = folder / "stores"

    def store(self, model: str) -> Path:
        """Return the store with this model alone."""
        return self._stores / model

    def stored(self, model: str) -> Stored:
        """Return a model; fits and registers what is missing.

        Raises:
            ArtefactError: it cannot be fitted or registered, with what the command said.
        """
        store = self.store(model)
        missing = not (store / model / "aliases.json").exists()
        if model == PICTURES:
            if missing:
                _run(["-m", "models", "train", model, "--store", str(store)], _REGISTER_S)
            artefact = read_artefact(store, model)
            return Stored(artefact, artefact.instances)
        if not (self._fitted / f"{model}.rows.json").exists():
            _run(["-m", "loadtest.bench.fitting", str(self._fitted), model], _FIT_S)
        if missing:
            self.register(model, model, store)
        rows = json.loads((self._fitted / f"{model}.rows.json").read_bytes())
        return Stored(read_artefact(store, model), rows)

    def register(self, model: str, name: str, store: Path) -> None:
        """Register a fitted model under a name.

        Raises:
            ArtefactError: it is refused, with the last words of the command.
        """
        file, sample = (str(self._fitted / f"{model}.{kind}") for kind in ("joblib", "csv"))
        options = ["--name", name, "--sample", sample, "--store", str(store)]
        _run(["-m", "models", "register", file, *options], _REGISTER_S)


def _run(command: Sequence[str], timeout_s: float) -> None:
    try:
        done = subprocess.run(  # noqa: S603 - our own commands
            [sys.executable, *command],
            # Two fits at a time, or a busy machine, and OpenMP's threads wait for each other.
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ArtefactError(f"{' '.join(command)} took longer than {timeout_s:g} s.") from error
    if done.returncode != 0:
        last = (done.stderr.strip() or "it said nothing").splitlines()[-1]
        raise ArtefactError(f"{' '.join(command)} failed with code {done.returncode}: {last}")
