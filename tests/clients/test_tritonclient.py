"""Triton's own client, sync and asyncio, against a real service."""

import asyncio
import base64
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tritonclient.http as triton
from tritonclient.http import aio
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

from tests.clients.conftest import TOKEN, Load
from tests.clients.rows import FLOWERS, STUDENTS, near
from tests.integration import pictures
from tests.integration.server import Service
from tests.integration.wire import get

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

ADMIN = {"Authorization": f"Bearer {TOKEN}"}


def address(service: Service) -> str:
    host, port = service.address
    return f"{host}:{port}"


@pytest.fixture
def client(service: Service) -> Iterator[Any]:
    with triton.InferenceServerClient(address(service)) as opened:
        yield opened


def tensor(name: str, values: Any, *, binary: bool) -> Any:
    """Return an input of the client's, from a NumPy array."""
    given = triton.InferInput(name, list(values.shape), np_to_triton_dtype(values.dtype))
    given.set_data_from_numpy(values, binary_data=binary)
    return given


def columns(frame: pd.DataFrame, *, binary: bool) -> list[Any]:
    """Return one input a column; texts are object arrays, as the client wants them."""
    arrays = {name: column.to_numpy() for name, column in frame.items()}
    return [
        tensor(
            str(name),
            values.astype(object) if values.dtype.kind not in "bif" else values,
            binary=binary,
        )
        for name, values in arrays.items()
    ]


def outputs(*names: str, binary: bool) -> list[Any]:
    return [triton.InferRequestedOutput(name, binary_data=binary) for name in names]


def texts(result: Any, name: str = "predict") -> list[str]:
    """Return an output of BYTES as texts: the client gives bytes, or str if it came as JSON."""
    return [one.decode() if isinstance(one, bytes) else one for one in result.as_numpy(name)]


def test_health_and_metadata(client: Any, service: Service) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("iris")
    assert client.is_model_ready("iris", "1")
    assert not client.is_model_ready("tulip")
    assert not client.is_model_ready("iris", "7")
    server = client.get_server_metadata()
    assert server["name"] == "percore"
    assert "binary_tensor_data" in server["extensions"]
    model = client.get_model_metadata("students", "1")
    names = [column["name"] for column in service.manifest("students")["input"]["columns"]]
    assert [one["name"] for one in model["inputs"]] == names
    assert model["versions"] == ["1"]


def test_configuration(client: Any) -> None:
    config = client.get_model_config("iris")
    assert config["name"] == "iris"
    assert config["max_batch_size"] > 0
    outputs = {one["name"]: one for one in config["output"]}
    assert outputs["predict"]["data_type"] == "TYPE_STRING"
    assert outputs["predict_proba"]["dims"] == [3]


@pytest.mark.parametrize("model", ["iris", "students", "digits"])
def test_an_input_has_a_dimension_beside_the_batch(client: Any, model: str) -> None:
    """perf_analyzer takes the first for the batch's and asks nothing if no other is left."""
    config = client.get_model_config(model)
    assert config["max_batch_size"] > 0
    dims = {one["name"]: one["dims"] for one in config["input"]}
    inputs = client.get_model_metadata(model)["inputs"]
    assert {one["name"]: one["shape"] for one in inputs} == {
        name: [-1, *rest] for name, rest in dims.items()
    }


@pytest.mark.parametrize("binary_in", [False, True])
@pytest.mark.parametrize("binary_out", [False, True])
def test_infer(client: Any, fitted: Load, binary_in: bool, binary_out: bool) -> None:
    model = fitted("iris")
    frame = pd.DataFrame(FLOWERS, columns=model.feature_names_in_)
    wanted = outputs("predict", "predict_proba", binary=binary_out)
    given = [tensor("input", FLOWERS, binary=binary_in)]
    result = client.infer("iris", given, outputs=wanted, request_id="seven", model_version="1")
    assert texts(result) == list(model.predict(frame))
    assert near(result.as_numpy("predict_proba"), model.predict_proba(frame))
    head = result.get_response()
    assert (head["id"], head["model_name"], head["model_version"]) == ("seven", "iris", "1")


