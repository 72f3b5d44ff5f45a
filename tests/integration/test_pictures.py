"""Pictures: good ones are answered like the pipeline answers them, bad ones are refused."""

import base64
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.integration import pictures
from tests.integration.pictures import MODES, hand_made, jpeg, png
from tests.integration.refusals import refused
from tests.integration.rows import Reference
from tests.integration.server import Service, forget_peak, peak_rss_bytes
from tests.integration.wire import Address, Reply, post

pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(180),
    pytest.mark.usefixtures("same_workers"),
]

PATH = "/v1/models/digits:predict"
TOLERANCE = 1e-12
PNG = {"Content-Type": "image/png"}
JPEG = {"Content-Type": "image/jpeg"}
MIB = 1 << 20


def in_json(data: bytes) -> dict[str, str]:
    return {"b64": base64.b64encode(data).decode()}


def agree(reply: Reply, expected: dict[str, Any], key: str = "predictions") -> None:
    """Compare an answer with probabilities to the reference's."""
    assert reply.status == 200, reply.body
    answer = reply.json()
    assert list(answer) == ["model", "version", key, "classes", "probabilities"]
    single = key == "prediction"
    labels = [answer[key]] if single else answer[key]
    chances = [answer["probabilities"]] if single else answer["probabilities"]
    assert labels == expected["predictions"]
    assert all(type(label) is int for label in labels)
    for got, wanted in zip(chances, expected["probabilities"], strict=True):
        assert all(abs(a - b) <= TOLERANCE for a, b in zip(got, wanted, strict=True))


def ask_raw(address: Address, data: bytes, kind: dict[str, str]) -> Reply:
    return post(address, f"{PATH}?probabilities=true", data, kind)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("width", "height"), [(1, 1), (8, 8), (3, 50), (100, 7), (640, 480)])
def test_png(address: Address, reference: Reference, mode: str, width: int, height: int) -> None:
    data = png(mode, width, height)
    agree(ask_raw(address, data, PNG), reference("digits", [in_json(data)]), "prediction")


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize(("width", "height"), [(1, 1), (8, 8), (640, 480)])
def test_jpeg(address: Address, reference: Reference, mode: str, width: int, height: int) -> None:
    data = jpeg(mode, width, height)
    agree(ask_raw(address, data, JPEG), reference("digits", [in_json(data)]), "prediction")


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (png("RGBA", 2000, 2000), PNG),
        (jpeg("RGB", 2000, 2000), JPEG),
        (pictures.commented(), PNG),
        (png(), JPEG),
        (jpeg(), PNG),
        (png() + b"what follows the end is not looked at", PNG),
        (jpeg() + bytes(1000), JPEG),
        (pictures.encoded(pictures.draw("RGB", 40, 40), "JPEG", progressive=True), JPEG),
        (pictures.encoded(pictures.draw("L", 40, 40), "PNG", transparency=7), PNG),
    ],
    ids=["4 Mpx PNG", "4 Mpx JPEG", "text", "PNG as JPEG", "JPEG as PNG", "more after IEND",
         "more after the JPEG", "progressive", "transparent grey"],
)  # fmt: skip
def test_unusual_but_good(
    address: Address, reference: Reference, data: bytes, kind: dict[str, str]
) -> None:
    agree(ask_raw(address, data, kind), reference("digits", [in_json(data)]), "prediction")


def test_one_in_json(address: Address, reference: Reference) -> None:
    one = in_json(png(seed=5))
    reply = post(address, f"{PATH}?probabilities=true", {"instance": one})
    agree(reply, reference("digits", [one]), "prediction")


def test_many_in_json_in_order(service: Service, reference: Reference) -> None:
    known = service.manifest("digits")["golden"]["instances"]
    many = [one for i, digit in enumerate(known) for one in (digit, in_json(jpeg("RGB", seed=i)))]
    reply = post(service.address, f"{PATH}?probabilities=true", {"instances": many})
    agree(reply, reference("digits", many))
    assert len(set(reply.json()["predictions"])) > 2


def test_a_raw_picture_and_the_same_in_json_are_answered_alike(address: Address) -> None:
    data = png("RGB", 100, 100)
    raw = ask_raw(address, data, PNG)
    assert raw.status == 200
    in_text = post(address, f"{PATH}?probabilities=true", {"instance": in_json(data)})
    assert in_text.body == raw.body


def corrupt(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :]


def magic(start: bytes) -> bytes:
    return start + bytes(500)


