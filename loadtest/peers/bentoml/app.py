"""BentoML: its adaptive batching, arrays in and out."""

# Its packages are in this peer's environment, where mypy does not look.
# mypy: ignore-errors

import os
import sys
from typing import Any

import bentoml
import numpy as np
from peer_model import BATCHES, PORT, WORKERS, PeerModel

_api = bentoml.api(batchable=True, max_batch_size=1024) if BATCHES else bentoml.api


@bentoml.service(workers=WORKERS, traffic={"timeout": 60})
class Peer:
    """The service."""

    def __init__(self) -> None:
        self.model = PeerModel()

    @_api
    def predict(self, instances: np.ndarray) -> np.ndarray:
        """Return probabilities or values: one array, for batches are joined along its rows."""
        found: Any = self.model.matrix(instances)
        return found


if __name__ == "__main__":
    options = ["serve", "app:Peer", "--host", "127.0.0.1", "--port", PORT]
    command = [sys.executable, "-m", "bentoml", *options]
    os.execv(sys.executable, command)  # noqa: S606 - our own command
