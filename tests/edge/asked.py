"""Requests of every kind, from plain to broken, as bytes on a connection; a seed makes the same."""

import gzip
import io
import json
import random
import re
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from tests.integration.corpus import GOOD, NAMED, faults
from tests.integration.wire import chunked

KEY = b"correct-horse"
V1 = b"/v1/models/iris:predict"
V2 = b"/v2/models/iris/infer"
ROWS = [[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]]
NAMES = ("sepal_length", "sepal_width", "petal_length", "petal_width")
LAST = b"GET /health/live HTTP/1.1\r\nHost: last\r\nX-Request-Id: last\r\nConnection: close\r\n\r\n"

TARGETS = [
    V1, V1 + b"?probabilities=true", V1 + b"?probabilities=1", V1 + b"?probabilities=maybe",
    V1 + b"?partial=true", V1 + b"?colour=red", V1 + b"?", V1 + b"??", V1 + b"?a#b", V1 + b"#a",
    V1 + b"/", V1[1:], b"//v1/models/iris:predict", b"/v1/models/%69ris:predict",
    b"/v1/models/iris%3Apredict", b"http://other" + V1, b"/v1/models/iris/versions/1:predict",
    b"/v1/models/iris/versions/9:predict", b"/v1/models/iris/labels/production:predict",
    b"/v1/models/nobody:predict", V2, b"/v2/models/iris/versions/1/infer", V2 + b"?x=1",
    b"/v2/models/nobody/infer", b"/invocations", b"/invocations?probabilities=true", b"/nowhere",
    b"/v1/models/iris", b"*", V1 + b"?" + b"a" * 5000, V1 + b"?\xff", V1 + b" x",
]  # fmt: skip
METHODS = [b"GET", b"PUT", b"DELETE", b"OPTIONS", b"PATCH", b"post", b"TRACE", b"P0ST"]
HEADERS = [
    b"Accept: application/json", b"Accept: text/csv", b"Accept: image/png", b"Accept: */*",
    b"Accept: application/vnd.apache.arrow.stream", b"X-Priority: high", b"X-Priority: LOW",
    b"X-Priority: urgent", b"X-Request-Timeout-Ms: 20000", b"X-Request-Timeout-Ms: 0",
    b"X-Request-Timeout-Ms: soon", b"X-Request-Timeout-Ms: " + b"9" * 40, b"X-Request-Id: mine",
    b"X-Request-Id: not\tmine", b"X-Request-Id: " + b"i" * 65, b"Origin: https://page.example",
    b"Origin: https://other.example", b"Authorization: Bearer " + KEY, b"Authorization: Bearer no",
    b"X-Api-Key: " + KEY, b"X-Api-Key: no", b"X-Forwarded-For: 10.0.0.1", b"Expect: 100-continue",
    b"Expect: 200-ok", b"Connection: keep-alive", b"Connection: close", b"Connection: Upgrade",
    b"Upgrade: h2c", b"Content-Encoding: identity", b"Content-Encoding: gzip",
    b"Content-Encoding: br", b"Transfer-Encoding: chunked", b"X-Large: " + b"l" * 3000,
    b"X-Larger: " + b"l" * 6000, b"No colon", b": no name", b"X-Folded: a\r\n b", b"X-Nul: \x00",
    b"X-High: \xe9", b"Content-Length: 7", b"Content-Length: -1", b"Content-Length: many",
    b"Te: trailers",
]  # fmt: skip
TYPES = [
    b"application/json", b"application/json; charset=utf-8", b"APPLICATION/JSON", b"text/csv",
    b"text/csv; charset=latin-1", b"application/x-npy", b"application/octet-stream", b"image/png",
    b"application/vnd.apache.arrow.stream", b"application/x-www-form-urlencoded", b"text/plain",
    b"application/xml", b"",
]  # fmt: skip
ENDS = re.compile(rb"Connection: close|HTTP/1.0\r")
RACES = re.compile(rb"Connection: close|HTTP/1.0\r|Length: 7\r")
BY_BYTES = 500
SMALL_BYTES = 3000
FRAMED = re.compile(rb"\r\n(Content-Length: \d|Transfer-Encoding: chunked)")


class Asked(NamedTuple):
    """What is sent on one connection, piece by piece."""

    pieces: list[bytes]


