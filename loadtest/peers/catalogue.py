"""The peers: what each is called, where its app is, how it is asked and how it answers."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from loadtest.dialects import Dialect
from loadtest.errors import ScenarioError

HERE: Final = Path(__file__).parent
SHARED: Final = HERE / "shared"


@dataclass(frozen=True)
class Peer:
    """One way to run one peer."""

    name: str
    folder: str
    """Of its app and its requirements, and of its environment."""
    words: str
    path: str = "/predict"
    dialect: Dialect = "plain"
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def app(self) -> Path:
        """The program that is the peer."""
        return HERE / self.folder / "app.py"

    @property
    def requirements(self) -> Path:
        """What its environment holds, with hashes."""
        return HERE / self.folder / "requirements.txt"

    def body(self, rows: Sequence[Sequence[float]], *, probabilities: bool) -> bytes:
        """Return a request's body."""
        if self.dialect == "v2":
            return json.dumps(_tensor(rows, probabilities=probabilities)).encode()
        key = "inputs" if self.dialect == "mlflow" else "instances"
        return json.dumps({key: list(rows)}).encode()


def _tensor(rows: Sequence[Sequence[float]], *, probabilities: bool) -> dict[str, Any]:
    tensor = {
        "name": "x",
        "shape": [len(rows), len(rows[0])],
        "datatype": "FP64",
        "data": [value for row in rows for value in row],
    }
    output = {"name": "predict_proba" if probabilities else "predict"}
    return {"inputs": [tensor], "outputs": [output]}


_ALONE: Final = {"PEER_BATCH": "0"}

_ALL: Final = (
    Peer("flask", "flask", "Flask, gunicorn's sync workers"),
    Peer("flask-threads", "flask", "Flask, gunicorn's threads", environment={"PEER_THREADS": "8"}),
    Peer("fastapi", "fastapi", "FastAPI, uvicorn's workers"),
    Peer("fastapi-async", "fastapi", "FastAPI, the model on the event loop", "/predict-async"),
    Peer("bentoml", "bentoml", "BentoML, adaptive batching", dialect="matrix"),
    Peer("bentoml-alone", "bentoml", "BentoML", dialect="matrix", environment=_ALONE),
    Peer("mlserver", "mlserver", "MLServer, batching", "/v2/models/m/infer", "v2"),
    Peer("mlserver-alone", "mlserver", "MLServer", "/v2/models/m/infer", "v2", _ALONE),
    Peer(
        "mlserver-parallel",
        "mlserver",
        "MLServer, batching, a pool of two processes",
        "/v2/models/m/infer",
        "v2",
        {"PEER_PARALLEL": "2"},
    ),
    Peer("litserve", "litserve", "LitServe, batching"),
    Peer("litserve-alone", "litserve", "LitServe", environment=_ALONE),
    Peer("mosec", "mosec", "mosec, batching", "/inference"),
    Peer("mosec-alone", "mosec", "mosec", "/inference", environment=_ALONE),
    Peer("ray", "ray", "Ray Serve, batching"),
    Peer("ray-alone", "ray", "Ray Serve", environment=_ALONE),
    Peer("mlflow", "mlflow", "MLflow's scoring server", "/invocations", "mlflow"),
)
PEERS: Final = {peer.name: peer for peer in _ALL}


def chosen(names: Sequence[str]) -> list[Peer]:
    """Return the peers of these names; of none: each in its first form.

    Raises:
        ScenarioError: there is no such peer.
    """
    if not names:
        return list({peer.folder: peer for peer in reversed(_ALL)}.values())[::-1]
    unknown = [name for name in names if name not in PEERS]
    if unknown:
        raise ScenarioError(f"{unknown[0]} is not a peer; there are {', '.join(PEERS)}.")
    return [PEERS[name] for name in names]
