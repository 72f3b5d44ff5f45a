"""MLServer with its scikit-learn runtime: nothing to write but settings."""

# Its packages are in this peer's environment, where mypy does not look.
# mypy: ignore-errors

import json
import os
import sys
from pathlib import Path

from peer_model import BATCHES, MAX_BATCH, MAX_WAIT_S, PORT

folder = Path(os.environ["PEER_FOLDER"])
# In its own process: faster here than its pool of processes, in every cell but batches at 64.
settings = {
    "debug": False,
    "host": "127.0.0.1",
    "http_port": int(PORT),
    "grpc_port": int(os.environ["PEER_PORT_2"]),
    "metrics_port": int(os.environ["PEER_PORT_3"]),
    "parallel_workers": int(os.environ.get("PEER_PARALLEL", "0")),
}
model = {
    "name": "m",
    "implementation": "mlserver_sklearn.SKLearnModel",
    "parameters": {"uri": os.environ["PEER_MODEL"]},
}
if BATCHES:
    model |= {"max_batch_size": MAX_BATCH, "max_batch_time": MAX_WAIT_S}
(folder / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
(folder / "model-settings.json").write_text(json.dumps(model), encoding="utf-8")
program = Path(sys.executable).with_name("mlserver")
os.execv(program, [str(program), "start", str(folder)])  # noqa: S606 - our own command