def bodies() -> list[bytes]:
    """Return bodies of every media type, good ones and all of the hostile corpus."""
    tensor = {
        "name": "input",
        "shape": [2, 4],
        "datatype": "FP64",
        "data": [cell for row in ROWS for cell in row],
    }
    npy, arrow = io.BytesIO(), io.BytesIO()
    np.save(npy, np.array(ROWS))
    table = pa.table({name: [row[i] for row in ROWS] for i, name in enumerate(NAMES)})
    with pa.ipc.new_stream(arrow, table.schema) as writer:
        writer.write_table(table)
    csv = ",".join(NAMES) + "\n" + "".join(",".join(map(str, row)) + "\n" for row in ROWS)
    good = [
        b'{"instance":%s}' % GOOD,
        b'{"instances":[%s,%s]}' % (GOOD, NAMED),
        b'{"instances":[%s]}' % b",".join([GOOD] * 60),
        b'{"instances":[%s]}' % b",".join([GOOD] * 51),
        json.dumps({"inputs": [tensor], "id": "one"}).encode(),
        json.dumps({"inputs": [tensor], "parameters": {"timeout": 9e6, "priority": 1}}).encode(),
        json.dumps({"inputs": [tensor], "outputs": [{"name": "probabilities"}]}).encode(),
        json.dumps({"inputs": [tensor | {"shape": [2, 5]}]}).encode(),
        csv.encode(),
        npy.getvalue(),
        arrow.getvalue(),
        gzip.compress(b'{"instance":%s}' % GOOD, mtime=0),
        b'{"instance":%s}' % GOOD + b" " * 20_000,
        b'{"instance":%s}' % GOOD + b" " * 120_000,
    ]
    return good * 4 + [fault.body for fault in faults().values()]


def questions(count: int, seed: int) -> list[Asked]:
    """Return what to send on so many connections: each from the plain way off, some far."""
    chance = random.Random(seed)
    known = bodies()
    return [_asked(chance, known) for _ in range(count)]


def _asked(chance: random.Random, known: list[bytes]) -> Asked:
    count = 1 if chance.random() < 0.7 else chance.randint(2, 4)
    data = b""
    for _ in range(count):
        request = _request(chance, known)
        data += request
        if ENDS.search(request):
            break
    else:
        data += LAST
    manner = chance.random()
    # What comes later than an answer that ends the connection, than a mistake behind a good
    # request, or than a limit is a matter of time: only requests without these come in pieces.
    head_bytes = data.find(b"\r\n\r\n")
    if (
        manner < 0.4
        or count > 1
        or head_bytes > SMALL_BYTES
        or RACES.search(data[: -len(LAST)])
        or not FRAMED.search(data)
    ):
        return Asked([data])
    if manner < 0.5 and len(data) < BY_BYTES:
        return Asked([data[i : i + 1] for i in range(len(data))])
    cuts = sorted(chance.randrange(len(data)) for _ in range(chance.randint(1, 6)))
    return Asked([data[a:b] for a, b in zip([0, *cuts], [*cuts, None], strict=True)])


def _request(chance: random.Random, known: list[bytes]) -> bytes:
    body = chance.choice(known)
    plain = chance.random() < 0.4
    target = V1 if plain else chance.choice(TARGETS)
    if target.startswith(V2) and chance.random() < 0.7:
        body = chance.choice(known[4:8])
    method = b"POST" if plain or chance.random() < 0.9 else chance.choice(METHODS)
    version = b"HTTP/1.1" if chance.random() < 0.95 else chance.choice((b"HTTP/1.0", b"HTTP/3.9"))
    lines = [b"%s %s %s" % (method, target, version), b"Host: here"]
    if chance.random() < 0.5:
        lines.append(b"Content-Type: " + chance.choice(TYPES))
    if chance.random() < 0.7:
        lines += chance.choices(HEADERS, k=chance.randint(1, 3))
    framing = chance.random()
    if framing < 0.85:
        lines.append(b"Content-Length: %d" % len(body))
    elif framing < 0.95:
        lines.append(b"Transfer-Encoding: chunked")
        body = chunked(body, chance.choice((1000, 5000, 100_000)))
    return b"\r\n".join([*lines, b"", body])
