"""Ask by MLflow's scoring client: tables, arrays, and JSON of every form that MLflow has."""

# mypy: ignore-errors
# Runs in an environment of its own, which mypy does not see.

import json
import sys
from urllib.parse import urlsplit

import pandas as pd
from mlflow.pyfunc.scoring_server.client import ScoringServerClient

said = json.load(sys.stdin)
place = urlsplit(said["url"])
client = ScoringServerClient(place.hostname, place.port)
client.wait_server_ready(timeout=10)
frame = pd.DataFrame(said["columns"]).astype(said["dtypes"])
records = json.loads(frame.to_json(orient="records"))
answers = {
    "frame": client.invoke(frame),
    "shuffled frame": client.invoke(frame[frame.columns[::-1]]),
    "array": client.invoke(frame.astype(object).where(frame.notna(), None).to_numpy()),
    "with params": client.invoke(frame, params={}),
    "records": client.invoke(json.dumps({"dataframe_records": records})),
    "instances": client.invoke(json.dumps({"instances": records})),
    "inputs": client.invoke(json.dumps({"inputs": said["columns"]})),
}
try:
    client.invoke(frame.drop(columns="age"))
    refusal = "none"
except Exception as error:  # it is what the client raises
    refusal = str(error)
print(
    json.dumps(
        {
            "version": client.get_version(),
            "refusal": refusal,
            "answers": {
                name: one.get_predictions("ndarray").tolist() for name, one in answers.items()
            },
            "as a frame": answers["frame"].get_predictions()[0].tolist(),
        }
    )
)
