"""Pages of other origins: what a browser asks before, and must see in the answer."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.server import FEW, Service, serving
from tests.integration.touchy import KILLING, SICK, register_all
from tests.integration.wire import Connection, Reply, get, post

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

PAGE = "https://app.example.com"
V1 = "/v1/models/iris:predict"
BODY = {"instance": [5.1, 3.5, 1.4, 0.2]}
PATHS = [V1, "/v2/models/iris/infer", "/invocations", "/v1/models", "/health/ready", "/nowhere"]
ALLOWED = "access-control-allow-origin"


@pytest.fixture(scope="module")
def pages(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Run a service that one page may ask, with a key."""
    folder = tmp_path_factory.mktemp("cors")
    (folder / "keys").write_text("")
    flags = [f"--cors-origins={PAGE},http://localhost:3000", FEW]
    with serving(trained, folder, *flags, f"--api-keys-file={folder / 'keys'}") as running:
        yield running


@pytest.fixture(scope="module")
def everybody(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("everybody")
    with serving(trained, folder, "--cors-origins=*", FEW) as running:
        yield running


@pytest.fixture(scope="module")
def touchy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Run a service whose models fail on some rows, and kill on others."""
    folder = tmp_path_factory.mktemp("touchy")
    flags = [f"--cors-origins={PAGE}", FEW, "--max-body-bytes=2000", "--default-model=people"]
    with serving(register_all(folder), folder, *flags) as running:
        yield running


def preflight(service: Service, path: str, origin: str, headers: str = "content-type") -> Reply:
    with Connection(service.address) as connection:
        asked = {
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": headers,
        }
        return connection.ask("OPTIONS", path, None, asked)


@pytest.mark.parametrize("path", PATHS)
def test_preflights_are_answered_without_a_key(pages: Service, path: str) -> None:
    reply = preflight(pages, path, PAGE, "authorization,content-type,x-request-timeout-ms")
    assert reply.status == 200
    assert reply.headers[ALLOWED] == PAGE
    assert "POST" in reply.headers["access-control-allow-methods"]
    assert "authorization" in reply.headers["access-control-allow-headers"].lower()


@pytest.mark.parametrize("origin", ["https://evil.example.com", f"{PAGE}.evil.com", "null"])
def test_preflights_of_other_pages(pages: Service, origin: str) -> None:
    reply = preflight(pages, V1, origin)
    assert reply.status == 400
    assert ALLOWED not in reply.headers


@pytest.mark.parametrize("path", PATHS)
def test_a_refusal_can_be_read_by_the_page(pages: Service, path: str) -> None:
    reply = post(pages.address, path, BODY, {"Origin": PAGE})
    assert reply.status in {401, 405}
    assert reply.headers[ALLOWED] == PAGE
    assert "origin" in reply.headers["vary"].lower()
    assert ALLOWED not in post(pages.address, path, BODY, {"Origin": "https://e.com"}).headers
    assert ALLOWED not in post(pages.address, path, BODY).headers


PEOPLE = "/v1/models/people:predict"
JSON = "application/json"
REFUSED = {
    "no JSON": (PEOPLE, b"{", JSON, 400),
    "no such model": ("/v1/models/nobody:predict", b"{}", JSON, 404),
    "too large": (PEOPLE, b"[" * 2001, JSON, 413),
    "no such media type": (PEOPLE, b"{}", "text/html", 415),
    "an unfit row": (PEOPLE, b'{"instances": [["x", "Bonn"]]}', JSON, 422),
    "a stream that does not fit": (PEOPLE, b"age,town\nx,Bonn\n", "text/csv", 422),
    "the model fails": (PEOPLE, f'{{"instances": [[{SICK}, "Bonn"]]}}'.encode(), JSON, 500),
    "of V2": (
        "/v2/models/people/infer",
        json.dumps(
            {
                "inputs": [
                    {"name": "age", "shape": [1], "datatype": "INT64", "data": [SICK]},
                    {"name": "town", "shape": [1], "datatype": "BYTES", "data": ["Bonn"]},
                ]
            }
        ).encode(),
        JSON,
        500,
    ),
    "at a platform's path": (
        "/invocations", f'{{"instances": [[{SICK}, "Bonn"]]}}'.encode(), JSON, 500
    ),
    "workers end": (
        "/v1/models/logarithm:predict", f'{{"instances": [[{KILLING}, 1]]}}'.encode(), JSON, 500
    ),
}  # fmt: skip


@pytest.mark.parametrize(("path", "body", "media", "status"), REFUSED.values(), ids=REFUSED)
def test_every_error_can_be_read_by_the_page(
    touchy: Service, path: str, body: bytes, media: str, status: int
) -> None:
    with Connection(touchy.address) as connection:
        reply = connection.ask("POST", path, body, {"Origin": PAGE, "Content-Type": media})
    assert reply.status == status
    assert reply.json()["error"]
    assert reply.headers[ALLOWED] == PAGE
    assert "Retry-After" in reply.headers["access-control-expose-headers"]


@pytest.mark.parametrize("path", [V1, "/v1/models/iris/labels/production:predict"])
def test_an_answer_can_be_read_by_every_page(everybody: Service, path: str) -> None:
    reply = post(everybody.address, path, BODY, {"Origin": PAGE})
    assert reply.json()["prediction"] == "setosa"
    assert reply.headers[ALLOWED] == "*"
    assert "X-Request-Id" in reply.headers["access-control-expose-headers"]
    assert get(everybody.address, "/v1/models", {"Origin": PAGE}).headers[ALLOWED] == "*"
    assert preflight(everybody, path, PAGE).status == 200


def test_it_is_off_unless_asked_for(service: Service) -> None:
    assert preflight(service, V1, PAGE).status == 405
    reply = post(service.address, V1, BODY, {"Origin": PAGE})
    assert reply.status == 200
    assert ALLOWED not in reply.headers
