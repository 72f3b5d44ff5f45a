"""The same service behind TLS: answers, limits, and the end."""

import http.client
import json
import signal
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.integration.rows import Reference, draw
from tests.integration.server import API_PROCESSES, FEW, STOP_S, Service
from tests.integration.wire import JSON, Connection, Reply, request
from tests.processes.replica import launch, wait_for

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

V1 = "/v1/models/iris:predict"
BODY = b'{"instance":[5.1,3.5,1.4,0.2]}'


class Certificate(NamedTuple):
    """Files, and what a client needs to trust them."""

    cert: Path
    key: Path
    trust: ssl.SSLContext


class Secure(Connection):
    """A connection behind TLS; bytes out, answers in."""

    def __init__(self, address: tuple[str, int], trust: ssl.SSLContext) -> None:
        super().__init__(address)
        self.socket = trust.wrap_socket(self.socket, server_hostname="localhost")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return issue(tmp_path_factory.mktemp("certificate"))


def issue(folder: Path) -> Certificate:
    cert, key = folder / "cert.pem", folder / "key.pem"
    command: list[str | Path] = [
        "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
        "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", cert,
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return Certificate(cert, key, ssl.create_default_context(cafile=str(cert)))


@pytest.fixture(scope="module")
def secure(
    trained: Path, certificate: Certificate, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """Run a service behind TLS; SIGTERM must end it in good order."""
    log = tmp_path_factory.mktemp("tls") / "log"
    flags = [f"--tls-cert={certificate.cert}", f"--tls-key={certificate.key}", FEW]
    process = launch(trained, log, *flags, "--max-header-bytes=4096", "--max-body-bytes=4000000",
                     "--drain-delay-s=0")  # fmt: skip
    try:
        wait_for(lambda: '"ready"' in log.read_text() or process.poll() is not None)
        service = Service(process, trained, log)
        (told,) = [event for event in service.events() if event["event"] == "listening"]
        assert told["docs"].startswith("https://")
        service.address = ("127.0.0.1", told["port"])
        yield service
        process.send_signal(signal.SIGTERM)
        assert process.wait(STOP_S) == 0
        assert not [event for event in service.events() if event["level"] == "error"]
    finally:
        process.kill()
        process.wait(STOP_S)


def predict(secure: Service, certificate: Certificate, body: Any) -> Reply:
    with Secure(secure.address, certificate.trust) as connection:
        return connection.ask("POST", V1, json.dumps(body).encode(), JSON)


@pytest.mark.parametrize("count", [1, 40, 30_000])
def test_answers(
    secure: Service, certificate: Certificate, reference: Reference, count: int
) -> None:
    rows = draw(secure.manifest("iris"), count, seed=91)
    reply = predict(secure, certificate, {"instances": rows})
    assert reply.status == 200
    assert reply.json()["predictions"] == reference("iris", rows)["predictions"]


def test_a_client_of_the_standard_library(secure: Service, certificate: Certificate) -> None:
    port = secure.address[1]
    client = http.client.HTTPSConnection("localhost", port, timeout=30, context=certificate.trust)
    for _ in range(3):
        client.request("POST", V1, BODY)
        response = client.getresponse()
        assert json.loads(response.read())["prediction"] == "setosa"
    client.request("GET", "/docs")
    assert client.getresponse().status == 200
    client.close()


def test_pipelined_requests(secure: Service, certificate: Certificate) -> None:
    with Secure(secure.address, certificate.trust) as connection:
        connection.send(request("POST", V1, BODY, JSON) * 20)
        assert {connection.reply().status for _ in range(20)} == {200}


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (request("GET", "/docs", None, {"X-Long": "x" * 5000}), 431),
        (request("POST", V1, b"", {"Content-Length": "5000000"}), 413),
        (request("POST", V1, b" " * 4_100_000, {}), 413),
        (b"nonsense\r\n\r\n", 400),
    ],
    ids=["head", "announced body", "body", "nonsense"],
)
def test_refusals_arrive(
    secure: Service, certificate: Certificate, sent: bytes, status: int
) -> None:
    with Secure(secure.address, certificate.trust) as connection:
        connection.send(sent)
        reply = connection.reply()
        assert reply.status == status
        assert reply.headers["connection"] == "close"


