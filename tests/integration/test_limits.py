"""A service with small limits, several versions of a model, and one that is slow."""

import base64
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.integration.pictures import hand_made, png
from tests.integration.refusals import refused
from tests.integration.rows import draw
from tests.integration.scrape import scrape
from tests.integration.server import Service
from tests.integration.wire import JSON, Connection, Reply, chunked, get, post, request

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

PATH = "/v1/models/iris:predict"
SETOSA = b'{"instance":[5.1,3.5,1.4,0.2]}'
MOST_BYTES = 100_000
MOST_ROWS = 50


@pytest.fixture(autouse=True)
def same_worker(strict: Service) -> Iterator[None]:
    before = strict.workers()
    assert len(before) == 1
    yield
    assert strict.workers() == before


def answers(strict: Service) -> bool:
    return post(strict.address, PATH, SETOSA).status == 200


def padded(size: int) -> bytes:
    return SETOSA + b" " * (size - len(SETOSA))


@pytest.mark.parametrize("path", [PATH, "/v1/models/digits:predict"])
def test_a_length_over_the_limit_is_refused_before_the_body_comes(
    strict: Service, path: str
) -> None:
    with Connection(strict.address) as connection:
        headers = JSON | {"Content-Length": str(MOST_BYTES + 1)}
        connection.send(request("POST", path, None, headers))
        refused(connection.reply(), 413, "too_large")
    assert answers(strict)


@pytest.mark.parametrize("size", [MOST_BYTES + 1, 2 * MOST_BYTES, 20_000_000])
def test_a_client_that_sends_all_before_it_reads_still_gets_its_413(
    strict: Service, size: int
) -> None:
    refused(post(strict.address, PATH, padded(size)), 413, "too_large")
    assert answers(strict)


def test_a_body_of_just_the_limit(strict: Service) -> None:
    assert post(strict.address, PATH, padded(MOST_BYTES)).status == 200


@pytest.mark.parametrize("size", [MOST_BYTES + 1, 5_000_000])
def test_chunks_over_the_limit(strict: Service, size: int) -> None:
    head = request("POST", PATH, None, JSON | {"Transfer-Encoding": "chunked"})
    with Connection(strict.address) as connection:
        connection.send(head + chunked(padded(size), 8000))
        refused(connection.reply(), 413, "too_large")
    assert answers(strict)


def test_chunks_of_just_the_limit(strict: Service) -> None:
    head = request("POST", PATH, None, JSON | {"Transfer-Encoding": "chunked"})
    with Connection(strict.address) as connection:
        connection.send(head + chunked(padded(MOST_BYTES), 8000))
        assert connection.reply().status == 200


@pytest.mark.parametrize("padding", [0, 1 << 15], ids=["small", "large"])
def test_rows(strict: Service, padding: int) -> None:
    for count, status in [(MOST_ROWS, 200), (MOST_ROWS + 1, 413)]:
        row, column = [5.1, 3.5, 1.4, 0.2], [1.0] * count
        names = ("sepal_length", "sepal_width", "petal_length", "petal_width")
        for body in ({"instances": [row] * count}, {"inputs": dict.fromkeys(names, column)}):
            reply = post(strict.address, PATH, b" " * padding + json.dumps(body).encode())
            assert reply.status == status
            if status == 413:
                refused(reply, 413, "too_large")


def test_too_many_pictures(strict: Service) -> None:
    one = {"b64": base64.b64encode(png()).decode()}
    path = "/v1/models/digits:predict"
    assert post(strict.address, path, {"instances": [one] * MOST_ROWS}).status == 200
    reply = post(strict.address, path, {"instances": [one] * (MOST_ROWS + 1)})
    refused(reply, 413, "too_large")


def test_pixels(strict: Service) -> None:
    path, kind = "/v1/models/digits:predict", {"Content-Type": "image/png"}
    assert post(strict.address, path, hand_made(100, 100), kind).status == 200
    told = refused(post(strict.address, path, hand_made(101, 100), kind), 413, "too_large")
    assert "101 x 100" in told["error"]


