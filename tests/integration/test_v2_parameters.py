"""Parameters of V2: priorities, timeouts, and classes in words."""

from typing import Any

import pytest

from tests.conformance.tensors import Tensor
from tests.integration.rows import Reference, draw
from tests.integration.server import Service
from tests.integration.v2_wire import SETOSA, TOLERANCE, agree, error_of, infer, labels, outputs_of

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


@pytest.mark.parametrize("priority", [0, 1, 2, 3, 1 << 40])
def test_priorities(service: Service, reference: Reference, priority: int) -> None:
    tensor = Tensor("x", "FP64", (1, 4), SETOSA)
    parameters = {"priority": priority, "timeout": 10_000_000}
    request = {"inputs": [tensor.as_json()], "parameters": parameters}
    agree(outputs_of(infer(service, "iris", request)), reference("iris", [SETOSA]))


@pytest.mark.parametrize("timeout", [0, 10**30])
def test_a_timeout_without_end_is_the_longest_that_is_allowed(
    service: Service, timeout: int
) -> None:
    tensor = Tensor("x", "FP64", (1, 4), SETOSA)
    request = {"inputs": [tensor.as_json()], "parameters": {"timeout": timeout}}
    assert infer(service, "iris", request).status == 200


def test_a_timeout_that_is_over_before_it_began(service: Service) -> None:
    tensor = Tensor("x", "FP64", (1, 4), SETOSA)
    request = {"inputs": [tensor.as_json()], "parameters": {"timeout": 1}}
    reply = infer(service, "iris", request)
    assert reply.status in {503, 504}
    error_of(reply, reply.status)


@pytest.mark.parametrize("name", ["priority", "timeout"])
@pytest.mark.parametrize("value", [-1, 1.5, "1", True, None, [1]])
def test_parameters_of_another_type(service: Service, name: str, value: Any) -> None:
    tensor = Tensor("x", "FP64", (1, 4), SETOSA)
    request = {"inputs": [tensor.as_json()], "parameters": {name: value}}
    assert name in error_of(infer(service, "iris", request), 400)


def test_the_best_classes_in_words(service: Service, reference: Reference) -> None:
    rows = draw(service.manifest("iris"), 3, seed=8)
    tensor = Tensor("x", "FP64", (3, 4), [cell for row in rows for cell in row])
    wanted = {"name": "predict_proba", "parameters": {"classification": 2}}
    request = {"inputs": [tensor.as_json()], "outputs": [wanted]}
    output = outputs_of(infer(service, "iris", request))["predict_proba"]
    assert (output.datatype, output.shape) == ("BYTES", (3, 2))
    names = service.manifest("iris")["output"]["classes"]
    words = [word.split(":") for word in labels(output)]
    for i, chances in enumerate(reference("iris", rows)["probabilities"]):
        best = sorted(range(3), key=lambda place: -chances[place])[:2]
        for (value, place, name), wanted_place in zip(words[2 * i : 2 * i + 2], best, strict=True):
            assert (int(place), name) == (wanted_place, names[wanted_place])
            assert abs(float(value) - chances[wanted_place]) <= TOLERANCE


@pytest.mark.parametrize("model", ["iris", "diabetes"])
def test_classes_of_what_is_no_row_of_classes(service: Service, model: str) -> None:
    manifest = service.manifest(model)
    row = draw(manifest, 1, seed=9)[0]
    tensor = Tensor("x", "FP64", (1, len(row)), row)
    wanted = {"name": "predict", "parameters": {"classification": 1}}
    reply = infer(service, model, {"inputs": [tensor.as_json()], "outputs": [wanted]})
    assert "Classification" in error_of(reply, 400)
