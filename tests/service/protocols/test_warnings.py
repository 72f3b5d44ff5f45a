"""What a row's flagged value becomes in the answer of each protocol."""

import json
from typing import Any

import orjson
import pytest

from models.manifest import GoldenRows
from models.schema import Column, Policy, TabularSchema
from service.batching.answer import Answer, Computed
from service.batching.entry import Payload
from service.catalogue import ServedVersion
from service.codecs.cells import CellPacker
from service.codecs.flags import MAX_WARNINGS
from service.metrics import Metrics
from service.protocols.invocations import Invocations
from service.protocols.v1 import PredictV1
from service.protocols.v2.infer import Form, InferV2
from service.protocols.v2.outputs import Wanted
from service.protocols.wire import Question
from tests.service.conftest import VALUES, make

SCHEMA = TabularSchema(
    container="array",
    columns=(
        Column(
            name="age",
            dtype="float64",
            frame_dtype="float64",
            min=15,
            max=22,
            policy=Policy(out_of_range="flag"),
        ),
    ),
)
FORMS: dict[str, Any] = {
    "v1": "instances",
    "v2": Form(None, (Wanted("predict", binary=False),)),
    "invocations": None,
}
ROWS = (0, 1, MAX_WARNINGS + 1)


def question_of(form: Any, strange: int) -> Question:
    cells = CellPacker(SCHEMA).pack([(99.0,)] * strange + [(17.0,)])
    return Question(Payload(cells.rows, cells), probabilities=False, form=form)


def said(protocol: str, strange: int) -> dict[str, Any]:
    """Return the answer to so many strange rows and a usual one."""
    wires = {
        "v1": PredictV1(1000),
        "v2": InferV2(1000),
        "invocations": Invocations(PredictV1(9), 9),
    }
    golden = GoldenRows(instances=([17.0],), predictions=(0.5,))
    manifest = make(SCHEMA, VALUES, golden)
    served = ServedVersion(manifest, Metrics().model("toy", 3), 1000)
    computed = Computed([0.5] * (strange + 1), (), 0.0, 0.0)
    answer = Answer(computed, 0, strange + 1, 0.0)
    written = wires[protocol].write(served, question_of(FORMS[protocol], strange), answer)  # type: ignore[attr-defined]
    found: dict[str, Any] = orjson.loads(written.body)
    return found


@pytest.mark.parametrize("protocol", FORMS)
def test_an_answer_warns_only_of_what_was_found(protocol: str) -> None:
    for strange in ROWS:
        answer = said(protocol, strange)
        told = answer.get("parameters", {}) if protocol == "v2" else answer
        warnings = told.get("warnings", [])
        listed = json.loads(warnings) if isinstance(warnings, str) else warnings
        assert [one["row"] for one in listed] == list(range(min(strange, MAX_WARNINGS)))
        assert told.get("warnings_left_out", 0) == max(strange - MAX_WARNINGS, 0)
        assert ("warnings" in told) is (strange > 0)


def test_a_payload_that_a_worker_reads_has_none() -> None:
    assert Payload(1, None, b"{}").warnings is None
