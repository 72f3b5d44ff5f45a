"""The other protocols give each kind of model's answers, too: V2 tensors and CSV."""

import csv
import io
from typing import Any

import numpy as np
import pytest

from tests.integration.server import Service
from tests.integration.wire import get, post
from tests.kinds.agreement import same
from tests.kinds.conftest import Known
from tests.kinds.kind import as_json
from tests.kinds.test_kinds import expected

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


def test_v2_tensors(service: Service, known: Known) -> None:
    """Its metadata tells the inputs; its answer has the shape and the values of `predict`."""
    rows = known.many(12).dropna()
    path = f"/v2/models/{known.kind.name}"
    about = get(service.address, path).json()
    cells = as_json(rows)
    columns = {str(n): list(c) for n, c in zip(rows.columns, zip(*cells, strict=True), strict=True)}
    inputs = [
        {"name": one["name"], "datatype": one["datatype"]}
        | (
            {"shape": [len(rows)], "data": columns[one["name"]]}
            if one["name"] in columns
            else {"shape": [len(rows), len(columns)], "data": cells}
        )
        for one in about["inputs"]
    ]
    reply = post(service.address, f"{path}/infer", {"inputs": inputs})
    assert reply.status == 200, reply.body
    wanted = np.asarray(expected(known, rows))
    found = {one["name"]: one for one in reply.json()["outputs"]}["predict"]
    assert found["shape"] == list(wanted.shape)
    described = {one["name"]: one for one in about["outputs"]}["predict"]
    assert described["shape"] == [-1, *wanted.shape[1:]]
    assert described["datatype"] == found["datatype"]
    assert same(found["data"], wanted.ravel().tolist())


def test_csv_in_and_out(service: Service, known: Known) -> None:
    """Numbers in CSV are written so that they are read back to the bit."""
    rows = known.many(30).dropna()
    body = rows.to_csv(index=False).encode()
    headers = {"Content-Type": "text/csv; header=present", "Accept": "text/csv"}
    path = f"/v1/models/{known.kind.name}:predict"
    reply = post(service.address, path, body, headers)
    assert reply.status == 200, reply.body
    header, *lines = csv.reader(io.StringIO(reply.body.decode()))
    if header[-1] == "warnings":  # of columns whose policy is to flag; here is nothing to flag
        assert [line.pop() for line in lines] == [""] * len(lines)
    wanted = expected(known, rows)
    assert len(lines) == len(wanted)
    for line, one in zip(lines, wanted, strict=True):
        values: list[Any] = one if isinstance(one, list) else [one]
        assert len(line) == len(values)
        assert all(map(stands_for, line, values))


def stands_for(text: str, value: Any) -> bool:
    """Return whether a CSV cell is a value's text."""
    if isinstance(value, bool):
        return text == str(value).lower()
    return same(type(value)(text), value)
