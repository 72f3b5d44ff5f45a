"""Paths, methods, headers and media types: the right refusal for each, in the one form."""

import re
from collections.abc import Mapping

import pytest

from service import __version__
from tests.integration.refusals import refused
from tests.integration.wire import JSON, Address, Connection, get, post, request

pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(180),
    pytest.mark.usefixtures("same_workers"),
]

PATH = "/v1/models/iris:predict"
SETOSA = b'{"instance":[5.1,3.5,1.4,0.2]}'
ROUTES = {
    "/v1/models": {"GET"},
    "/v1/models/iris": {"GET"},
    PATH: {"POST"},
    "/v1/models/iris/versions/1:predict": {"POST"},
    "/v1/models/iris/labels/production:predict": {"POST"},
    "/health/live": {"GET"},
    "/health/ready": {"GET"},
    "/metrics": {"GET"},
    "/docs": {"GET"},
    "/docs/swagger-ui.css": {"GET"},
    "/openapi.json": {"GET"},
}
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("method", METHODS)
def test_methods(address: Address, path: str, method: str) -> None:
    allowed = ROUTES[path]
    with Connection(address) as connection:
        reply = connection.ask(method, path, SETOSA if method == "POST" else None, JSON)
        if method in allowed:
            assert reply.status == 200
        elif method == "HEAD":
            assert reply.status in ({200, 405} if "GET" in allowed else {405})
        else:
            refused(reply, 405, "method_not_allowed")
            assert set(re.split(", *", reply.headers["allow"])) >= allowed
            if method != "HEAD":
                said = reply.json()["error"]
                assert said == f"Method Not Allowed: this path takes {reply.headers['allow']}."
        assert connection.ask("POST", PATH, SETOSA, JSON).status == 200