BAD = {
    "nothing": b"",
    "one byte": b"\x89",
    "signature alone": pictures.SIGNATURE,
    "JPEG marks alone": b"\xff\xd8\xff\xd9",
    "text": b"this is no picture",
    "zeros": bytes(5000),
    "GIF": pictures.encoded(pictures.draw("P", 8, 8), "GIF"),
    "TIFF": pictures.encoded(pictures.draw("L", 8, 8), "TIFF"),
    "BMP": pictures.encoded(pictures.draw("L", 8, 8), "BMP"),
    "WebP": pictures.encoded(pictures.draw("RGB", 8, 8), "WEBP"),
    "PPM": pictures.encoded(pictures.draw("RGB", 8, 8), "PPM"),
    "PDF": magic(b"%PDF-1.7\n"),
    "PSD": magic(b"8BPS\0\1\0\0\0\0\0\0\0\1"),
    "FITS": magic(b"SIMPLE  =                    T"),
    "ICNS": magic(b"icns\0\0\2\0ic07"),
    "JPEG 2000": magic(b"\0\0\0\x0cjP  \r\n\x87\n"),
    "SVG": b'<svg xmlns="http://www.w3.org/2000/svg"/>',
    "EPS": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n",
    "no width": hand_made(0, 8),
    "no height": hand_made(8, 0),
    "negative width": hand_made(8, 8).replace(
        b"\0\0\0\x08\0\0\0\x08", b"\xff\xff\xff\xff\0\0\0\x08"
    ),
    "three bits": hand_made(8, 8, bits=3),
    "no pixels": pictures.SIGNATURE + hand_made(8, 8)[8:33] + pictures.chunk(pictures.END, b""),
    "too few pixels": hand_made(800, 800, rows=bytes(100)),
    "corrupt header sum": corrupt(png(), 30),
    "corrupt pixels": corrupt(png("RGB", 64, 64), 3000),
    "chunk longer than the file": png()[:33] + b"\xff\xff\xff\xff" + b"IDAT" + bytes(100),
    "zTXt bomb": pictures.text_bomb(b"zTXt", 50_000_000),
    "iTXt bomb": pictures.text_bomb(b"iTXt", 50_000_000),
}
"""Files that are no good PNG or JPEG: 400 alone, 422 within JSON."""


@pytest.fixture
def little_memory(service: Service) -> Iterator[None]:
    """Fail if a worker or the API process needs 64 MiB more than before, even for a moment."""
    pids = [*service.workers(), service.process.pid]
    for pid in pids:
        forget_peak(pid)
    before = {pid: peak_rss_bytes(pid) for pid in pids}
    yield
    grown = {pid: peak_rss_bytes(pid) - before[pid] for pid in pids}
    assert max(grown.values()) < 64 * MIB, grown


@pytest.mark.usefixtures("little_memory")
@pytest.mark.parametrize("kind", [PNG, JPEG], ids=["png", "jpeg"])
@pytest.mark.parametrize("data", BAD.values(), ids=BAD)
def test_bad_pictures(address: Address, data: bytes, kind: dict[str, str]) -> None:
    refused(post(address, PATH, data, kind), 400, "unreadable")


@pytest.mark.parametrize("place", [0, 2, 4])
@pytest.mark.parametrize("data", BAD.values(), ids=BAD)
def test_a_bad_picture_among_good_ones_is_named(address: Address, data: bytes, place: int) -> None:
    many = [in_json(png(seed=i)) for i in range(5)]
    many[place] = in_json(data)
    told = refused(post(address, PATH, {"instances": many}), 422, "schema_mismatch")
    assert [detail["loc"] for detail in told["details"]] == [["instances", place, "b64"]]


