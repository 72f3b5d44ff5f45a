"""The model that every peer serves: loaded once a worker, called once a request or batch.

Runs in the peers' environments, which know nothing of Percore; the runner sets PYTHONPATH to here.
"""

import os
import warnings
from typing import Any

import joblib
import numpy as np

WORKERS = int(os.environ.get("PEER_WORKERS", "1"))
PORT = os.environ.get("PEER_PORT", "0")
BATCHES = os.environ.get("PEER_BATCH", "1") == "1"
"""Requests of several callers are put together, where the peer can do so."""

MAX_BATCH = 64
MAX_WAIT_S = 0.002


class PeerModel:
    """The model of PEER_MODEL, asked with arrays: the fastest way that scikit-learn has."""

    def __init__(self) -> None:
        warnings.filterwarnings("ignore", message="X does not have valid feature names")
        self.model = joblib.load(os.environ["PEER_MODEL"])
        self._classifies = hasattr(self.model, "predict_proba")

    def answer(self, rows: Any) -> dict[str, list[Any]]:
        """Return what one caller gets: predictions, and probabilities of a classifier."""
        return self.cut(self.matrix(rows))

    def matrix(self, rows: Any) -> Any:
        """Return probabilities, a row each, or values; one call of the model."""
        X = np.asarray(rows, dtype=np.float64)
        return self.model.predict_proba(X) if self._classifies else self.model.predict(X)

    def cut(self, part: Any) -> dict[str, list[Any]]:
        """Return the answer that rows of `matrix` mean."""
        if not self._classifies:
            return {"predictions": part.tolist()}
        labels = self.model.classes_[part.argmax(axis=1)]
        return {"predictions": labels.tolist(), "probabilities": part.tolist()}

    def answers(self, batch: list[Any]) -> list[dict[str, list[Any]]]:
        """Answer several callers with one call of the model."""
        arrays = [np.asarray(rows, dtype=np.float64) for rows in batch]
        ends = np.cumsum([len(rows) for rows in arrays])[:-1]
        return [self.cut(part) for part in np.split(self.matrix(np.concatenate(arrays)), ends)]
