"""API keys: who has none gets nowhere, by whichever path."""

import json
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.integration.refusals import refused
from tests.integration.rows import Reference, draw
from tests.integration.server import FEW, ROOT, START_S, STOP_S, Service, serving
from tests.integration.wire import Connection, Reply, get, post, request
from tests.processes.replica import launch

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

KEY, OTHER, TOKEN = "correct-horse", "battery-staple", "open-sesame"
ROW = [5.1, 3.5, 1.4, 0.2]
TENSOR = {"inputs": [{"name": "input", "shape": [1, 4], "datatype": "FP64", "data": ROW}]}
V1 = "/v1/models/iris:predict"
V2 = "/v2/models/iris/infer"
CLOSED = [
    ("POST", V1, {"instances": [ROW]}),
    ("POST", "/v1/models/iris/versions/1:predict", {"instances": [ROW]}),
    ("POST", "/v1/models/iris/labels/production:predict", {"instances": [ROW]}),
    ("POST", "/v1/models/iris/versions/999:predict", {"instances": [ROW]}),
    ("POST", "/v1/models/nobody:predict", {"instances": [ROW]}),
    ("GET", V1, None),
    ("GET", "/v1/models", None),
    ("GET", "/v1/models/iris", None),
    ("POST", "/invocations", {"instances": [ROW]}),
    ("GET", "/", None),
    ("GET", "/nowhere", None),
    ("GET", "/healthy", None),
    ("GET", "/docsx", None),
    ("GET", "//health/ready", None),
]
CLOSED_V2 = [
    ("POST", V2, TENSOR),
    ("POST", "/v2/models/iris/versions/1/infer", TENSOR),
    ("POST", "/v2/models/nobody/infer", TENSOR),
    ("GET", "/v2", None),
    ("GET", "/v2/models/iris", None),
    ("GET", "/v2/models/iris/ready", None),
    ("GET", "/v2/models/stats", None),
    ("POST", "/v2/repository/index", {}),
]
OPEN = [
    "/health/live", "/health/ready", "/ping", "/metrics", "/docs", "/docs/icon.svg",
    "/docs/swagger-ui.css", "/openapi.json", "/v2/health/live", "/v2/health/ready",
]  # fmt: skip


def line(name: str, key: str) -> str:
    return f"{name}:{sha256(key.encode()).hexdigest()}\n"


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def ask(
    service: Service, method: str, path: str, body: Any, headers: dict[str, str] | None = None
) -> Reply:
    data = None if body is None else json.dumps(body).encode()
    with Connection(service.address) as connection:
        return connection.ask(method, path, data, headers)


