"""Compressed requests, whichever protocol they speak and whoever reads them."""

import gzip
import json
import zlib

import pytest

from tests.integration.refusals import refused
from tests.integration.rows import draw
from tests.integration.server import Service
from tests.integration.wire import JSON, Connection, chunked, post, request

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

PATH = "/v1/models/iris:predict"
GZIP = {"Content-Encoding": "gzip"}


@pytest.mark.parametrize("count", [1, 20_000])
@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_compressed_rows_have_the_same_answer(service: Service, count: int, coding: str) -> None:
    body = json.dumps({"instances": draw(service.manifest("iris"), count, seed=17)}).encode()
    packed = gzip.compress(body) if coding == "gzip" else zlib.compress(body)
    assert len(packed) < len(body) or count == 1
    plain = post(service.address, PATH, body)
    assert plain.status == 200
    reply = post(service.address, PATH, packed, {"Content-Encoding": coding})
    assert (reply.status, reply.body) == (200, plain.body)
    assert "content-encoding" not in reply.headers


@pytest.mark.parametrize(
    ("path", "kind", "body"),
    [
        (PATH, "text/csv", b"5.1,3.5,1.4,0.2\n"),
        (PATH + "?partial=true", "application/json", b'{"instances":[[5.1,3.5,1.4,0.2],[1]]}'),
        ("/v2/models/diabetes/infer", "application/json", json.dumps(
            {"inputs": [{"name": "rows", "shape": [1, 10], "datatype": "FP64", "data": [0] * 10}]}
        ).encode()),
    ],
)  # fmt: skip
def test_other_bodies(service: Service, path: str, kind: str, body: bytes) -> None:
    plain = post(service.address, path, body, {"Content-Type": kind})
    assert plain.status == 200
    reply = post(service.address, path, gzip.compress(body), {"Content-Type": kind} | GZIP)
    assert (reply.status, reply.body) == (200, plain.body)


def test_chunks(service: Service) -> None:
    packed = gzip.compress(b'{"instance":[5.1,3.5,1.4,0.2]}')
    headers = JSON | GZIP | {"Transfer-Encoding": "chunked"}
    with Connection(service.address) as connection:
        connection.send(request("POST", PATH, None, headers) + chunked(packed, 7))
        assert connection.reply().json()["prediction"] == "setosa"


def test_a_bomb_is_refused_and_harms_nobody(strict: Service) -> None:
    """The service takes bodies of 100,000 bytes: these become a hundred megabytes."""
    bomb = gzip.compress(b"\0" * 10**8)
    assert len(bomb) < 100_000
    refused(post(strict.address, PATH, bomb, GZIP), 413, "too_large")
    assert post(strict.address, PATH, b'{"instance":[5.1,3.5,1.4,0.2]}').status == 200


@pytest.mark.parametrize(
    "body", [b"{}", gzip.compress(b"{}", mtime=0)[:-1], gzip.compress(b"{}", mtime=0) + b"x"]
)
def test_what_is_damaged_is_refused(service: Service, body: bytes) -> None:
    refused(post(service.address, PATH, body, GZIP), 400, "unreadable")
