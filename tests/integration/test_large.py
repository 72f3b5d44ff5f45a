"""Large requests that come whole are computed in parts, and answered as scikit-learn answers."""

import io
import json
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.integration.rows import Manifest, Reference, columns, draw
from tests.integration.scrape import moved, scrape
from tests.integration.server import Service, serving
from tests.integration.test_media import agree, as_csv
from tests.integration.test_streams import as_arrow, as_table
from tests.integration.wire import Reply, post

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

LARGE = 24_000
MOST = 30_000
LEARNT = 20
"""Within so many requests it is known that a row takes longer than was believed."""
TYPES = {
    "json": "application/json",
    "objects": "application/json",
    "csv": "text/csv",
    "arrow": "application/vnd.apache.arrow.stream",
    "npy": "application/x-npy",
}


@pytest.fixture(scope="module")
def large(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("large")
    with serving(trained, folder, "--workers=2", f"--max-rows={MOST}") as running:
        yield running


def body_of(kind: str, manifest: Manifest, rows: list[list[Any]]) -> bytes:
    if kind == "csv":
        return as_csv(manifest, rows, list(range(len(columns(manifest)))))
    if kind == "arrow":
        return as_arrow(as_table(manifest, rows))
    if kind == "npy":
        file = io.BytesIO()
        np.save(file, np.array(rows))
        return file.getvalue()
    names = [column["name"] for column in columns(manifest)]
    instances: list[Any] = rows
    if kind == "objects":
        instances = [dict(zip(names, row, strict=True)) for row in rows]
    return json.dumps({"instances": instances}).encode()


def ask(service: Service, model: str, kind: str, rows: list[list[Any]], query: str = "") -> Reply:
    body = body_of(kind, service.manifest(model), rows)
    path = f"/v1/models/{model}:predict{query}"
    return post(service.address, path, body, {"Content-Type": TYPES[kind]})


def batches(before: dict[tuple[str, ...], float], service: Service, model: str) -> float:
    return moved(before, scrape(service.address)).get(("percore_batch_requests_count", model), 0.0)


def warm_up(service: Service, model: str, kind: str) -> None:
    """Let the service learn what a row takes."""
    rows = draw(service.manifest(model), 1000, seed=80)
    for _ in range(3):
        assert ask(service, model, kind, rows).status == 200


def ask_until_parted(
    service: Service, model: str, kind: str, rows: list[list[Any]], query: str
) -> Reply:
    """Ask until it was answered in parts: what a row takes by this medium has to be learned."""
    warm_up(service, model, kind)
    for _ in range(LEARNT):
        before = scrape(service.address)
        reply = ask(service, model, kind, rows, query)
        assert reply.status == 200, reply.body[:500]
        if batches(before, service, model) > 1:
            return reply
    raise AssertionError("it was never in parts")


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        *((model, kind) for model in ("iris", "students") for kind in TYPES if kind != "npy"),
        ("iris", "npy"),
    ],
)
def test_every_medium(large: Service, reference: Reference, model: str, kind: str) -> None:
    manifest = large.manifest(model)
    rows = draw(manifest, LARGE, seed=81, nulls=0.0 if model == "iris" else 0.2)
    expected = reference(model, rows)
    query = "?probabilities=true" if model == "iris" else ""
    reply = ask_until_parted(large, model, kind, rows, query)
    answer = reply.json()
    assert agree(answer["predictions"], expected["predictions"])
    if model == "iris":
        assert answer["classes"] == manifest["output"]["classes"]
        for got, wanted in zip(answer["probabilities"], expected["probabilities"], strict=True):
            assert agree(got, wanted)


@pytest.mark.parametrize("kind", ["json", "npy"])
def test_what_is_wrong_is_told_of_the_whole(large: Service, kind: str) -> None:
    rows = draw(large.manifest("iris"), LARGE, seed=82)
    warm_up(large, "iris", kind)
    rows[20_000][2] = 1e39
    reply = ask(large, "iris", kind, rows)
    assert reply.status == 422
    (detail,) = reply.json()["details"]
    assert detail["loc"][1] == 20_000
    rows = rows[:20_000] * 2
    reply = ask(large, "iris", kind, rows)
    assert (reply.status, reply.json()["code"]) == (413, "too_large")


def test_deaths_and_small_requests_beside_it(large: Service, reference: Reference) -> None:
    rows = draw(large.manifest("students"), LARGE, seed=83, nulls=0.1)
    few = rows[:3]
    expected = reference("students", rows)["predictions"]
    warm_up(large, "students", "json")
    replies: list[Reply] = []
    asking = [
        threading.Thread(
            target=lambda: replies.append(ask(large, "students", "json", rows)), daemon=True
        )
        for _ in range(3)
    ]
    for thread in asking:
        thread.start()
    killed = large.workers()[0]
    os.kill(killed, signal.SIGKILL)
    while any(thread.is_alive() for thread in asking):
        small = ask(large, "students", "json", few)
        assert small.status == 200
        assert agree(small.json()["predictions"], expected[:3])
    assert len(replies) == 3
    for reply in replies:
        assert reply.status == 200, reply.body[:500]
        assert agree(reply.json()["predictions"], expected)


def as_v2(rows: list[list[Any]], *, binary: bool) -> tuple[bytes, dict[str, str]]:
    numbers = np.array(rows)
    tensor: dict[str, Any] = {"name": "input", "shape": numbers.shape, "datatype": "FP64"}
    if not binary:
        return json.dumps({"inputs": [tensor | {"data": numbers.ravel().tolist()}]}).encode(), {}
    raw = numbers.tobytes()
    tensor["parameters"] = {"binary_data_size": len(raw)}
    head = json.dumps({"inputs": [tensor]}).encode()
    return head + raw, {"Inference-Header-Content-Length": str(len(head))}


def read_aside(kind: str, rows: list[list[Any]]) -> tuple[str, bytes, dict[str, str]]:
    """Return path, body and headers of a request whose rows are read beside the loop."""
    if kind.startswith("v2"):
        body, headers = as_v2(rows, binary=kind == "v2 binary")
        return "/v2/models/iris/infer", body, headers
    said: dict[str, Any] = {"instances": rows}
    if kind == "split":
        said = {"dataframe_split": {"data": rows}}
    body = json.dumps(said | {"params": {"probabilities": True}}).encode()
    return "/invocations", body, {"Content-Type": "application/json"}


@pytest.mark.parametrize("kind", ["v2", "v2 binary", "instances", "split"])
def test_rows_that_are_read_beside_the_loop(
    trained: Path, reference: Reference, tmp_path: Path, kind: str
) -> None:
    with serving(trained, tmp_path, "--workers=2", "--default-model=iris") as running:
        rows = draw(running.manifest("iris"), LARGE, seed=84)
        expected = reference("iris", rows)
        path, body, headers = read_aside(kind, rows)
        for _ in range(LEARNT):
            before = scrape(running.address)
            reply = post(running.address, path, body, headers)
            assert reply.status == 200, reply.body[:500]
            if batches(before, running, "iris") > 1:
                break
        else:
            raise AssertionError("it was never in parts")
        answer = reply.json()
        if kind.startswith("v2"):
            outputs = {one["name"]: one["data"] for one in answer["outputs"]}
            predictions = outputs["predict"]
            chances = np.reshape(outputs["predict_proba"], (LARGE, -1)).tolist()
        else:
            predictions, chances = answer["predictions"], answer["probabilities"]
        assert agree(predictions, expected["predictions"])
        for got, wanted in zip(chances, expected["probabilities"], strict=True):
            assert agree(got, wanted)
