"""What operators see: timings, metrics that move by what happened, and log lines."""

import random
import re
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.integration.pictures import png
from tests.integration.rows import STUDENT, draw
from tests.integration.scrape import moved, scrape
from tests.integration.server import API_PROCESSES, Service
from tests.integration.wire import JSON, Address, Connection, get, post, request

pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(180),
    pytest.mark.usefixtures("same_workers"),
]

PATH = "/v1/models/iris:predict"
SETOSA = b'{"instance":[5.1,3.5,1.4,0.2]}'
STAGES = ["parse", "queue", "predict", "transfer", "encode"]


def timings(header: str) -> dict[str, float]:
    pairs = [re.fullmatch(r"(\w+);dur=(\d+\.\d+)", part) for part in header.split(", ")]
    return {pair[1]: float(pair[2]) for pair in pairs if pair is not None}


@pytest.mark.parametrize(
    ("path", "body", "headers"),
    [
        (PATH, SETOSA, JSON),
        (PATH, b" " * 50_000 + SETOSA, JSON),
        ("/v1/models/iris/versions/1:predict", SETOSA, JSON),
        ("/v1/models/digits:predict", png(), {"Content-Type": "image/png"}),
    ],
    ids=["small", "large", "version", "picture"],
)
def test_server_timing_of_predictions(
    address: Address, path: str, body: bytes, headers: Mapping[str, str]
) -> None:
    started = time.monotonic()
    reply = post(address, path, body, headers)
    passed_ms = (time.monotonic() - started) * 1e3
    assert reply.status == 200
    told = timings(reply.headers["server-timing"])
    assert list(told) == STAGES
    assert told["predict"] > 0
    assert sum(told.values()) < passed_ms


@pytest.mark.parametrize("path", ["/v1/models", "/nowhere", "/health/live", "/openapi.json"])
def test_server_timing_of_the_rest(address: Address, path: str) -> None:
    assert list(timings(get(address, path).headers["server-timing"])) == ["total"]


def test_counts_move_by_what_happened(service: Service) -> None:
    address = service.address
    rows = draw(service.manifest("iris"), 500, seed=31)
    before = scrape(address)
    for body, status in [
        (SETOSA, 200),
        (SETOSA, 200),
        ({"instances": rows[:7]}, 200),
        ({"instances": rows}, 200),
        (b"no", 400),
        (b"{}", 422),
        (b"{}", 422),
        (b" " * 50_000 + b"{}", 422),
    ]:
        assert post(address, PATH, body).status == status
    assert post(address, PATH, SETOSA, {"Content-Type": "text/plain"}).status == 415
    got = moved(before, scrape(address))
    assert got["percore_requests_total", "iris", "200"] == 4
    assert got["percore_requests_total", "iris", "400"] == 1
    assert got["percore_requests_total", "iris", "415"] == 1
    assert got["percore_requests_total", "iris", "422"] == 3
    assert got["percore_rows_total", "iris"] == 1 + 1 + 7 + 500
    assert got["percore_request_duration_seconds_count", "iris"] == 4
    for stage in STAGES:
        assert got["percore_stage_duration_seconds_count", "iris", stage] == 4
        assert got["percore_stage_duration_seconds_bucket", "+Inf", "iris", stage] == 4
        assert got["percore_stage_duration_seconds_sum", "iris", stage] > 0
    # Refused large bodies reach a worker too. The table may have been cut for the two workers.
    assert got["percore_batch_requests_count", "iris"] in {5, 6}
    assert got["percore_batch_requests_sum", "iris"] == got["percore_batch_requests_count", "iris"]
    assert not any(key[1:2] in {("diabetes",), ("students",), ("digits",)} for key in got)


def test_rows_of_joined_batches_add_up(service: Service) -> None:
    address = service.address
    before = scrape(address)
    body = b'{"instances":[[5.1,3.5,1.4,0.2],[5.9,2.8,4.3,1.3],[6.9,3.1,5.4,2.1]]}'

    def ask(_: int) -> int:
        with Connection(address) as connection:
            return sum(connection.ask("POST", PATH, body, JSON).status == 200 for _ in range(20))

    with ThreadPoolExecutor(16) as threads:
        assert sum(threads.map(ask, range(16))) == 320
    got = moved(before, scrape(address))
    assert got["percore_batch_requests_sum", "iris"] == 320
    assert got["percore_batch_rows_sum", "iris"] == 960
    assert got["percore_rows_total", "iris"] == 960
    batches = got["percore_batch_requests_count", "iris"]
    assert 1 <= batches <= 320
    assert got["percore_batch_rows_count", "iris"] == batches


def test_other_requests_are_counted_by_route(address: Address) -> None:
    before = scrape(address)
    assert get(address, "/v1/models/iris").status == 200
    assert get(address, "/v1/models/nobody").status == 404
    assert get(address, "/nowhere").status == 404
    assert get(address, "/elsewhere").status == 404
    got = moved(before, scrape(address))
    name = "percore_other_requests_total"
    assert got[name, "/v1/models/{name}", "200"] == 1
    assert got[name, "/v1/models/{name}", "404"] == 1
    assert got[name, "none", "404"] == 2


