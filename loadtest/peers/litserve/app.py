"""LitServe on CPUs."""

# Its packages are in this peer's environment, where mypy does not look.
# mypy: ignore-errors

from typing import Any

import litserve
from peer_model import BATCHES, MAX_BATCH, MAX_WAIT_S, PORT, WORKERS, PeerModel


class Peer(litserve.LitAPI):
    """One worker."""

    def setup(self, device: str) -> None:
        """Load the model."""
        del device
        self.model = PeerModel()

    def decode_request(self, request) -> Any:  # noqa: ANN001 - LitServe would take it for a query
        """Return the rows."""
        return request["instances"]

    def batch(self, inputs: list[Any]) -> list[Any]:
        """Leave putting together to the model."""
        return inputs

    def predict(self, x: Any) -> Any:
        """Answer a request, or a list of them."""
        return self.model.answers(x) if BATCHES else self.model.answer(x)

    def unbatch(self, output: list[Any]) -> list[Any]:
        """Return an answer a caller."""
        return output

    def encode_response(self, output: Any) -> Any:
        """Return the answer as it is."""
        return output


if __name__ == "__main__":
    api = Peer(max_batch_size=MAX_BATCH, batch_timeout=MAX_WAIT_S) if BATCHES else Peer()
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=WORKERS)
    server.run(
        host="127.0.0.1",
        port=int(PORT),
        generate_client_file=False,
        log_level="warning",
        access_log=False,
    )
