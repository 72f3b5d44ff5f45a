"""Divisions of rows."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from models.errors import BadData, BadSpecification
from models.fit.split import divide
from models.fit.table import Table
from models.spec import Specification
from tests.models.fit.conftest import spec_of

Array = np.ndarray[Any, Any]


def table(y: Array, groups: Array | None = None) -> Table:
    return Table(pd.DataFrame({"x": np.arange(float(len(y)))}), y, groups)


def spec(task: str = "classification", **split: Any) -> Specification:
    rows = table(np.zeros(1))
    return spec_of(rows, task, {"estimator": {"name": "DummyClassifier"}}, split=split)


def classes(**counts: int) -> Array:
    return np.repeat(list(counts), list(counts.values()))


@pytest.mark.parametrize(
    "split",
    [{}, {"stratified": True}, {"group": "x"}, {"stratified": True, "group": "x"}],
    ids=["plain", "stratified", "groups", "stratified-groups"],
)
def test_parts_are_whole_disjoint_and_depend_on_the_seed_alone(split: dict[str, Any]) -> None:
    y = np.resize(["a", "b", "b"], 300)
    groups = np.arange(300) // 6 if "group" in split else None
    rows = table(y, groups)

    first, second = divide(spec(**split), rows, 1)
    assert np.array_equal(np.sort(np.concatenate([first, second])), np.arange(300))
    assert (np.diff(first) > 0).all()
    again = divide(spec(**split), rows, 1)
    assert np.array_equal(first, again[0])
    assert np.array_equal(second, again[1])
    assert not np.array_equal(second, divide(spec(**split), rows, 2)[1])


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5])
def test_parts_have_the_size_that_was_asked_for(share: float) -> None:
    rows = table(np.zeros(200))
    assert len(divide(spec(validation=share), rows, 0)[1]) == 200 * share


def test_classes_keep_their_shares() -> None:
    y = classes(a=180, b=20)
    _, validation = divide(spec(stratified=True, validation=0.1), table(y), 3)
    assert np.count_nonzero(y[validation] == "b") == 2


@pytest.mark.parametrize("stratified", [False, True])
def test_groups_stay_together_and_parts_near_their_size(stratified: bool) -> None:
    rng = np.random.default_rng(1)
    groups = rng.choice(["g" + str(i) for i in range(40)], 1000, p=rng.dirichlet(np.full(40, 3.0)))
    y = rng.choice(["a", "b"], 1000)
    for seed in range(20):
        fitted, validation = divide(
            spec(stratified=stratified, group="x", validation=0.25), table(y, groups), seed
        )
        assert not set(groups[fitted]) & set(groups[validation])
        assert 0.2 < len(validation) / 1000 < 0.3


@pytest.mark.parametrize(
    ("split", "rows", "words"),
    [
        ({"stratified": True}, table(classes(a=9, b=1)), "class 'b' has one row;"),
        ({"stratified": True}, table(classes(a=9, b=1, c=1, d=1)), "and so have 2 more classes"),
        ({"stratified": True}, table(np.repeat(np.arange(10), 2)), "20 rows with 10 classes"),
        ({}, table(np.zeros(1)), "1 rows cannot be divided with split.validation = 0.25"),
        (
            {"group": "x"},
            table(np.zeros(100), np.repeat(["big", "small"], [95, 5])),
            "the largest, 'big', has 95 of 100 rows",
        ),
        ({"group": "x"}, table(np.zeros(100), np.repeat("all", 100)), "there are 1 groups"),
    ],
    ids=["rare", "several-rare", "many-classes", "one-row", "large-group", "one-group"],
)
def test_what_cannot_be_divided_is_told(split: dict[str, Any], rows: Table, words: str) -> None:
    with pytest.raises(BadData, match=words):
        divide(spec(**split), rows, 0)


def test_splits_that_contradict_the_task() -> None:
    rows = table(np.linspace(0, 1, 50))
    with pytest.raises(BadSpecification, match="the task is regression"):
        divide(spec("regression", stratified=True), rows, 0)
    with pytest.raises(BadSpecification, match=r"split\.validation is 0"):
        divide(spec(validation=0), rows, 0)
