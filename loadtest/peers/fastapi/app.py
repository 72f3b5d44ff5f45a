"""Plain FastAPI under uvicorn, with a pydantic body: what its tutorial teaches."""

# Its packages are in this peer's environment, where mypy does not look.
# mypy: ignore-errors

from typing import Any

import uvicorn
from fastapi import FastAPI
from peer_model import PORT, WORKERS, PeerModel
from pydantic import BaseModel

app = FastAPI()
model = PeerModel() if __name__ != "__main__" else None


class Instances(BaseModel):
    """The body."""

    instances: list[list[float]]


@app.post("/predict")
def predict(body: Instances) -> dict[str, list[Any]]:
    """Answer one request, in the thread pool, for the model would hold the loop."""
    return model.answer(body.instances)


@app.post("/predict-async")
async def predict_async(body: Instances) -> dict[str, list[Any]]:
    """Answer one request on the event loop: nothing else happens meanwhile, but no thread waits."""
    return model.answer(body.instances)


if __name__ == "__main__":
    uvicorn.run(
        "app:app",
        host="127.0.0.1",
        port=int(PORT),
        workers=WORKERS,
        log_level="warning",
        access_log=False,
    )
