"""Valid V2 requests, spoiled at random: each is answered or refused in form, and no worker dies."""

import random
from typing import Any

import pytest

from tests.conformance.subject import Request, Subject, binary_infer, infer
from tests.conformance.tensors import HEADER
from tests.conformance.transport import Ask
from tests.integration.server import Service

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

MUTANTS = 400
STRANGE: list[Any] = [
    None, True, -1, 0, 1e308, 10**400, "", "x" * 1000, "\ud7ff", 1.5, [], [[]], [1, [2]], {},
    {"a": {}}, float("nan"),
]  # fmt: skip
FORMS: list[Request | None] = [
    None,
    {"parameters": {"binary_data_output": True}},
    {"outputs": [{"name": "predict", "parameters": {"binary_data": True}}]},
]


class Mutator:
    """Spoils requests; the same seed spoils in the same way."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)

    def spoil_json(self, value: Any) -> Any:
        """Return a value with strange ones in some places, and some keys and elements missing."""
        dice = self._dice
        if dice.random() < 0.15:
            return dice.choice(STRANGE)
        if isinstance(value, dict):
            kept = {key: self._sometimes(one) for key, one in value.items()}
            if kept and dice.random() < 0.1:
                kept.pop(dice.choice(list(kept)))
            return kept
        if isinstance(value, list):
            kept_list = [self._sometimes(one) for one in value]
            if kept_list and dice.random() < 0.1:
                kept_list.pop(dice.randrange(len(kept_list)))
            return kept_list
        return value

    def _sometimes(self, value: Any) -> Any:
        return self.spoil_json(value) if self._dice.random() < 0.4 else value

    def spoil_bytes(self, ask: Ask) -> Ask:
        """Change a few bytes, cut the body, or tell a wrong length of its JSON."""
        dice, body = self._dice, bytearray(ask.body or b"")
        for _ in range(dice.randrange(4)):
            body[dice.randrange(len(body))] = dice.randrange(256)
        if dice.random() < 0.2:
            body = body[: dice.randrange(len(body))]
        headers = dict(ask.headers)
        if dice.random() < 0.2:
            lengths = [0, 1, len(body), len(body) + 1, "x", ""]
            headers[HEADER] = str(dice.choice(lengths))
        return ask._replace(body=bytes(body), headers=headers)

    def mutant(self, subject: Subject) -> Ask:
        """Return a spoiled request."""
        if self._dice.random() < 0.6:
            return infer(lambda valid: {"inputs": [], **_object(self.spoil_json(valid))})(subject)
        return self.spoil_bytes(binary_infer(self._dice.choice(FORMS))(subject))


def _object(value: Any) -> Request:
    return value if isinstance(value, dict) else {"inputs": value}


@pytest.mark.parametrize("model", ["iris", "students", "digits", "diabetes"])
@pytest.mark.usefixtures("same_workers")
def test_mutants(service: Service, model: str) -> None:
    host, port = service.address
    subject = Subject(f"http://{host}:{port}", model)
    mutator = Mutator(seed=1)
    seen = {200: 0, 400: 0}
    for number in range(MUTANTS):
        ask = mutator.mutant(subject)
        reply = subject.send(ask)
        assert reply.status in seen, (number, ask, reply)
        if reply.status == 400:
            assert list(reply.json()) == ["error"], (number, ask, reply)
        seen[reply.status] += 1
    assert min(seen.values()) > MUTANTS / 20
