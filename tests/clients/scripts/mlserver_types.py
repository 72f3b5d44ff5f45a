"""Ask with requests that MLServer's codecs write, and read the answers with them."""

# mypy: ignore-errors
# Runs in an environment of its own, which mypy does not see.

import json
import sys
from typing import Any
from urllib.request import Request, urlopen

import numpy as np
import pandas as pd
from mlserver.codecs import NumpyCodec, NumpyRequestCodec, PandasCodec, StringCodec
from mlserver.types import InferenceRequest, InferenceResponse, MetadataModelResponse

said = json.load(sys.stdin)


def infer(model: str, request: InferenceRequest) -> InferenceResponse:
    body = request.model_dump_json().encode()
    asked = Request(  # our own service
        f"{said['url']}/v2/models/{model}/infer", body, {"Content-Type": "application/json"}
    )
    with urlopen(asked, timeout=20) as answer:
        return InferenceResponse.model_validate_json(answer.read())


def told(answer: InferenceResponse) -> dict[str, Any]:
    found = {}
    for output in answer.outputs:
        codec = StringCodec if output.datatype == "BYTES" else NumpyCodec
        values = codec.decode_output(output)
        found[output.name] = values if codec is StringCodec else values.tolist()
    return found


flowers = np.array(said["flowers"])
frame = pd.DataFrame(said["columns"]).astype(said["dtypes"])
words = list(frame.select_dtypes("str"))
frame[words] = frame[words].astype(object)  # its codec does not know the texts of pandas 3
with urlopen(f"{said['url']}/v2/models/students", timeout=20) as answer:
    metadata = MetadataModelResponse.model_validate_json(answer.read())
one_input = InferenceRequest(inputs=[NumpyCodec.encode_input("input", flowers)])
labelled = pd.DataFrame(flowers, columns=said["names"])
print(
    json.dumps(
        {
            "metadata": [one.name for one in metadata.inputs],
            "numpy": told(infer("iris", one_input)),
            "numpy request": told(infer("iris", NumpyRequestCodec.encode_request(flowers))),
            "pandas of numbers": told(infer("iris", PandasCodec.encode_request(labelled))),
            "pandas of all types": told(infer("students", PandasCodec.encode_request(frame))),
        }
    )
)
