"""Ask by boto3's client of SageMaker endpoints.

SageMaker takes /endpoints/NAME/invocations and asks the container at /invocations: so does this.
"""

# mypy: ignore-errors
# Runs in an environment of its own, which mypy does not see.

import io
import json
import sys
from typing import Any

import boto3
import numpy as np
from botocore.exceptions import ClientError

said = json.load(sys.stdin)
client = boto3.client(
    "sagemaker-runtime",
    endpoint_url=said["url"],
    region_name="eu-north-1",
    aws_access_key_id="nobody",
    aws_secret_access_key="nothing",
)


def to_container(request: Any, **_: Any) -> None:
    name = request.url.split("/")[-2]
    request.url = said["url"] + said["paths"][name]


client.meta.events.register("before-sign.sagemaker-runtime.InvokeEndpoint", to_container)


def invoke(body: Any, sent: str, wanted: str, name: str = "students") -> dict[str, str]:
    answer = client.invoke_endpoint(EndpointName=name, Body=body, ContentType=sent, Accept=wanted)
    return {"type": answer["ContentType"], "text": answer["Body"].read().decode()}


def refusal(body: Any, sent: str) -> list[Any]:
    try:
        invoke(body, sent, "application/json")
    except ClientError as error:
        return [error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]]
    return []


CSV, JSON = "text/csv", "application/json"
table = json.dumps({"instances": said["rows"]})
npy = io.BytesIO()
np.save(npy, np.array(said["flowers"]))
found = {
    "csv to csv": invoke(said["csv"], CSV, CSV),
    "csv to json": invoke(said["csv"], CSV, JSON),
    "json to json": invoke(table, JSON, JSON),
    "json to csv": invoke(table, JSON, CSV),
    "npy to json": invoke(npy.getvalue(), "application/x-npy", JSON, "iris"),
    "npy to csv": invoke(npy.getvalue(), "application/x-npy", CSV, "iris"),
    "broken": refusal(b"{", JSON),
    "another type": refusal(b"<a/>", "application/xml"),
}
print(json.dumps(found))