@pytest.mark.parametrize(
    ("whole", "kind"), [(png("RGB", 60, 60), PNG), (jpeg("RGB", 200, 200), JPEG)]
)
def test_pictures_cut_at_every_twentieth(
    address: Address, whole: bytes, kind: dict[str, str]
) -> None:
    for part in range(20):
        cut = whole[: len(whole) * part // 20]
        refused(post(address, PATH, cut, kind), 400, "unreadable")
    assert post(address, PATH, whole, kind).status == 200


@pytest.mark.usefixtures("little_memory")
@pytest.mark.parametrize("side", [4001, 30_000])
def test_decompression_bombs(address: Address, side: int) -> None:
    data = pictures.bomb(side)
    assert len(data) < MIB
    refused(post(address, PATH, data, PNG), 413, "too_large")
    told = refused(post(address, PATH, {"instance": in_json(data)}), 413, "too_large")
    assert told["details"][0]["loc"] == ["instance", "b64"]
    many = {"instances": [in_json(png()), in_json(data)]}
    told = refused(post(address, PATH, many), 413, "too_large")
    assert told["details"][0]["loc"] == ["instances", 1, "b64"]


def test_headers_that_claim_too_much(address: Address) -> None:
    for width, height in [(2**31 - 1, 1), (1, 2**31 - 1), (2**31 - 1, 2**31 - 1), (65_535, 65_535)]:
        reply = post(address, PATH, hand_made(width, height, rows=bytes(10)), PNG)
        assert reply.status in {400, 413}
        refused(reply, reply.status)


def test_an_animation(address: Address) -> None:
    refused(post(address, PATH, pictures.animation(), PNG), 422, "schema_mismatch")


@pytest.mark.usefixtures("little_memory")
def test_many_large_pictures_in_one_request_do_not_pile_up(address: Address) -> None:
    one = in_json(pictures.encoded(pictures.draw("1", 8, 8).resize((3900, 3900))))
    reply = post(address, PATH, {"instances": [one] * 20})
    assert reply.status in {200, 413}


@pytest.mark.usefixtures("little_memory")
def test_many_large_pictures_at_once_do_not_pile_up(address: Address) -> None:
    data = pictures.encoded(pictures.draw("1", 8, 8).resize((3900, 3900)))
    with ThreadPoolExecutor(24) as threads:
        replies = list(threads.map(lambda _: post(address, PATH, data, PNG), range(24)))
    assert [reply.status for reply in replies] == [200] * 24


NOT_BASE64 = {
    "empty": "",
    "words": "not base64",
    "one letter": "A",
    "no padding": "iVBORw0KGgo",
    "padding inside": "iVBO=Rw0=",
    "URL alphabet": "_-_-",
    "line breaks": "iVBO\nRw0K",
    "data URL": "data:image/png;base64,iVBORw0K",
    "umlaut": "äöü=",
    "NUL": "iVBO\x00w0K",
}
INSTANCES: dict[str, Any] = {
    **{f"b64: {name}": {"b64": text} for name, text in NOT_BASE64.items()},
    "number": {"b64": 5},
    "null": {"b64": None},
    "list": {"b64": ["iVBORw0K"]},
    "no b64": {},
    "another key": {"b64": in_json(png())["b64"], "name": "seven"},
    "wrong key": {"png": in_json(png())["b64"]},
    "text": in_json(png())["b64"],
    "pixels": [0] * 64,
}


@pytest.mark.parametrize("bad", INSTANCES.values(), ids=INSTANCES)
def test_instances_that_are_no_picture(address: Address, bad: Any) -> None:
    good = in_json(png())
    told = refused(post(address, PATH, {"instances": [good, bad, good]}), 422, "schema_mismatch")
    assert told["details"][0]["loc"][:2] == ["instances", 1]
    if isinstance(bad, dict) and "b64" in bad and len(bad) == 1:
        assert told["details"][0]["loc"] == ["instances", 1, "b64"]
    told = refused(post(address, PATH, {"instance": bad}), 422, "schema_mismatch")
    assert told["details"][0]["loc"][:1] == ["instance"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"no", 400),
        (b'{"instance":{"b64":"AAAA"},"instance":{"b64":"AAAA"}}', 400),
        (b'{"instance":{"b64":"AAAA","b64":"AAAA"}}', 400),
        (b"{}", 422),
        (b'{"instances":[]}', 422),
        (b'{"inputs":{"b64":["AAAA"]}}', 422),
    ],
)
def test_json_that_is_no_request(address: Address, body: bytes, status: int) -> None:
    refused(post(address, PATH, body), status)


@pytest.mark.parametrize("kind", ["image/gif", "image/webp", "image/*", "image/svg+xml", "image"])
def test_media_types_that_are_not_taken(address: Address, kind: str) -> None:
    reply = post(address, PATH, png(), {"Content-Type": kind})
    told = refused(reply, 415, "unsupported_media_type")
    assert "image/png" in told["error"]


def test_bad_pictures_do_not_harm_their_neighbours(address: Address, reference: Reference) -> None:
    good = [png("RGB", 20 + i, 30, seed=i) for i in range(24)]
    bad = [b"nothing", png()[:60], pictures.animation(), BAD["corrupt pixels"]] * 6
    with ThreadPoolExecutor(48) as threads:
        mixed = [data for pair in zip(good, bad, strict=True) for data in pair] * 3
        replies = list(threads.map(lambda data: ask_raw(address, data, PNG), mixed))
    for i, data in enumerate(good):
        expected = reference("digits", [in_json(data)])
        for turn in range(3):
            agree(replies[turn * 48 + 2 * i], expected, "prediction")
    assert {reply.status for reply in replies[1::2]} == {400, 422}


def test_more_pixels_in_one_request_than_all_its_pictures_may_have(address: Address) -> None:
    one = in_json(pictures.bomb(3900))
    told = refused(post(address, PATH, {"instances": [one] * 10_000}), 413, "too_large")
    assert told["details"][0]["loc"] == ["instances", 8, "b64"]