def wait_for(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + START_S
    while not holds():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def guarded(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Run a service that wants keys."""
    folder = tmp_path_factory.mktemp("guarded")
    (folder / "keys").write_text(f"# who may ask\n{line('team-a', KEY)}{line('b', OTHER)}")
    flags = [
        FEW, f"--api-keys-file={folder / 'keys'}", f"--admin-token={TOKEN}",
        "--default-model=iris",
    ]  # fmt: skip
    with serving(trained, folder, *flags) as running:
        yield running


@pytest.mark.parametrize("headers", [{}, bearer("wrong"), bearer(TOKEN), {"X-Api-Key": "wrong"}])
@pytest.mark.parametrize(("method", "path", "body"), CLOSED, ids=[one[1] for one in CLOSED])
def test_closed(
    guarded: Service, method: str, path: str, body: Any, headers: dict[str, str]
) -> None:
    reply = ask(guarded, method, path, body, headers)
    refused(reply, 401, "unauthenticated")
    assert reply.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("headers", [{}, bearer("wrong")])
@pytest.mark.parametrize(("method", "path", "body"), CLOSED_V2, ids=[one[1] for one in CLOSED_V2])
def test_closed_in_the_form_of_v2(
    guarded: Service, method: str, path: str, body: Any, headers: dict[str, str]
) -> None:
    reply = ask(guarded, method, path, body, headers)
    assert reply.status == 401
    assert list(reply.json()) == ["error"]
    assert reply.headers["www-authenticate"] == "Bearer"
    assert reply.headers["x-request-id"]


@pytest.mark.parametrize("path", OPEN)
def test_open(guarded: Service, path: str) -> None:
    assert get(guarded.address, path).status == 200


@pytest.mark.parametrize(
    "headers", [bearer(KEY), bearer(OTHER), {"X-Api-Key": KEY}, {"authorization": f"bearer {KEY}"}]
)
def test_a_key_opens(guarded: Service, reference: Reference, headers: dict[str, str]) -> None:
    rows = draw(guarded.manifest("iris"), 5, seed=81)
    expected = reference("iris", rows)["predictions"]
    body = {"instances": rows}
    assert ask(guarded, "POST", V1, body, headers).json()["predictions"] == expected
    assert ask(guarded, "POST", "/invocations", body, headers).json() == {"predictions": expected}
    assert ask(guarded, "GET", "/v1/models", None, headers).status == 200
    missing = ask(guarded, "POST", "/v1/models/nobody:predict", body, headers)
    refused(missing, 404, "model_not_found")


def test_a_key_opens_v2(guarded: Service) -> None:
    assert ask(guarded, "POST", V2, TENSOR, bearer(KEY)).status == 200
    assert ask(guarded, "GET", "/v2/models/iris", None, bearer(KEY)).status == 200


def test_the_body_of_a_request_without_a_key_is_not_waited_for(guarded: Service) -> None:
    head = request("POST", V1, None, {"Content-Length": "1000000"})
    with Connection(guarded.address) as connection:
        connection.send(head)
        refused(connection.reply(), 401, "unauthenticated")


def test_a_connection_is_not_a_key(guarded: Service) -> None:
    body = json.dumps({"instances": [ROW]}).encode()
    with Connection(guarded.address) as connection:
        assert connection.ask("POST", V1, body, bearer(KEY)).status == 200
        assert connection.ask("POST", V1, body).status == 401
        assert connection.ask("POST", V1, body, bearer(KEY)).status == 200


def test_the_admin_token_stays_apart(guarded: Service) -> None:
    for path in ("/admin/reload", "/v2/repository/models/iris/load"):
        for key in (KEY, "wrong"):
            assert ask(guarded, "POST", path, {}, bearer(key)).status == 401
        told = ask(guarded, "POST", path, {})
        assert told.status == 401
        assert told.json()["error"] == "Send the admin token, as Authorization: Bearer TOKEN."
        assert told.headers["www-authenticate"] == "Bearer"
        assert ask(guarded, "POST", path, {}, bearer(TOKEN)).status in {200, 202}


def test_keys_come_and_go_while_it_runs(
    trained: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("rotation")
    file = folder / "keys"
    file.write_text(line("a", KEY))

    def opens(service: Service, key: str) -> bool:
        return ask(service, "GET", "/v1/models", None, bearer(key)).status == 200

    def said(service: Service, word: str) -> int:
        return sum(event["event"] == word for event in service.events())

    with serving(trained, folder, FEW, f"--api-keys-file={file}") as service:
        assert opens(service, KEY)
        assert not opens(service, OTHER)
        file.write_text(line("a", KEY) + line("a", OTHER))
        wait_for(lambda: opens(service, OTHER))
        assert opens(service, KEY)
        (folder / "next").write_text(line("a", OTHER))
        (folder / "next").replace(file)
        wait_for(lambda: not opens(service, KEY))
        assert opens(service, OTHER)
        file.write_text("nonsense")
        wait_for(lambda: said(service, "api_keys_kept") == 1)
        assert opens(service, OTHER)
        loads = said(service, "api_keys")
        file.write_text(line("a", KEY))
        service.process.send_signal(signal.SIGHUP)
        wait_for(lambda: said(service, "api_keys") > loads)
        assert opens(service, KEY)
        assert not opens(service, OTHER)
        log = service.log.read_text()
    assert KEY not in log
    assert sha256(KEY.encode()).hexdigest() not in log


@pytest.mark.parametrize("text", [None, "nonsense"])
def test_it_does_not_start_without_the_keys_it_shall_want(
    trained: Path, tmp_path: Path, text: str | None
) -> None:
    if text is not None:
        (tmp_path / "keys").write_text(text)
    log = tmp_path / "log"
    process = launch(trained, log, f"--api-keys-file={tmp_path / 'keys'}")
    assert process.wait(STOP_S) == 1
    assert [json.loads(one)["event"] for one in log.read_text().splitlines()] == [
        "cannot_read_api_keys"
    ]


def warned(trained: Path, folder: Path, *flags: str) -> bool:
    """Return whether a service warns of being open, which it does before it listens."""
    log = folder / "log"
    process = launch(trained, log, *flags)
    try:
        wait_for(lambda: '"listening"' in log.read_text())
        return '"open_to_all"' in log.read_text()
    finally:
        process.kill()
        process.wait(STOP_S)


def test_being_open_to_all_is_told(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "keys").write_text(line("a", KEY))
    assert warned(trained, tmp_path, "--host=0.0.0.0")
    assert not warned(trained, tmp_path, "--host=127.0.0.2")
    assert not warned(trained, tmp_path, "--host=0.0.0.0", f"--api-keys-file={tmp_path / 'keys'}")


def test_the_command_of_the_help_makes_a_key_that_opens(
    trained: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("made")
    page = (ROOT / "docs" / "cli.md").read_text()
    command = page[page.index("python -c 'import hashlib") :]
    words = [sys.executable, *shlex.split(command.partition("\n")[0])[1:]]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=30)
    key, said = done.stdout.split()
    (folder / "keys").write_text(said.replace("NAME", "me") + "\n")
    with serving(trained, folder, FEW, f"--api-keys-file={folder / 'keys'}") as service:
        assert post(service.address, V1, {"instances": [ROW]}, bearer(key)).status == 200
