"""Ask by KServe's InferenceRESTClient, V1 and V2, and by its InferenceGRPCClient."""

# mypy: ignore-errors
# Runs in an environment of its own, which mypy does not see.

import asyncio
import json
import sys
from typing import Any

import numpy as np
from httpx import HTTPStatusError
from kserve import InferenceRESTClient, InferInput, InferRequest
from kserve.inference_client import InferenceGRPCClient, RESTConfig

DTYPES = {"INT64": np.int64, "FP64": np.float64, "BYTES": np.object_, "BOOL": np.bool_}


def request(name: str, described: list[Any], *, binary: bool) -> InferRequest:
    inputs = []
    for one in described:
        given = InferInput(one["name"], one["shape"], one["datatype"])
        values = np.array(one["data"], DTYPES[one["datatype"]]).reshape(one["shape"])
        given.set_data_from_numpy(values, binary_data=binary)
        inputs.append(given)
    return InferRequest(name, inputs, request_id="seven")


def told(answer: Any) -> dict[str, Any]:
    """Return the outputs as JSON values; the client gives texts as bytes or as str."""
    found = {one.name: one.as_numpy().tolist() for one in answer.outputs}
    labels = found["predict"]
    found["predict"] = [one.decode() if isinstance(one, bytes) else one for one in labels]
    return found | {"id": answer.id}


async def refusal(asked: Any) -> str:
    try:
        await asked
    except HTTPStatusError as error:
        return str(error)
    return "none"


async def ask_v1(said: Any) -> dict[str, Any]:
    url = said["url"]
    async with InferenceRESTClient(RESTConfig(protocol="v1")) as client:
        return {
            "live": await client.is_server_live(url),
            "ready": await client.is_model_ready(url, "iris"),
            "no model": await refusal(client.is_model_ready(url, "nobody")),
            "answer": await client.infer(url, {"instances": said["rows"]}, model_name="iris"),
        }


async def ask_v2(said: Any) -> dict[str, Any]:
    url = said["url"]
    async with InferenceRESTClient(RESTConfig(protocol="v2")) as client:
        found: dict[str, Any] = {
            "live": await client.is_server_live(url),
            "ready": await client.is_server_ready(url),
            "model ready": await client.is_model_ready(url, "iris"),
            "no model": await client.is_model_ready(url, "nobody"),
        }
        for name in ("iris", "students"):
            for binary in (False, True):
                asked = request(name, said["inputs"][name], binary=binary)
                found[f"{name} {binary}"] = told(await client.infer(url, asked, model_name=name))
        nothing = request("iris", [], binary=True)
        found["refusal"] = await refusal(client.infer(url, nothing, model_name="iris"))
        return found


async def ask_grpc(said: Any) -> dict[str, Any]:
    client = InferenceGRPCClient(said["grpc"])
    found = {
        "live": await client.is_server_live(),
        "ready": await client.is_server_ready(),
        "model ready": await client.is_model_ready("iris"),
    }
    for name in ("iris", "students"):
        asked = request(name, said["inputs"][name], binary=True)
        found[name] = told(await client.infer(asked))
    await client.close()
    return found


async def main() -> None:
    said = json.load(sys.stdin)
    found = {"v1": await ask_v1(said), "v2": await ask_v2(said), "grpc": await ask_grpc(said)}
    print(json.dumps(found))


asyncio.run(main())
