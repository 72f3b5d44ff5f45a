"""Flask behind gunicorn: what most people write first. PEER_THREADS above 1 makes it threaded."""

# Its packages are in this peer's environment, where mypy does not look.
# mypy: ignore-errors

import os
import sys

from flask import Flask, Response, jsonify, request
from peer_model import PORT, WORKERS, PeerModel

app = Flask(__name__)
model = PeerModel() if __name__ != "__main__" else None


@app.post("/predict")
def predict() -> Response:
    """Answer one request."""
    return jsonify(model.answer(request.get_json()["instances"]))


if __name__ == "__main__":
    threads = os.environ.get("PEER_THREADS", "1")
    many = ["-k", "gthread", "--threads", threads, "--keep-alive", "30"] if threads != "1" else []
    options = ["-b", f"127.0.0.1:{PORT}", "-w", str(WORKERS), *many, "--log-level", "warning"]
    command = [sys.executable, "-m", "gunicorn", *options, "app:app"]
    os.execv(sys.executable, command)  # noqa: S606 - our own command
