"""Every refusal of a specification says where and what; TOML's own errors stay readable."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from models.errors import BadSpecification
from models.spec import Specification, read_specification

GOOD = """
[model]
name = "students"
task = "regression"
[source]
kind = "csv"
path = "students.csv"
delimiter = ";"
[columns.age]
type = "integer"
min = 10
max = 30
[columns.school]
type = "text"
values = ["GP", "MS"]
[columns.G3]
type = "number"
[target]
column = "G3"
[[features]]
kind = "numeric"
columns = ["age"]
[[features]]
kind = "onehot"
columns = ["school"]
[fit]
runs = 30
metric = "r2"
[fit.estimator]
name = "Ridge"
[fit.search]
alpha = { low = 0.01, high = 100, log = true }
"""
SQL = {"kind": "sql", "url": "sqlite:///a.db", "query": "SELECT * FROM t"}


def changed(table: str, value: Any) -> dict[str, Any]:
    """Return the good specification with one key set; "a.b" reaches into tables."""
    tables = tomllib.loads(GOOD)
    *path, last = table.split(".")
    place: Any = tables
    for key in path:
        place = place[int(key)] if isinstance(place, list) else place.setdefault(key, {})
    if value is None:
        del place[last]
    else:
        place[last] = value
    return tables


def read(tmp_path: Path, text: str) -> Specification:
    path = tmp_path / "students.toml"
    path.write_text(text)
    return read_specification(path)


def test_a_good_file(tmp_path: Path) -> None:
    spec = read(tmp_path, GOOD)
    assert spec.feature_columns() == ["age", "school"]
    assert spec.metric == "r2"
    assert spec.split.held_out == 0.2
    assert spec.source.max_rejected_share == 0.01


@pytest.mark.parametrize(
    ("table", "value", "words"),
    [
        ("model.name", "Students!", "model.name: "),
        ("model.task", "ranking", "model.task: input should be 'classification' or 'regression'"),
        ("model.seed", -1, "model.seed: "),
        ("model.sed", 1, "model.sed: extra inputs are not permitted"),
        ("source.kind", "excel", "source: input tag 'excel'"),
        ("source.delimiter", ";;", "source.csv.delimiter: "),
        ("source.encoding", "utf-9", "source.csv.encoding: there is no encoding 'utf-9'"),
        ("source.max_rejected_share", 1.0, "source.csv.max_rejected_share: "),
        ("source.path", "/etc/passwd", "'/etc/passwd' leaves the data root"),
        ("source.path", "a/../../b.csv", "'a/../../b.csv' leaves the data root"),
        ("source.path", "https://host/a.csv", "'https://host/a.csv' is a URL"),
        ("source.mark", {"column": "day"}, "source.mark names 'day'; [columns] has age, school"),
        ("columns", {}, "columns: "),
        ("columns.age.type", "int", "columns.age.type: "),
        ("columns.age.min", 31, "columns.age: min = 31 is above max = 30"),
        ("columns.school.min", 1, "columns.school: min and max are for numbers"),
        ("columns.age.format", "%Y-%m-%d", "columns.age: format is for dates"),
        ("columns.school.decimal", ",", "columns.school: decimal is for numbers"),
        ("columns.age.pattern", "x", "columns.age: a pattern is for texts"),
        ("columns.school.pattern", "(", "columns.school: pattern is no regular expression"),
        ("columns.school.values", [], "columns.school: values is empty"),
        ("columns.school.values", [1], "columns.school: values has 1, and the type is text"),
        ("columns.age.values", ["1"], "columns.age: values has '1', and the type is integer"),
        ("columns.age.values", [True], "columns.age: values has True, and the type is integer"),
        ("target.column", "G4", "target names 'G4'; [columns] has age, school, G3"),
        ("features", [], "features: "),
        ("features.0.columns", [], "features.0.numeric.columns: "),
        ("features.0.columns", ["agee"], "features names 'agee'; [columns] has age, school, G3"),
        ("features.1.columns", ["age"], "features: 'age' stands in two rules"),
        ("features.0.columns", ["G3"], "features: 'G3' is the target"),
        ("features.0.kind", "magic", "features.0: input tag 'magic'"),
        ("features.0.impute", "guess", "features.0.numeric.impute: "),
        ("split.held_out", 1.5, "split.held_out: "),
        ("split.group", "class", "split.group names 'class'"),
        ("publish.slices", ["sex"], "publish.slices names 'sex'"),
        ("publish.policies", ["age:rare=flag"], "publish.policies: 'age:rare=flag' is no policy"),
        ("publish.policies", ["sex:missing=flag"], "'sex:missing=flag' names no column of"),
        ("publish.policies", ["G3:missing=flag"], "names no column of [[features]]; they have age"),
        ("fit.estimator", None, "fit.estimator: field required"),
        ("fit.runs", 0, "fit.runs: "),
        ("fit.search.alpha", {"low": 2, "high": 1}, "low must be below high"),
        ("fit.search.alpha", {"low": 0, "high": 1, "log": True}, "above 0 if log = true"),
        ("medium.memory_bytes", 1000, "medium.memory_bytes: "),
        ("source", {"kind": "spark", "table": "t"}, 'kind = "spark" needs engine = "spark"'),
        ("source", SQL | {"url": ""}, "source.sql: give either url or url_env"),
        ("source", SQL | {"url_env": "URL"}, "source.sql: give either url or url_env"),
        ("source", SQL | {"query": "SELECT :a"}, "query has :a; give it under parameters"),
        ("source", SQL | {"parameters": {"a": 1}}, "parameters: query has no :a"),
        ("source", SQL | {"query": "SELECT :mark"}, "query has :mark; name its column"),
        (
            "source",
            SQL | {"query": "SELECT :mark", "mark": {"column": "age"}, "parameters": {"mark": 1}},
            "parameters: mark is the high-water mark",
        ),
    ],
)
def test_every_refusal_is_named(table: str, value: Any, words: str, tmp_path: Path) -> None:
    with pytest.raises(BadSpecification) as caught:
        _read_tables(tmp_path, changed(table, value))
    first, *lines = str(caught.value).splitlines()
    assert first == f"{tmp_path / 'students.toml'} does not say what to do:"
    assert any(words in line for line in lines), lines


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("runs = 30", "runs = 0").replace('"integer"', '"int"')
    with pytest.raises(BadSpecification) as caught:
        read(tmp_path, text)
    assert len(str(caught.value).splitlines()) == 3


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:h1dden@host/base",
        "postgresql+psycopg://me:h1d/den@host:5432/base",
        "postgresql://host/base?user=me&password=h1dden",
    ],
)
def test_a_password_in_the_file_is_refused_and_not_repeated(tmp_path: Path, url: str) -> None:
    tables = changed("source", SQL | {"url": url})
    with pytest.raises(BadSpecification, match="url holds a password; put the URL into") as caught:
        _read_tables(tmp_path, tables)
    assert "h1d" not in str(caught.value)
    with pytest.raises(ValidationError) as inner:
        Specification.model_validate(tables)
    assert "h1d" not in str(inner.value)


@pytest.mark.parametrize("contract", [{"nullable": True}, {"type": "boolean"}])
def test_a_mark_must_grow_and_be_there(tmp_path: Path, contract: dict[str, Any]) -> None:
    tables = changed("source.mark", {"column": "at"})
    tables["columns"]["at"] = {"type": "integer", **contract}
    with pytest.raises(BadSpecification, match=r"source\.mark: 'at' must be a number, a date or"):
        _read_tables(tmp_path, tables)


def test_a_time_of_day_or_a_cast_in_a_query_is_no_parameter() -> None:
    query = "SELECT a::text, '10:30' FROM t WHERE a > :low"
    tables = changed("source", SQL | {"query": query, "parameters": {"low": 1}})
    source = Specification.model_validate(tables).source
    assert source.kind == "sql"
    assert not source.asks_for_mark


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[model\nname = 1", "is not TOML: "),
        ("[model]\nname = students", "line 2"),
        ("[model]\n[model]\n", "line 2"),
    ],
)
def test_toml_errors_say_the_line(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(BadSpecification) as caught:
        read(tmp_path, text)
    assert words in str(caught.value)
    assert "line" in str(caught.value)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(BadSpecification, match=r"none\.toml cannot be read: No such file"):
        read_specification(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes(b'name = "\xe9"')
    with pytest.raises(BadSpecification, match=r"latin\.toml is not TOML"):
        read_specification(tmp_path / "latin.toml")


def _read_tables(tmp_path: Path, tables: dict[str, Any]) -> Specification:
    return read(tmp_path, "\n".join(_toml(tables)))


def _toml(tables: dict[str, Any]) -> list[str]:
    return [f"{key} = {_value(value)}" for key, value in tables.items()]


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_value(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value)


@pytest.mark.parametrize("form", ["%d.%m", "%d.%m.%y", "%Y-%m-%d %M", "%Y-%m-%d %H", "%Y%Y%m%d"])
def test_forms_of_dates_that_are_not_read(form: str) -> None:
    changes = {"type": "date", "values": None, "format": form}
    with pytest.raises(ValidationError, match="needs %Y, %m and %d once each"):
        Specification.model_validate(changed("columns.school", changes))
