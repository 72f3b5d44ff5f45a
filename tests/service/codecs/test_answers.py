import json

import numpy as np
import pytest

from service.batching.answer import Answer, Computed
from service.codecs.answers import AnswerEncoder
from service.codecs.flags import Warnings
from service.codecs.json_rows import Form
from tests.service.conftest import MakeManifest


@pytest.mark.parametrize(
    ("form", "key", "predictions", "probabilities"),
    [
        ("instance", "prediction", 1, [0.25, 0.5, 0.25]),
        ("instances", "predictions", [1], [[0.25, 0.5, 0.25]]),
        ("inputs", "outputs", [1], [[0.25, 0.5, 0.25]]),
    ],
)
def test_the_answer_has_the_form_of_the_request(
    make_manifest: MakeManifest,
    form: Form,
    key: str,
    predictions: object,
    probabilities: object,
) -> None:
    encoder = AnswerEncoder(make_manifest())
    head = {"model": "toy", "version": 3, key: predictions}
    assert json.loads(encoder.encode(form, [1], None)) == head
    for rows in ([[0.25, 0.5, 0.25]], np.array([[0.25, 0.5, 0.25]])):
        assert json.loads(encoder.encode(form, [1], rows)) == head | {
            "classes": [0, 1, 2],
            "probabilities": probabilities,
        }


def test_floats_are_read_back_bit_for_bit(make_manifest: MakeManifest) -> None:
    values = [0.1 + 0.2, 5e-324, 1.7976931348623157e308, -0.0]
    answer = AnswerEncoder(make_manifest()).encode("instances", values, None)
    assert list(map(str, json.loads(answer)["predictions"])) == list(map(str, values))


@pytest.mark.parametrize("predictions", [[1, 0, 2], ["a", '],["', ","], [[1, 2], [3, 4], [5, 6]]])
@pytest.mark.parametrize(
    "chances", [[[0.1], [1.0], [5e-324]], [[0.25, -0.0], [1e300, 0.1], [0, 1]]]
)
@pytest.mark.parametrize("warnings", [None, Warnings([], 2)])
def test_a_batch_that_is_written_together_reads_as_if_each_were_alone(
    make_manifest: MakeManifest,
    predictions: list[object],
    chances: list[list[float]],
    warnings: Warnings | None,
) -> None:
    encoder = AnswerEncoder(make_manifest())
    computed = Computed(predictions, chances, 0.0, 0.0)
    forms: tuple[Form, ...] = ("instance", "instances", "inputs")
    for form in forms:
        for start, rows in ((0, 1), (1, 1), (2, 1), (0, 3), (1, 2), (3, 0)):
            if form == "instance" and rows != 1:
                continue
            for asked in (False, True):
                answer = Answer(computed, start, rows, 0.0, chances=asked and rows > 0)
                alone = encoder.encode(form, answer.predictions, answer.probabilities, warnings)
                assert encoder.join(form, *answer.texts(), warnings) == alone
