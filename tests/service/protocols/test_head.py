"""A head is read once: for each version, and again when what it could not be read for has gone."""

from collections.abc import Callable

import pytest

from service.batching.fair import HIGH, NORMAL
from service.catalogue import ServedVersion
from service.errors import NotFound, Unreadable
from service.log import Sampler
from service.metrics import Metrics
from service.protocols.head import Head
from service.protocols.http import Headers, length_of
from service.protocols.terms import Terms
from service.protocols.v1 import PredictV1
from service.protocols.wire import Question
from service.settings import Settings
from tests.service.conftest import MakeManifest

BODY = b'{"instances": [[1.0, 2.0, 3.0]]}'


class Counting(PredictV1):
    """Counts for how many versions it has read a head."""

    def __init__(self) -> None:
        super().__init__(1000)
        self.heads = 0

    def reader(
        self, served: ServedVersion, query: bytes, headers: Headers
    ) -> Callable[[bytes], Question]:
        self.heads += 1
        return super().reader(served, query, headers)


def nobody() -> ServedVersion:
    raise NotFound("There is no version.")


def terms() -> Terms:
    return Terms(Settings(request_timeout_s=7.0), Sampler(0.0))


def version(make_manifest: MakeManifest) -> ServedVersion:
    return ServedVersion(make_manifest(), Metrics().model("toy", 3), 1000)


def test_a_head_is_read_once_a_version(make_manifest: MakeManifest) -> None:
    wire, one, other = Counting(), version(make_manifest), version(make_manifest)
    head = Head((wire, nobody), {}, b"probabilities=true", len(BODY))
    for served, heads in ((one, 1), (one, 1), (other, 2), (other, 2), (one, 3)):
        assert head.reader(served)(BODY) == wire.read(served, head.query, head.raw, BODY)
        assert wire.heads == heads


def test_a_head_that_cannot_be_read_is_refused_each_time(make_manifest: MakeManifest) -> None:
    head = Head((PredictV1(1000), nobody), {b"x-priority": b"now"}, b"what=1", None)
    for _ in range(2):
        with pytest.raises(Unreadable):
            head.reader(version(make_manifest))
        with pytest.raises(Unreadable):
            head.asked(terms())


@pytest.mark.parametrize(
    ("raw", "asked"),
    [
        ({}, (7.0, NORMAL)),
        ({b"x-request-timeout-ms": b"250"}, (0.25, NORMAL)),
        ({b"x-priority": b" High "}, (7.0, HIGH)),
    ],
)
def test_a_head_tells_time_and_priority(raw: Headers, asked: tuple[float, int]) -> None:
    head = Head((PredictV1(1000), nobody), raw, b"", None)
    assert [head.asked(terms()) for _ in range(2)] == [asked] * 2


def test_a_head_may_tell_the_length_of_its_body() -> None:
    assert [
        length_of(raw) for raw in ({b"content-length": b"12"}, {}, {b"content-length": b"x"})
    ] == [
        12,
        None,
        None,
    ]