def test_infer_as_the_client_does_it_by_itself(client: Any, fitted: Load) -> None:
    """Without outputs it asks for all, binary; it sends no Content-Type."""
    model = fitted("iris")
    frame = pd.DataFrame(FLOWERS, columns=model.feature_names_in_)
    given = [tensor(str(name), frame[name].to_numpy(), binary=True) for name in frame]
    result = client.infer("iris", given)
    assert texts(result) == list(model.predict(frame))
    assert near(result.as_numpy("predict_proba"), model.predict_proba(frame))


@pytest.mark.parametrize("binary", [False, True])
def test_mixed_columns_with_missing_numbers(client: Any, fitted: Load, binary: bool) -> None:
    result = client.infer(
        "students", columns(STUDENTS, binary=binary), outputs=outputs("predict", binary=binary)
    )
    assert near(result.as_numpy("predict"), fitted("students").predict(STUDENTS))


def test_pictures(client: Any, fitted: Load) -> None:
    files = [pictures.png(seed=seed) for seed in range(4)]
    model = fitted("digits")
    result = client.infer("digits", [tensor("image", np.array(files, object), binary=True)])
    assert result.as_numpy("predict").tolist() == model.predict(files).tolist()
    assert near(result.as_numpy("predict_proba"), model.predict_proba(files))
    encoded = np.array([base64.b64encode(file).decode() for file in files], object)
    again = client.infer("digits", [tensor("image", encoded, binary=False)])
    assert again.as_numpy("predict").tolist() == model.predict(files).tolist()


def test_classification(client: Any, fitted: Load) -> None:
    model = fitted("iris")
    best = triton.InferRequestedOutput("predict_proba", class_count=1)
    given = [tensor("input", FLOWERS, binary=True)]
    found = client.infer("iris", given, outputs=[best]).as_numpy("predict_proba")
    words = [one.decode().split(":") for one in found.ravel()]
    frame = pd.DataFrame(FLOWERS, columns=model.feature_names_in_)
    chances = model.predict_proba(frame)
    assert [word[2] for word in words] == list(model.classes_[chances.argmax(axis=1)])
    assert near(np.array([float(word[0]) for word in words]), chances.max(axis=1))


def test_priority_and_timeout(client: Any) -> None:
    given = [tensor("input", FLOWERS, binary=True)]
    assert client.infer("iris", given, priority=1, timeout=20_000_000) is not None
    with pytest.raises(InferenceServerException):
        client.infer("iris", given, timeout=1)


def test_many_at_once(service: Service, fitted: Load) -> None:
    model = fitted("diabetes")
    X = np.random.default_rng(0).normal(size=(40, len(model.feature_names_in_))) / 20
    frame = pd.DataFrame(X, columns=model.feature_names_in_)
    with triton.InferenceServerClient(address(service), concurrency=8) as client:
        waiting = [
            client.async_infer("diabetes", [tensor("x", X[i : i + 1], binary=True)])
            for i in range(len(X))
        ]
        got = np.concatenate([one.get_result().as_numpy("predict") for one in waiting])
    assert near(got, model.predict(frame))


def test_errors_come_as_sentences(client: Any) -> None:
    with pytest.raises(InferenceServerException) as found:
        client.infer("tulip", [tensor("input", FLOWERS, binary=True)])
    assert found.value.status() == "404"
    assert "tulip" in found.value.message()
    with pytest.raises(InferenceServerException) as found:
        client.infer("iris", [tensor("input", FLOWERS[:, :3].copy(), binary=True)])
    assert found.value.status() == "400"
    assert found.value.message() == "Input 'input' has 3 columns; the model has 4."
    wrong = STUDENTS.assign(mother_education=["none", "Doktor", "higher"])
    with pytest.raises(InferenceServerException, match="Row 1, column mother_education"):
        client.infer("students", columns(wrong, binary=True))


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_compressed_requests(client: Any, coding: str, binary: bool) -> None:
    given = [tensor("input", FLOWERS, binary=binary)]
    plain = client.infer("iris", given)
    found = client.infer(
        "iris", given, request_compression_algorithm=coding, response_compression_algorithm=coding
    )
    assert found.as_numpy("predict").tolist() == plain.as_numpy("predict").tolist()
    assert found.as_numpy("predict_proba").tolist() == plain.as_numpy("predict_proba").tolist()