NAMES = {
    "unknown": "nobody",
    "capitals": "IRIS",
    "prefix": "iri",
    "suffix": "iris2",
    "dot": ".",
    "dots": "..",
    "parent": "../iris",
    "encoded parent": "%2e%2e%2firis",
    "twice encoded": "%252e%252e%252firis",
    "backslash": "..\\iris",
    "absolute": "/etc/passwd",
    "encoded absolute": "%2fetc%2fpasswd",
    "proc": "//proc/self/root",
    "fragment": "iris%23",
    "question mark": "iris%3f",
    "NUL": "iris%00",
    "NUL inside": "ir%00is",
    "line break": "iris%0d%0aSet-Cookie:%20a=b",
    "escape": "%1b[31miris",
    "device": "CON",
    "full width": "%EF%BD%89%EF%BD%92%EF%BD%89%EF%BD%93",
    "full width dots": "%EF%BC%8E%EF%BC%8E",
    "emoji": "%F0%9F%8C%B8",
    "broken UTF-8": "%ff%fe",
    "lone percent": "iris%",
    "aliases": "iris/aliases.json",
    "file": "iris/1/model.joblib",
    "format": "{0.__class__}",
    "template": "%7B%7B7*7%7D%7D",
    "space": "iris%20",
    "long": "a" * 5000,
    "very long": "a" * 20_000,
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_names_of_nobody(address: Address, name: str) -> None:
    refused(post(address, f"/v1/models/{name}:predict", SETOSA), 404)
    refused(post(address, f"/v1/models/{name}/versions/1:predict", SETOSA), 404)
    refused(get(address, f"/v1/models/{name}"), 404)


@pytest.mark.parametrize(
    "version",
    ["0", "2", "-1", "1.0", "1e0", "+1", "%201", "latest", "", "9" * 4000, "0x1", "1/", "None",
     "%D9%A1", "%EF%BC%91"],
)  # fmt: skip
def test_versions_that_there_are_not(address: Address, version: str) -> None:
    refused(post(address, f"/v1/models/iris/versions/{version}:predict", SETOSA), 404)


@pytest.mark.parametrize(
    "alias", ["previous", "1", "PRODUCTION", "", "production%00", "../x", "a" * 4000, "%ff"]
)
def test_aliases_that_there_are_not(address: Address, alias: str) -> None:
    refused(post(address, f"/v1/models/iris/labels/{alias}:predict", SETOSA), 404)


def test_codes_of_what_is_not_there(address: Address) -> None:
    place = "/v1/models/"
    refused(post(address, f"{place}nobody:predict", SETOSA), 404, "model_not_found")
    refused(post(address, f"{place}iris/versions/7:predict", SETOSA), 404, "version_not_found")
    refused(post(address, f"{place}iris/labels/x:predict", SETOSA), 404, "version_not_found")
    refused(post(address, "/nowhere", SETOSA), 404, "not_found")


def test_what_other_servers_clients_ask_first(address: Address) -> None:
    """KServe's looks for life at /, for a model's at /v1/models/NAME; MLflow's for /version."""
    assert get(address, "/").json()["status"] == "alive"
    assert get(address, "/v1/models/iris").json()["ready"] is True
    assert get(address, "/version").body.decode() == __version__


@pytest.mark.parametrize(
    "path",
    ["//", "/v1", "/v1/", "/v1/models/", "//v1/models", "/v1//models", "/v1/models//iris",
     "/v1/models/iris/", "/health", "/health/", "/health/live/", "/docs/", "/docs/nothing.js",
     "/docs/../openapi.json", "/docs/%2e%2e/secrets", "/redoc", "/static/x", "/.env",
     "/v1/models/iris/versions/1", "/v1/models/iris/versions", "/v1/models/iris:predict/",
     "/v1/models/iris:explain", "/metrics/", "/openapi.json/"],
)  # fmt: skip
def test_paths_that_there_are_not(address: Address, path: str) -> None:
    refused(get(address, path), 404)


@pytest.mark.parametrize(
    ("path", "same"),
    [
        ("/v1/models/%69ris:predict", PATH),
        ("/v1/models/iris%3Apredict", PATH),
        ("/v1/models/iris%3apredict", PATH),
        ("/%761/models/iris/versions/%31:predict", "/v1/models/iris/versions/1:predict"),
    ],
)
def test_percent_encoded_paths_mean_the_same(address: Address, path: str, same: str) -> None:
    coded, plain = post(address, path, SETOSA), post(address, same, SETOSA)
    assert (coded.status, coded.body) == (200, plain.body)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("what=1", "unknown_option"),
        ("probabilities=maybe", "unknown_option"),
        ("probabilities=", "unknown_option"),
        ("probabilities", "unknown_option"),
        ("partial=", "unknown_option"),
        ("probabilities=true&what=1", "unknown_option"),
        ("Probabilities=true", "unknown_option"),
        ("probabilitie=true", "unknown_option"),
        ("%00=1", "unknown_option"),
        ("=", "unknown_option"),
        ("%ff=%fe", "unknown_option"),
        ("k" * 5000 + "=1", "unknown_option"),
        ("&".join(f"k{i}=1" for i in range(2000)), "unknown_option"),
    ],
)
def test_unknown_options(address: Address, query: str, code: str) -> None:
    refused(post(address, f"{PATH}?{query}", SETOSA), 400, code)


@pytest.mark.parametrize("model", ["diabetes", "students"])
def test_probabilities_of_a_model_without_them(address: Address, model: str) -> None:
    reply = post(address, f"/v1/models/{model}:predict?probabilities=true", b"{}")
    refused(reply, 422, "no_probabilities")


@pytest.mark.parametrize(
    "text", ["", "0", "-1", "1.5", "soon", "1e3", " ", "00", "+5", "0x10", "1 2", "\xb2", "\u0663"]
)
def test_timeouts_that_are_none(address: Address, text: str) -> None:
    whole = request("POST", PATH, SETOSA, JSON)
    line = b"X-Request-Timeout-Ms: " + text.encode() + b"\r\n"
    with Connection(address) as connection:
        connection.send(whole.replace(b"Host:", line + b"Host:", 1))
        refused(connection.reply(), 400, "bad_header")


@pytest.mark.parametrize("text", ["10000", "00010000", "9" * 12, "9" * 3000])
def test_timeouts_that_are_long_enough(address: Address, text: str) -> None:
    assert post(address, PATH, SETOSA, {"X-Request-Timeout-Ms": text}).status == 200


@pytest.mark.parametrize(
    "kind",
    ["application/json", "APPLICATION/JSON", "application/json; charset=utf-8",
     " application/json ;x=y", "application/x-www-form-urlencoded"],
)  # fmt: skip
def test_media_types_that_are_json(address: Address, kind: str) -> None:
    assert post(address, PATH, SETOSA, {"Content-Type": kind}).status == 200