def test_versions_answer_for_themselves(strict: Service) -> None:
    rows = draw(strict.manifest("iris", 2), 3, seed=1)
    for place in ("versions/2", "labels/shadow"):
        answer = post(
            strict.address, f"/v1/models/iris/{place}:predict", {"instances": rows}
        ).json()
        assert (answer["model"], answer["version"]) == ("iris", 2)
        assert set(answer["predictions"]) <= {"benign", "malignant"}
    refused(post(strict.address, PATH, {"instances": rows}), 422, "schema_mismatch")
    assert post(strict.address, PATH, SETOSA).json()["version"] == 1


def test_a_version_that_is_not_served(strict: Service) -> None:
    reply = post(strict.address, "/v1/models/iris/versions/3:predict", SETOSA)
    refused(reply, 404, "version_not_served")
    reply = post(strict.address, "/v1/models/iris/versions/4:predict", SETOSA)
    refused(reply, 404, "version_not_found")


def test_the_listing_tells_versions_and_aliases(strict: Service) -> None:
    told = get(strict.address, "/v1/models/iris").json()
    assert told["versions"] == [1, 2, 3]
    assert told["aliases"] == {"production": 1, "shadow": 2}
    assert told["states"] == {"1": "served", "2": "served"}


def test_an_encoded_label_means_the_same(strict: Service) -> None:
    rows = {"instances": draw(strict.manifest("iris", 2), 1, seed=1)}
    assert post(strict.address, "/v1/models/iris/labels/sh%61dow:predict", rows).status == 200


def sleep(strict: Service, seconds: float, timeout_ms: int | None = None) -> Reply:
    headers = {} if timeout_ms is None else {"X-Request-Timeout-Ms": str(timeout_ms)}
    body = {"instance": [seconds, 1.0]}
    return post(strict.address, "/v1/models/slow:predict", body, headers)


def batches(strict: Service) -> float:
    return scrape(strict.address)["percore_batch_requests_count", "slow"]


def test_a_request_whose_time_is_over(strict: Service) -> None:
    refused(sleep(strict, 0.4, timeout_ms=100), 504, "deadline_exceeded")
    reply = sleep(strict, 0.0)
    assert reply.json() == {"model": "slow", "version": 1, "prediction": 0.0}


def test_a_request_of_one_millisecond(strict: Service) -> None:
    refused(sleep(strict, 0.1, timeout_ms=1), 504, "deadline_exceeded")
    assert sleep(strict, 0.0).status == 200


def test_a_slow_request_with_time_enough(strict: Service) -> None:
    assert sleep(strict, 0.2, timeout_ms=20_000).json()["prediction"] == 0.2


def test_requests_whose_time_passes_while_they_wait_are_never_started(strict: Service) -> None:
    before = batches(strict)
    with ThreadPoolExecutor(9) as threads:
        first = threads.submit(sleep, strict, 1.2)
        while batches(strict) == before:
            time.sleep(0.01)
        late = list(threads.map(lambda _: sleep(strict, 5.0, timeout_ms=50), range(8)))
        assert first.result().json()["prediction"] == 1.2
    for reply in late:
        if reply.status == 503:  # it was known when it came that it could not be served in time
            refused(reply, 503, "overloaded")
        else:
            refused(reply, 504, "deadline_exceeded")
    assert sleep(strict, 0.0).status == 200
    assert batches(strict) == before + 2


def test_requests_whose_clients_have_gone_are_never_started(strict: Service) -> None:
    before = batches(strict)
    body = json.dumps({"instance": [0.3, 1.0]}).encode()
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(sleep, strict, 0.7)
        while batches(strict) == before:
            time.sleep(0.01)
        for _ in range(5):
            with Connection(strict.address) as connection:
                connection.send(request("POST", "/v1/models/slow:predict", body, JSON))
        assert first.result().status == 200
    assert sleep(strict, 0.0).status == 200
    assert batches(strict) == before + 2


def test_other_models_are_answered_while_one_sleeps_in_the_queue(strict: Service) -> None:
    with ThreadPoolExecutor(20) as threads:
        slow = [threads.submit(sleep, strict, 0.1) for _ in range(3)]
        quick: list[Any] = [threads.submit(post, strict.address, PATH, SETOSA) for _ in range(10)]
        assert [one.result().json()["prediction"] for one in slow] == [0.1] * 3
        assert [one.result().json()["prediction"] for one in quick] == ["setosa"] * 10
