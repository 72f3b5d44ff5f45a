"""Which cells are measured, and in which form a peer enters them."""

import pytest

from loadtest.bench.cells import CELLS, FAMILIES, PLAN, best_form, planned
from loadtest.errors import ScenarioError
from loadtest.peers.catalogue import PEERS


def test_no_names_are_all_and_the_order_is_the_plans() -> None:
    everything = [(model, cell.name) for model, cell in planned([], [])]
    assert everything == [(model, name) for model, names in PLAN.items() for name in names]
    some = planned(["boosting", "iris"], ["batch", "c64"])
    assert [(model, cell.name) for model, cell in some] == [
        ("iris", "c64"), ("iris", "batch"), ("boosting", "c64"), ("boosting", "batch"),
    ]  # fmt: skip


def test_unknown_names_are_sentences() -> None:
    with pytest.raises(ScenarioError, match="wine is not a model; there are iris, "):
        planned(["wine"], [])
    with pytest.raises(ScenarioError, match="c7 is not a cell; there are c1, "):
        planned([], ["c7"])
    with pytest.raises(ScenarioError, match="No model of digits has a cell of c1"):
        planned(["digits"], ["c1"])
    with pytest.raises(ScenarioError, match="nginx is not a peer"):
        best_form("nginx", "iris", CELLS["c1"])


@pytest.mark.parametrize(
    ("peer", "model", "cell", "form"),
    [
        ("mosec", "iris", "c1", "mosec-alone"),
        ("mosec", "iris", "c64", "mosec"),
        ("mosec", "forest", "batch", "mosec-alone"),
        ("mosec-alone", "iris", "c64", "mosec-alone"),
        ("mlserver", "forest", "c64", "mlserver-parallel"),
        ("mlserver", "iris", "batch", "mlserver-alone"),
        ("mlserver", "iris", "v2-c64", "mlserver"),
        ("fastapi", "iris", "c64", "fastapi-async"),
        ("fastapi", "forest", "c64", "fastapi"),
        ("flask", "iris", "v2-c64", None),
        ("flask", "mixed", "c64", None),
        ("mlserver", "iris", "v2-binary-batch", None),
    ],
)
def test_a_family_enters_in_its_best_form(
    peer: str, model: str, cell: str, form: str | None
) -> None:
    found = best_form(peer, model, CELLS[cell])
    assert (None if found is None else found.name) == form


def test_every_form_is_one_of_its_family() -> None:
    for model, cell in planned([], []):
        for family in FAMILIES:
            found = best_form(family, model, cell)
            assert found is None or PEERS[found.name].folder == PEERS[family].folder


def test_cells_say_what_they_are() -> None:
    assert CELLS["c1"].words == "1 row as JSON, 1 connection"
    assert CELLS["arrow-100k"].words == "100,000 rows as Arrow, 2 connections"