def test_no_media_type_is_json(address: Address) -> None:
    with Connection(address) as connection:
        assert connection.ask("POST", PATH, SETOSA).status == 200


@pytest.mark.parametrize(
    "kind",
    ["text/plain", "", ";", "json", "application/jsonp", "application/xml", "*/*", "image/png",
     "multipart/form-data; boundary=x", "application/octet-stream", "x" * 5000, "text/html\\",
     "application/json, text/plain", "application/problem+json"],
)  # fmt: skip
def test_media_types_that_iris_does_not_take(address: Address, kind: str) -> None:
    reply = post(address, PATH, SETOSA, {"Content-Type": kind})
    assert "application/json" in refused(reply, 415, "unsupported_media_type")["error"]


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, identity", "gzip, gzip", "x", ""])
def test_content_codings_that_are_not_taken(address: Address, coding: str) -> None:
    reply = post(address, PATH, SETOSA, {"Content-Encoding": coding})
    refused(reply, 415, "unsupported_media_type")


def test_the_content_coding_identity_is_none(address: Address) -> None:
    assert post(address, PATH, SETOSA, {"Content-Encoding": "identity"}).status == 200


EVERY_KIND: list[tuple[str, str, bytes, Mapping[str, str], int]] = [
    ("POST", PATH, SETOSA, {}, 200),
    ("POST", "/v1/models/iris/labels/production:predict", SETOSA, {}, 200),
    ("GET", "/v1/models", b"", {}, 200),
    ("GET", "/health/live", b"", {}, 200),
    ("GET", "/docs", b"", {}, 200),
    ("GET", "/openapi.json", b"", {}, 200),
    ("GET", "/metrics", b"", {}, 200),
    ("POST", PATH, b"no", {}, 400),
    ("POST", "/v1/models/nobody:predict", SETOSA, {}, 404),
    ("GET", "/v1/models/nobody", b"", {}, 404),
    ("GET", "/nowhere", b"", {}, 404),
    ("GET", "/docs/nothing", b"", {}, 404),
    ("DELETE", PATH, b"", {}, 405),
    ("PUT", "/v1/models", b"", {}, 405),
    ("POST", PATH, SETOSA, {"Content-Length": str(2**33)}, 413),
    ("POST", PATH, SETOSA, {"Content-Type": "text/plain"}, 415),
    ("POST", PATH, b"{}", {}, 422),
]


@pytest.mark.parametrize(("method", "path", "body", "headers", "status"), EVERY_KIND)
def test_request_ids(
    address: Address, method: str, path: str, body: bytes, headers: Mapping[str, str], status: int
) -> None:
    seen = set()
    for given in ("order-66.A_b", None, None, "a" * 64):
        asked = JSON | dict(headers) | ({"X-Request-Id": given} if given else {})
        with Connection(address) as connection:
            reply = connection.ask(method, path, body or None, asked)
        assert reply.status == status
        id_ = reply.headers["x-request-id"]
        assert given is None or id_ == given
        seen.add(id_)
        if status >= 400:
            assert reply.json()["request_id"] == id_
    assert len(seen) == 4


@pytest.mark.parametrize(
    "given",
    [b"", b"a" * 65, b"a" * 20_000, b"a b", b"a;b", b"a/b", b"\xc3\xa9",
     b"<script>", b"a\tb", b'"', b"${jndi:x}", b"\xff"],
)  # fmt: skip
@pytest.mark.parametrize("target", [f"POST {PATH}", "GET /v1/models", "GET /nowhere"])
def test_request_ids_that_are_no_harmless_word_are_replaced(
    address: Address, given: bytes, target: str
) -> None:
    method, path = target.split(" ")
    whole = request(method, path, SETOSA if method == "POST" else None, JSON)
    with Connection(address) as connection:
        connection.send(whole.replace(b"Host:", b"X-Request-Id: " + given + b"\r\nHost:", 1))
        reply = connection.reply()
    assert reply.status in {200, 404}
    assert re.fullmatch(r"[\w.-]{1,64}", reply.headers["x-request-id"], re.ASCII)
    assert reply.headers["x-request-id"].encode() != given
