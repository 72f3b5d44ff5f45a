"""Ray Serve on one machine: as many replicas as workers."""

# Its packages are in this peer's environment, where mypy does not look.
# mypy: ignore-errors

import os
import signal
from typing import Any

import ray
from peer_model import BATCHES, MAX_BATCH, MAX_WAIT_S, PORT, WORKERS, PeerModel
from ray import serve
from starlette.requests import Request


@serve.deployment(num_replicas=WORKERS, max_ongoing_requests=256, ray_actor_options={"num_cpus": 1})
class Peer:
    """One worker."""

    def __init__(self) -> None:
        self.model = PeerModel()

    @serve.batch(max_batch_size=MAX_BATCH, batch_wait_timeout_s=MAX_WAIT_S)
    async def together(self, batch: list[Any]) -> list[Any]:
        """Answer several callers with one call."""
        return self.model.answers(batch)

    async def __call__(self, request: Request) -> Any:
        """Answer one request."""
        rows = (await request.json())["instances"]
        return await self.together(rows) if BATCHES else self.model.answer(rows)


if __name__ == "__main__":
    # Before anything starts: what comes while it starts must not be lost.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    names = ("PEER_MODEL", "PEER_BATCH", "PYTHONPATH")
    ray.init(
        num_cpus=WORKERS,
        include_dashboard=False,
        log_to_driver=False,
        runtime_env={"env_vars": {name: os.environ[name] for name in names}},
        _node_ip_address="127.0.0.1",
    )
    quiet = {"enable_access_log": False}
    serve.start(http_options={"host": "127.0.0.1", "port": int(PORT)}, logging_config=quiet)
    serve.run(Peer.options(logging_config=quiet).bind(), route_prefix="/predict")
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    serve.shutdown()
    ray.shutdown()
