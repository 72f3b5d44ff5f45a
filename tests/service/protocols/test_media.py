import orjson
import pytest

from service.batching.answer import Answer, Computed, Timing, written
from service.protocols.media import prefers_csv, rows_of

TIMING = Timing(0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("accept", "csv"),
    [
        (b"text/csv", True),
        (b"Text/CSV", True),
        (b"text/csv; charset=utf-8", True),
        (b"text/csv, */*;q=0.1", True),
        (b"text/csv;q=0.9, application/json;q=0.8", True),
        (b"application/json;q=0, text/csv;q=0.1", True),
        (b"text/*, application/json;q=0.5", True),
        (b"*/*", False),
        (b"application/json", False),
        (b"application/json, text/csv", False),
        (b"text/csv, */*", False),
        (b"text/csv;q=0.5, */*", False),
        (b"text/csv;q=0", False),
        (b"text/csv;q=x", False),
        (b"text/csvx", False),
        (b"", False),
        (b";,;", False),
    ],
)
def test_what_accept_says(accept: bytes, csv: bool) -> None:
    assert prefers_csv(accept) is csv


@pytest.mark.parametrize(
    ("said", "rows"),
    [
        ({"prediction": 7}, ([7], None)),
        ({"prediction": 7, "probabilities": [0.5]}, ([7], [[0.5]])),
        ({"predictions": [7, 8], "probabilities": [[0.5], [1.0]]}, ([7, 8], [[0.5], [1.0]])),
        ({"outputs": [7, 8]}, ([7, 8], None)),
    ],
)
def test_rows_of_an_answer_that_is_a_text(said: object, rows: object) -> None:
    assert rows_of(written(orjson.dumps(said), 1, TIMING)) == rows


def test_rows_of_an_answer_that_is_none() -> None:
    computed = Computed([0, 1], [[0.1], [0.5]], 0.0, 0.0)
    assert rows_of(Answer(computed, 1, 1, 0.0, chances=True)) == ([1], [[0.5]])
