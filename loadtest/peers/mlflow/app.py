"""MLflow's scoring server, on the model saved as MLflow's own."""

# Its packages are in this peer's environment, where mypy does not look.
# mypy: ignore-errors

import os
import shutil
import sys
from pathlib import Path

import mlflow.sklearn
from peer_model import PORT, WORKERS, PeerModel

folder = Path(os.environ["PEER_FOLDER"]) / "model"
shutil.rmtree(folder, ignore_errors=True)
model = PeerModel().model
mlflow.sklearn.save_model(
    model,
    str(folder),
    serialization_format="cloudpickle",
    pyfunc_predict_fn="predict_proba" if hasattr(model, "predict_proba") else "predict",
)
options = ["models", "serve", "-m", str(folder), "--env-manager", "local"]
options += ["-h", "127.0.0.1", "-p", PORT, "-w", str(WORKERS)]
program = Path(sys.executable).with_name("mlflow")
os.execv(program, [str(program), *options])  # noqa: S606 - our own command
