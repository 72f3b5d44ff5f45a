"""What schemathesis cannot read from an OpenAPI page, given to it as hooks.

JSON Schema does not say what bytes are a table, or that columns have the same length: good requests
are mended so that they are good. No check is left out for bad ones.
"""

import base64
import io
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import schemathesis
from hypothesis import strategies as st
from schemathesis.core.failures import AcceptedNegativeData
from schemathesis.openapi.checks import RejectedPositiveData
from schemathesis.transport.serialization import Binary

from tests.integration import pictures

JSON = "application/json"
ARROW = "application/vnd.apache.arrow.stream"
MOST_ROWS = 3


def csv(rows: pd.DataFrame) -> bytes:
    return rows.to_csv(index=False).encode()


def npy(rows: pd.DataFrame) -> bytes:
    file = io.BytesIO()
    np.save(file, rows.to_numpy(np.float64))
    return file.getvalue()


def arrow(rows: pd.DataFrame) -> bytes:
    table = pa.Table.from_pandas(rows, preserve_index=False)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    content: bytes = sink.getvalue().to_pybytes()
    return content


TABLES = {"text/csv": csv, "application/x-npy": npy, ARROW: arrow}
SEEDS = st.integers(0, 1000)
schemathesis.openapi.media_type("image/png", st.builds(pictures.png, seed=SEEDS))
schemathesis.openapi.media_type("image/jpeg", st.builds(pictures.jpeg, seed=SEEDS))


def example(case: Any) -> Any:
    """Return the page's example of the request."""
    return case.operation.definition.raw["requestBody"]["content"][JSON]["example"]


def some(case: Any, body: object) -> pd.DataFrame:
    """Return rows of the page's example, as many as a body happens to say."""
    rows = pd.DataFrame(example(case)["instances"])
    return rows.iloc[np.arange(1 + len(str(body)) % MOST_ROWS) % len(rows)].reset_index(drop=True)


@schemathesis.hook
def map_case(context: Any, case: Any) -> Any:
    """Make a good request good."""
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return case
    if case.media_type in TABLES:
        if case.media_type == ARROW:
            case.query.pop("partial", None)  # as its description says
        case.body = Binary(TABLES[case.media_type](some(case, case.body)))
    elif case.media_type == JSON and isinstance(case.body, dict):
        in_platforms = "platforms" in case.operation.tags
        case.body = scored(case) if in_platforms else mended(case.body)
    return case


def mended(body: Any) -> Any:
    """Return a body with columns of one length, and with pictures where they should be."""
    if isinstance(body.get("inputs"), dict):
        shortest = min(map(len, body["inputs"].values()))
        return {"inputs": {name: cells[:shortest] for name, cells in body["inputs"].items()}}
    return with_pictures(body)


def with_pictures(part: Any) -> Any:
    if isinstance(part, list):
        return [with_pictures(one) for one in part]
    if not isinstance(part, dict):
        return part
    if "b64" in part:
        picture = pictures.png(seed=len(str(part["b64"])))
        return part | {"b64": base64.b64encode(picture).decode()}
    return {key: with_pictures(value) for key, value in part.items()}


def scored(case: Any) -> Any:
    """Return the page's rows in the form that a body has."""
    rows = some(case, case.body)
    forms = {
        "instances": rows.to_dict("records"),
        "inputs": rows.to_dict("list"),
        "dataframe_split": rows.to_dict("split"),
        "dataframe_records": rows.to_dict("records"),
    }
    return {key: forms.get(key, value) for key, value in case.body.items()}


@schemathesis.hook
def filter_failure(context: Any, failure: Any, case: Any, response: Any) -> bool:
    """Let pass what the page says in words."""
    if isinstance(failure, AcceptedNegativeData) and "partial" in (case.query or {}):
        return not response.json().get("errors")  # each bad row is told of
    # V2's request has one type for all models: names, shapes and data may not fit together.
    of_v2 = isinstance(failure, RejectedPositiveData) and case.operation.path.endswith("/infer")
    return not (of_v2 and response.status_code == 400)