def test_statistics(client: Any) -> None:
    def of_iris() -> Any:
        (found,) = client.get_inference_statistics("iris")["model_stats"]
        return found

    before = of_iris()
    for _ in range(5):
        client.infer("iris", [tensor("input", FLOWERS, binary=True)])
    after = of_iris()
    assert after["inference_count"] - before["inference_count"] == 15
    success = [one["inference_stats"]["success"] for one in (before, after)]
    assert success[1]["count"] - success[0]["count"] == 5
    assert success[1]["ns"] > success[0]["ns"]
    names = {one["name"] for one in client.get_inference_statistics()["model_stats"]}
    assert {"iris", "students"} <= names


def test_unload_and_load(client: Any, service: Service) -> None:
    given = [tensor("x", np.zeros((1, 10)), binary=True)]

    def state() -> tuple[str, str]:
        index = client.get_model_repository_index()
        (found,) = [one for one in index if one["name"] == "diabetes"]
        return found["state"], found["reason"]

    assert client.infer("diabetes", given) is not None
    assert state() == ("READY", "")
    client.unload_model("diabetes", headers=ADMIN)
    try:
        assert state() == ("UNAVAILABLE", "unloaded")
        assert not client.is_model_ready("diabetes")
        assert client.is_server_ready()
        assert get(service.address, "/v1/models/diabetes").json()["ready"] is False
        with pytest.raises(InferenceServerException) as found:
            client.infer("diabetes", given)
        assert found.value.status() == "404"
        assert client.is_model_ready("iris")
    finally:
        client.load_model("diabetes", headers=ADMIN)
    assert state() == ("READY", "")
    assert client.infer("diabetes", given) is not None
    client.load_model("diabetes", headers=ADMIN)  # a loaded one stays
    assert client.infer("diabetes", given) is not None


def test_loading_needs_the_token_and_takes_nothing_from_the_client(client: Any) -> None:
    for headers in (None, {"Authorization": "Bearer another"}):
        with pytest.raises(InferenceServerException) as found:
            client.unload_model("iris", headers=headers)
        assert found.value.status() == "401"
    with pytest.raises(InferenceServerException, match="from the store"):
        client.load_model("iris", headers=ADMIN, config='{"backend": "python"}')
    for change in (client.load_model, client.unload_model):
        with pytest.raises(InferenceServerException) as found:
            change("tulip", headers=ADMIN)
        assert found.value.status() == "404"
    assert client.is_model_ready("iris")


@pytest.mark.parametrize("binary", [False, True])
def test_asyncio(service: Service, fitted: Load, binary: bool) -> None:
    async def ask() -> tuple[list[Any], Any]:
        async with aio.InferenceServerClient(address(service)) as client:
            assert await client.is_server_live()
            assert await client.is_server_ready()
            assert await client.is_model_ready("students")
            assert (await client.get_model_metadata("iris"))["name"] == "iris"
            assert (await client.get_model_config("iris"))["name"] == "iris"
            assert len(await client.get_model_repository_index()) == 4
            assert (await client.get_inference_statistics("iris"))["model_stats"]
            given = [tensor("input", FLOWERS, binary=binary)]
            wanted = outputs("predict_proba", binary=binary)
            several = [client.infer("iris", given, outputs=wanted) for _ in range(10)]
            students = columns(STUDENTS, binary=binary)
            return await asyncio.gather(*several), await client.infer("students", students)

    several, grades = asyncio.run(ask())
    model = fitted("iris")
    chances = model.predict_proba(pd.DataFrame(FLOWERS, columns=model.feature_names_in_))
    assert all(near(one.as_numpy("predict_proba"), chances) for one in several)
    assert near(grades.as_numpy("predict"), fitted("students").predict(STUDENTS))


def test_asyncio_errors(service: Service) -> None:
    async def ask() -> None:
        async with aio.InferenceServerClient(address(service)) as client:
            await client.infer("iris", [tensor("input", FLOWERS[:, :2].copy(), binary=True)])

    with pytest.raises(InferenceServerException, match="has 2 columns"):
        asyncio.run(ask())
