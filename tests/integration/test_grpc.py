"""The V2 service over gRPC, asked by Triton's own client, against scikit-learn in this process."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import numpy.typing as npt
import pytest
import tritonclient.grpc as triton
import tritonclient.grpc.aio as triton_aio
from tritonclient.grpc import service_pb2 as pb
from tritonclient.grpc import service_pb2_grpc
from tritonclient.utils import InferenceServerException

from tests.processes.replica import ROOT, Replica, running

pytestmark = pytest.mark.integration
ROWS = np.array([[5.1, 3.5, 1.4, 0.2], [6.0, 3.0, 5.0, 2.0], [5.9, 3.0, 4.2, 1.5]])
TOKEN = "open sesame"
ADMIN = {"authorization": f"Bearer {TOKEN}"}
COLUMNS = ("sepal_length", "sepal_width", "petal_length", "petal_width")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("grpc") / "store"
    presets = ("iris", "diabetes", "students")
    train = [sys.executable, "-m", "models", "train", *presets, "--store", str(folder)]
    subprocess.run(train, cwd=ROOT, check=True, capture_output=True, timeout=200)
    return folder


@pytest.fixture(scope="module")
def replica(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replica]:
    flags = ("--grpc-port", "0", "--admin-token", TOKEN)
    with running(store, tmp_path_factory.mktemp("log"), *flags) as started:
        yield started


@pytest.fixture(scope="module")
def address(replica: Replica) -> str:
    (said,) = [event for event in replica.events() if event["event"] == "listening_grpc"]
    return f"127.0.0.1:{said['port']}"


@pytest.fixture(scope="module")
def client(address: str) -> Iterator[Any]:
    with triton.InferenceServerClient(address) as opened:
        yield opened


@pytest.fixture(scope="module")
def iris(store: Path) -> Any:
    return joblib.load(store / "iris" / "1" / "model.joblib")


def one_tensor(rows: npt.NDArray[np.float64]) -> list[Any]:
    tensor = triton.InferInput("rows", list(rows.shape), "FP64")
    tensor.set_data_from_numpy(rows)
    return [tensor]


def frame(iris: Any) -> Any:
    """Return the rows as the model was fitted on them."""
    import pandas as pd  # noqa: PLC0415

    return pd.DataFrame(ROWS, columns=list(iris.feature_names_in_))


def test_health_and_metadata(client: Any) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("iris")
    assert client.is_model_ready("iris", "1")
    assert not client.is_model_ready("nobody")
    assert client.get_server_metadata().name == "percore"
    told = client.get_model_metadata("iris")
    assert [(one.name, one.datatype, list(one.shape)) for one in told.inputs] == [
        (name, "FP64", [-1, 1]) for name in COLUMNS
    ]
    assert [one.name for one in told.outputs] == ["predict", "predict_proba"]


def test_raw_tensors_are_answered_as_the_model_answers(client: Any, iris: Any) -> None:
    answer = client.infer("iris", one_tensor(ROWS), request_id="seven")
    assert answer.get_response().id == "seven"
    assert answer.get_response().model_version == "1"
    labels = [one.decode() for one in answer.as_numpy("predict")]
    assert labels == iris.predict(frame(iris)).tolist()
    chances = iris.predict_proba(frame(iris))
    assert np.abs(answer.as_numpy("predict_proba") - chances).max() <= 1e-12


def test_one_tensor_a_column_in_any_order(client: Any, iris: Any) -> None:
    tensors = []
    for name in reversed(COLUMNS):
        tensor = triton.InferInput(name, [len(ROWS)], "FP64")
        tensor.set_data_from_numpy(np.ascontiguousarray(ROWS[:, COLUMNS.index(name)]))
        tensors.append(tensor)
    outputs = [triton.InferRequestedOutput("predict")]
    answer = client.infer("iris", tensors, outputs=outputs)
    assert [one.decode() for one in answer.as_numpy("predict")] == iris.predict(
        frame(iris)
    ).tolist()
    assert answer.as_numpy("predict_proba") is None


def test_typed_contents_are_answered_by_typed_contents(address: str, iris: Any) -> None:
    request = pb.ModelInferRequest(model_name="iris")
    tensor = request.inputs.add(name="rows", datatype="FP64", shape=list(ROWS.shape))
    tensor.contents.fp64_contents.extend(ROWS.ravel().tolist())
    with triton.grpc.insecure_channel(address) as channel:
        answer = service_pb2_grpc.GRPCInferenceServiceStub(channel).ModelInfer(request, timeout=10)
    assert not answer.raw_output_contents
    found = {one.name: one for one in answer.outputs}
    labels = [one.decode() for one in found["predict"].contents.bytes_contents]
    assert labels == iris.predict(frame(iris)).tolist()
    chances = np.array(found["predict_proba"].contents.fp64_contents).reshape(len(ROWS), -1)
    assert np.abs(chances - iris.predict_proba(frame(iris))).max() <= 1e-12


def test_rest_and_grpc_answer_the_same_bits(client: Any, replica: Replica) -> None:
    answer = client.infer("iris", one_tensor(ROWS))
    said = {"inputs": [
        {"name": "rows", "shape": [3, 4], "datatype": "FP64", "data": ROWS.tolist()}
    ]}  # fmt: skip
    status, told = replica.ask("POST", "/v2/models/iris/infer", said)
    assert status == 200
    found = {one["name"]: one["data"] for one in told["outputs"]}
    assert found["predict_proba"] == answer.as_numpy("predict_proba").ravel().tolist()


@pytest.mark.parametrize("model", ["iris", "diabetes", "students"])
def test_the_configuration_is_that_of_rest(client: Any, replica: Replica, model: str) -> None:
    """perf_analyzer asks for it before its first request, over gRPC as well."""
    for version in ("", "1"):
        told = client.get_model_config(model, version, as_json=True)["config"]
        status, config = replica.ask("GET", f"/v2/models/{model}/config")
        assert status == 200
        # JSON has 64 bits as texts.
        assert told.pop("version_policy") == {"specific": {"versions": ["1"]}}
        assert config.pop("version_policy") == {"specific": {"versions": [1]}}
        for tensor in (*config["input"], *config["output"]):
            tensor["dims"] = [str(size) for size in tensor["dims"]]
        assert told == config
    with pytest.raises(InferenceServerException, match="There is no model 'nobody'"):
        client.get_model_config("nobody")


@pytest.mark.parametrize(
    ("model", "version", "tensors", "code"),
    [
        ("nobody", "", one_tensor(ROWS), "NOT_FOUND"),
        ("iris", "7", one_tensor(ROWS), "NOT_FOUND"),
        ("iris", "x", one_tensor(ROWS), "NOT_FOUND"),
        ("iris", "", one_tensor(ROWS[:, :3]), "INVALID_ARGUMENT"),
        ("iris", "", one_tensor(np.full((1, 4), np.nan)), "INVALID_ARGUMENT"),
    ],
)
def test_refusals_have_their_status(
    client: Any, model: str, version: str, tensors: list[Any], code: str
) -> None:
    with pytest.raises(InferenceServerException) as refused:
        client.infer(model, tensors, model_version=version)
    assert refused.value.status() == f"StatusCode.{code}"
    assert refused.value.message()


def test_where_keys_are_needed_a_call_needs_one(store: Path, tmp_path: Path) -> None:
    (tmp_path / "keys").write_text(f"me:{sha256(b'secret').hexdigest()}\n")
    flags = ("--grpc-port", "0", "--api-keys-file", str(tmp_path / "keys"))
    with running(store, tmp_path, *flags) as started:
        (said,) = [event for event in started.events() if event["event"] == "listening_grpc"]
        with triton.InferenceServerClient(f"127.0.0.1:{said['port']}") as client:
            assert client.is_server_live()
            with pytest.raises(InferenceServerException, match="Send a key") as refused:
                client.infer("iris", one_tensor(ROWS))
            assert refused.value.status() == "StatusCode.UNAUTHENTICATED"
            with pytest.raises(InferenceServerException, match="Send a key"):
                client.get_model_metadata("iris")
            with pytest.raises(InferenceServerException, match="Send a key"):
                client.get_model_config("iris")
            key = {"x-api-key": "secret"}
            assert client.get_model_metadata("iris", headers=key).name == "iris"
            with pytest.raises(InferenceServerException) as refused:
                client.unload_model("iris", headers=key)
            assert refused.value.status() == "StatusCode.UNIMPLEMENTED"
            answer = client.infer("iris", one_tensor(ROWS), headers=key)
            assert answer.as_numpy("predict").shape == (3,)


def test_a_message_that_is_none_is_refused(address: str) -> None:
    with triton.grpc.insecure_channel(address) as channel:
        call = channel.unary_unary("/inference.GRPCInferenceService/ModelInfer")
        with pytest.raises(triton.grpc.RpcError) as refused:
            call(b"\xff\xff\xff", timeout=10)
    assert refused.value.code() is triton.grpc.StatusCode.INVALID_ARGUMENT


def test_a_deadline_that_is_over_is_told(client: Any) -> None:
    with pytest.raises(InferenceServerException) as refused:
        client.infer("iris", one_tensor(np.tile(ROWS, (20_000, 1))), client_timeout=0.001)
    assert refused.value.status() == "StatusCode.DEADLINE_EXCEEDED"


def test_statistics_count_rows_and_requests(client: Any) -> None:
    def counted() -> tuple[int, int]:
        (told,) = client.get_inference_statistics("diabetes").model_stats
        return told.inference_count, told.inference_stats.success.count

    rows, requests = counted()
    for _ in range(3):
        client.infer("diabetes", one_tensor(np.zeros((5, 10))))
    assert counted() == (rows + 15, requests + 3)


def test_statistics_tell_of_batches_and_of_failures(client: Any, replica: Replica) -> None:
    def told() -> Any:
        (one,) = client.get_inference_statistics("diabetes").model_stats
        return one

    def of_seven(one: Any) -> tuple[int, int]:
        times = {batch.batch_size: batch.compute_infer for batch in one.batch_stats}
        return (times[7].count, times[7].ns) if 7 in times else (0, 0)

    before = told()
    for _ in range(4):
        client.infer("diabetes", one_tensor(np.zeros((7, 10))))
    with pytest.raises(InferenceServerException):
        client.infer("diabetes", one_tensor(np.zeros((7, 9))))
    after = told()
    assert of_seven(after)[0] - of_seven(before)[0] == 4
    assert of_seven(after)[1] > of_seven(before)[1]
    assert sum(one.compute_infer.count for one in after.batch_stats) == after.execution_count
    fail = [one.inference_stats.fail for one in (before, after)]
    assert fail[1].count - fail[0].count == 1
    assert fail[1].ns > fail[0].ns
    status, rest = replica.ask("GET", "/v2/models/diabetes/stats")
    assert status == 200
    sizes = {
        one["batch_size"]: one["compute_infer"] for one in rest["model_stats"][0]["batch_stats"]
    }
    assert sizes[7]["count"] == of_seven(after)[0]


def test_a_model_is_unloaded_and_loaded_by_the_token(client: Any) -> None:
    def state() -> str:
        told = {one.name: one.state for one in client.get_model_repository_index().models}
        return str(told["diabetes"])

    for headers in ({}, {"authorization": "Bearer nonsense"}):
        for change in (client.load_model, client.unload_model):
            with pytest.raises(InferenceServerException, match="admin token") as refused:
                change("diabetes", headers=headers)
            assert refused.value.status() == "StatusCode.UNAUTHENTICATED"
    assert state() == "READY"
    client.unload_model("diabetes", headers=ADMIN)
    assert state() == "UNAVAILABLE"
    with pytest.raises(InferenceServerException):
        client.infer("diabetes", one_tensor(np.zeros((1, 10))))
    client.load_model("diabetes", headers=ADMIN)
    assert state() == "READY"
    assert client.infer("diabetes", one_tensor(np.zeros((1, 10)))) is not None


def test_what_cannot_be_loaded_is_told(client: Any) -> None:
    for change in (client.load_model, client.unload_model):
        with pytest.raises(InferenceServerException, match="no model 'nobody'") as refused:
            change("nobody", headers=ADMIN)
        assert refused.value.status() == "StatusCode.NOT_FOUND"
    with pytest.raises(InferenceServerException, match="no parameters") as refused:
        client.load_model("diabetes", headers=ADMIN, config='{"backend": "other"}')
    assert refused.value.status() == "StatusCode.INVALID_ARGUMENT"


def test_a_row_that_training_did_not_know_is_told_of(client: Any, store: Path) -> None:
    manifest = json.loads((store / "students" / "1" / "manifest.json").read_text())
    columns, row = manifest["input"]["columns"], manifest["golden"]["instances"][0]
    tensors = []
    for column, known in zip(columns, row, strict=True):
        value = "elsewhere" if column["name"] == "school" else known
        kind = {"string": "BYTES", "float64": "FP64", "bool": "BOOL"}.get(column["dtype"], "INT64")
        dtype = {"BYTES": object, "FP64": np.float64, "BOOL": bool, "INT64": np.int64}[kind]
        tensor = triton.InferInput(column["name"], [1], kind)
        tensor.set_data_from_numpy(np.array([value], dtype=dtype))
        tensors.append(tensor)
    told = client.infer("students", tensors).get_response().parameters
    (warning,) = json.loads(told["warnings"].string_param)
    assert (warning["row"], warning["column"]) == (0, "school")
    assert warning["kind"] == "unknown_category"


def test_the_index_knows_every_version(client: Any) -> None:
    told = client.get_model_repository_index()
    assert {(one.name, one.version, one.state) for one in told.models} == {
        ("iris", "1", "READY"),
        ("diabetes", "1", "READY"),
        ("students", "1", "READY"),
    }


def test_many_at_once_by_the_aio_client(address: str, iris: Any) -> None:
    async def ask() -> list[list[str]]:
        async with triton_aio.InferenceServerClient(address) as opened:
            calls = [opened.infer("iris", one_tensor(ROWS)) for _ in range(200)]
            answers = await asyncio.gather(*calls)
        return [[one.decode() for one in got.as_numpy("predict")] for got in answers]

    wanted = iris.predict(frame(iris)).tolist()
    assert asyncio.run(ask()) == [wanted] * 200


def test_a_call_that_is_cancelled_leaves_nothing_behind(address: str, replica: Replica) -> None:
    request = pb.ModelInferRequest(model_name="iris")
    tensor = request.inputs.add(name="rows", datatype="FP64", shape=[20_000, 4])
    tensor.contents.fp64_contents.extend([5.0] * 80_000)
    with triton.grpc.insecure_channel(address) as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        for _ in range(20):
            stub.ModelInfer.future(request, timeout=10).cancel()
        assert stub.ServerLive(pb.ServerLiveRequest(), timeout=10).live
    assert replica.predict("iris", ROWS.tolist())[0] == 200
    errors = [event for event in replica.events() if event.get("level") == "error"]
    assert not errors, json.dumps(errors)