def test_who_talks_plainly_is_not_answered_and_harms_nobody(
    secure: Service, certificate: Certificate
) -> None:
    with Connection(secure.address) as connection:
        connection.send(request("POST", V1, BODY, JSON))
        assert b"HTTP/1.1 200" not in connection.rest()
    assert predict(secure, certificate, {"instance": [5.1, 3.5, 1.4, 0.2]}).status == 200


def test_clients_that_go(secure: Service, certificate: Certificate) -> None:
    large = json.dumps({"instances": [[5.1, 3.5, 1.4, 0.2]] * 30_000}).encode()
    for _ in range(3):
        with Secure(secure.address, certificate.trust) as connection:
            connection.send(request("POST", V1, large, JSON))
    assert predict(secure, certificate, {"instance": [5.1, 3.5, 1.4, 0.2]}).status == 200


@pytest.mark.parametrize("text", [None, "nonsense"])
def test_a_certificate_that_is_none(trained: Path, tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "cert.pem").write_text(text)
    process = launch(trained, tmp_path / "log", f"--tls-cert={tmp_path / 'cert.pem'}")
    assert process.wait(STOP_S) == 1
    events = [json.loads(line)["event"] for line in (tmp_path / "log").read_text().splitlines()]
    assert events[-1] == "cannot_use_tls"


def test_a_key_without_its_certificate(trained: Path, tmp_path: Path) -> None:
    process = launch(trained, tmp_path / "log", "--tls-key=key.pem")
    assert process.wait(STOP_S) == 2
    assert (tmp_path / "log").read_text().startswith("--tls-key: ")


def served_certificate(address: tuple[str, int]) -> str:
    """Return what a new connection is shown, as PEM."""
    return ssl.get_server_certificate(address, timeout=30)


def as_pem(certificate: Certificate) -> str:
    return certificate.cert.read_text()


@pytest.fixture
def renewable(trained: Path, tmp_path: Path) -> Iterator[tuple[Service, Certificate, int]]:
    """Run a service whose certificate the test may renew; the last is the port of gRPC."""
    folder = tmp_path / "live"
    folder.mkdir()
    live = issue(folder)
    flags = [f"--tls-cert={live.cert}", f"--tls-key={live.key}", "--grpc-port=0", FEW]
    process = launch(trained, tmp_path / "log", *flags)
    try:
        wait_for(lambda: '"ready"' in (tmp_path / "log").read_text() or process.poll() is not None)
        service = Service(process, trained, tmp_path / "log")
        ports = {event["event"]: event["port"] for event in service.events() if "port" in event}
        service.address = ("127.0.0.1", ports["listening"])
        yield service, live, ports["listening_grpc"]
    finally:
        process.kill()
        process.wait(STOP_S)


@pytest.mark.skipif(API_PROCESSES > 1, reason="gRPC has one API process")
def test_a_renewed_certificate_is_taken_without_a_restart(
    renewable: tuple[Service, Certificate, int], tmp_path: Path
) -> None:
    service, live, grpc_port = renewable
    grpc_address = ("127.0.0.1", grpc_port)
    first = as_pem(live)
    assert served_certificate(service.address) == served_certificate(grpc_address) == first
    old = Secure(service.address, live.trust)
    assert old.ask("POST", V1, BODY, JSON).status == 200

    def told(event: str) -> bool:
        return any(one["event"] == event for one in service.events())

    new = issue(tmp_path)
    live.cert.write_text(as_pem(new))  # the key does not fit yet
    wait_for(lambda: told("certificate_kept"))
    assert served_certificate(service.address) == served_certificate(grpc_address) == first
    live.key.write_text(new.key.read_text())
    wait_for(lambda: told("certificate_renewed"))
    assert served_certificate(service.address) == served_certificate(grpc_address) == as_pem(new)
    with Secure(service.address, new.trust) as connection:
        assert connection.ask("POST", V1, BODY, JSON).status == 200
    assert old.ask("POST", V1, BODY, JSON).status == 200  # nobody was cut off
    old.socket.close()