def test_gauges_of_workers(address: Address) -> None:
    now = scrape(address)
    assert now["percore_workers_wanted",] == 2
    assert now["percore_workers_ready",] == 2
    assert now["percore_workers_busy",] == 0
    assert now["percore_worker_restarts_total",] == 0
    assert now["percore_requests_waiting",] == 0
    assert now["percore_requests_in_flight",] == 0


def test_the_media_type_of_metrics(address: Address) -> None:
    told = get(address, "/metrics").headers["content-type"]
    assert told == "text/plain; version=0.0.4; charset=utf-8"


def test_random_requests_make_no_series(address: Address) -> None:
    dice = random.Random(41)
    methods = ["GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH"]
    places = ["iris/versions/{}", "iris/labels/{}", "{}"]
    shapes = [f"/v1/models/{place}:predict" for place in places]
    shapes += ["/{}", "/v1/models/{}", "/docs/{}", "/v1/models/iris:predict?{}"]

    def ask_all(count: int) -> None:
        with Connection(address) as connection:
            for _ in range(count):
                word = "".join(dice.choices("abcdefghij0123456789", k=10))
                method, target = dice.choice(methods), dice.choice(shapes).format(word)
                assert connection.ask(method, target, b"{}", JSON).status in {400, 404, 405}

    ask_all(500)
    before = set(scrape(address))
    ask_all(1500)
    assert set(scrape(address)) == before


SECRET = "Zanzibar"


def ask_with_secrets(address: Address) -> None:
    """Send payloads, some of them bad, that hold a word of their own."""
    for bad in (
        f'{{"instance":["{SECRET}",1,1,1]}}'.encode(),
        f'{{"{SECRET}":1}}'.encode(),
        f'{{"instance":{{"{SECRET}":1}}}}'.encode(),
        f'{{"instance":{SECRET}}}'.encode(),
        b" " * 50_000 + f'{{"instances":[["{SECRET}"]]}}'.encode(),
    ):
        assert post(address, PATH, bad).status in {400, 422}
    path = "/v1/models/students:predict"
    assert post(address, path, {"instance": STUDENT | {"study_hours": 31.41592653}}).status == 200
    assert post(address, path, {"instance": STUDENT | {"school": SECRET}}).status == 200
    assert post(address, path, {"instance": STUDENT | {"mother_education": SECRET}}).status == 422


def test_log_lines_are_json_short_and_tell_no_payload(service: Service) -> None:
    time.sleep(1.1)  # the sampler lets lines pass again
    ask_with_secrets(service.address)
    for target in ("/\x1b[31m", "/v1/models/%0d%0aX:predict", "/" + "p" * 20_000):
        get(service.address, target.replace("\x1b", "%1b"))
    id_ = f"logged-{random.randrange(10**9)}"
    assert post(service.address, PATH, SETOSA, {"X-Request-Id": id_}).status == 200
    events = service.events()  # parses every line
    (line,) = [event for event in events if event.get("request_id") == id_]
    assert (line["event"], line["model"], line["status"]) == ("predict", "iris", 200)
    assert line["rows"] == 1
    raw = service.log.read_bytes()
    assert max(map(len, raw.splitlines())) < 2048
    assert SECRET.encode() not in raw
    assert b"31.41592653" not in raw
    assert b"\x1b" not in raw


def test_log_lines_stay_json_whatever_comes(service: Service) -> None:
    for data in (b"hello\r\n\r\n", b"\x16\x03\x01\x00\x00", b"GET / HTTP/1.1\r\nA: \x00\r\n\r\n"):
        with Connection(service.address) as connection:
            connection.send(data + b"\r\n\r\n")
            assert connection.reply().status == 400
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
               "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}  # fmt: skip
    get(service.address, "/health/live", upgrade)
    with Connection(service.address) as connection:
        connection.send(request("POST", PATH, SETOSA, {"Connection": "Upgrade", "Upgrade": "h2c"}))
        connection.reply()
    service.events()


@pytest.mark.skipif(API_PROCESSES > 1, reason="each process samples its own lines")
def test_sampled_lines_count_those_left_out(strict: Service) -> None:
    def seen() -> int:
        lines = [event for event in strict.events() if event["event"] == "predict"]
        return sum(1 + line["left_out"] for line in lines)

    time.sleep(1.1)
    assert post(strict.address, PATH, SETOSA).status == 200
    before, lines = seen(), len(strict.events())
    with Connection(strict.address) as connection:
        for _ in range(300):
            assert connection.ask("POST", PATH, SETOSA, JSON).status == 200
    time.sleep(1.1)
    assert post(strict.address, PATH, SETOSA).status == 200
    assert seen() == before + 301
    assert len(strict.events()) < lines + 100
