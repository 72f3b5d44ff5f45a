"""mosec: a Rust front, Python workers, batches after a short wait."""

# Its packages are in this peer's environment, where mypy does not look.
# mypy: ignore-errors

import sys
from typing import Any

from mosec import Server, Worker
from peer_model import BATCHES, MAX_BATCH, MAX_WAIT_S, PORT, WORKERS, PeerModel


class Peer(Worker):
    """One worker."""

    def __init__(self) -> None:
        self.model = PeerModel()

    def forward(self, data: Any) -> Any:
        """Answer a request, or a list of them."""
        if BATCHES:
            return self.model.answers([each["instances"] for each in data])
        return self.model.answer(data["instances"])


if __name__ == "__main__":
    sys.argv += ["--address", "127.0.0.1", "--port", PORT, "--timeout", "30000"]
    sys.argv += ["--log-level", "warning"]
    server = Server()
    server.append_worker(
        Peer,
        num=WORKERS,
        max_batch_size=MAX_BATCH if BATCHES else 1,
        max_wait_time=round(MAX_WAIT_S * 1000) if BATCHES else 0,
    )
    server.run()
