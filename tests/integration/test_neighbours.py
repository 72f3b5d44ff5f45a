"""Many clients at once: every client gets its own answer."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.integration.rows import Reference, draw
from tests.integration.server import Service
from tests.integration.wire import JSON, Address, Connection, Reply, post, request

pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(180),
    pytest.mark.usefixtures("same_workers"),
]

CLIENTS = 64
TURNS = 12
TOLERANCE = 1e-12

Row = list[Any]


def talk(address: Address, model: str, rows: list[Row]) -> list[Reply]:
    """Ask for one row after the other on one connection."""
    path = f"/v1/models/{model}:predict?probabilities=true"
    bodies = [f'{{"instance":{row}}}'.encode() for row in rows]
    with Connection(address) as connection:
        return [connection.ask("POST", path, body, JSON) for body in bodies]


def is_answer(reply: Reply, model: str, label: str, chances: list[float]) -> bool:
    answer = reply.json()
    return (
        reply.status == 200
        and (answer["model"], answer["prediction"]) == (model, label)
        and all(
            abs(got - wanted) <= TOLERANCE
            for got, wanted in zip(answer["probabilities"], chances, strict=True)
        )
    )


def test_every_client_gets_its_own_answer(service: Service, reference: Reference) -> None:
    models = ("iris", "breast_cancer")
    drawn = {
        model: draw(service.manifest(model), CLIENTS // 2 * TURNS, seed=11) for model in models
    }
    expected = {model: reference(model, rows) for model, rows in drawn.items()}
    work = [(model, start) for start in range(0, CLIENTS // 2 * TURNS, TURNS) for model in models]
    assert len(work) == CLIENTS
    with ThreadPoolExecutor(CLIENTS) as threads:
        talks = [
            threads.submit(talk, service.address, model, drawn[model][start : start + TURNS])
            for model, start in work
        ]
        replies = [talk.result() for talk in talks]
    for (model, start), got in zip(work, replies, strict=True):
        known = expected[model]
        for i, reply in enumerate(got, start):
            chances = known["probabilities"][i]
            assert is_answer(reply, model, known["predictions"][i], chances)


def test_a_pipelining_client_gets_its_answers_in_order(
    service: Service, reference: Reference
) -> None:
    rows = draw(service.manifest("iris"), 300, seed=12)
    expected = reference("iris", rows)
    path = "/v1/models/iris:predict?probabilities=true"
    with Connection(service.address) as connection:
        connection.send(
            b"".join(request("POST", path, f'{{"instance":{row}}}'.encode(), JSON) for row in rows)
        )
        for label, chances in zip(expected["predictions"], expected["probabilities"], strict=True):
            assert is_answer(connection.reply(), "iris", label, chances)


def test_requests_of_all_sizes_at_once(service: Service, reference: Reference) -> None:
    sizes = [1, 3, 700, 1, 40, 2000, 2, 300] * 4
    rows = draw(service.manifest("diabetes"), sum(sizes), seed=13)
    starts = [sum(sizes[:i]) for i in range(len(sizes))]
    parts = [rows[start : start + size] for start, size in zip(starts, sizes, strict=True)]

    def ask(part: list[Row]) -> Reply:
        return post(service.address, "/v1/models/diabetes:predict", {"instances": part})

    with ThreadPoolExecutor(len(sizes)) as threads:
        replies = list(threads.map(ask, parts))
    expected = reference("diabetes", rows)["predictions"]
    got = [value for reply in replies for value in reply.json()["predictions"]]
    assert len(got) == len(expected)
    # Other groups, other last bits: relative to the value, as BLAS rounds.
    assert all(
        abs(one - other) <= TOLERANCE * max(1.0, abs(other))
        for one, other in zip(got, expected, strict=True)
    )


@pytest.mark.parametrize("bad", [b'{"instance":[1,2,3]}', b"no", b'{"instance":["1",2,3,4]}'])
def test_refusals_do_not_reach_neighbours(
    service: Service, reference: Reference, bad: bytes
) -> None:
    rows = draw(service.manifest("iris"), 40, seed=14)
    expected = reference("iris", rows)
    bodies = [body for row in rows for body in (f'{{"instance":{row}}}'.encode(), bad)]

    def ask(body: bytes) -> Reply:
        return post(service.address, "/v1/models/iris:predict?probabilities=true", body)

    with ThreadPoolExecutor(32) as threads:
        replies = list(threads.map(ask, bodies))
    assert {reply.status for reply in replies[1::2]} <= {400, 422}
    for i, reply in enumerate(replies[::2]):
        chances = expected["probabilities"][i]
        assert is_answer(reply, "iris", expected["predictions"][i], chances)
