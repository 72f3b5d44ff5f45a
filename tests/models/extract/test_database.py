"""Queries of a real SQLite and a real PostgreSQL: rows, types, marks, and what is refused."""

import datetime as dt
import sqlite3
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import psycopg
import pytest
import sqlalchemy

from models.errors import BadData
from models.extract import batches, commit_mark, extract
from models.extract.addresses import without_secrets
from models.places import Places
from models.spec import Specification
from tests.models.extract import postgres
from tests.models.extract.conftest import specify

PASSWORD = "s3cr3t-Tr4il"
ROWS = 25_000
COLUMNS: dict[str, dict[str, Any]] = {
    "id": {"type": "integer"},
    "name": {"type": "text", "nullable": True},
    "paid": {"type": "boolean", "nullable": True},
    "seen": {"type": "date"},
    "y": {"type": "number"},
}
QUERY = "SELECT id, name, paid, seen, y FROM visits ORDER BY id"


def rows() -> list[tuple[Any, ...]]:
    rng = np.random.default_rng(3)
    start = dt.datetime.fromisoformat("2024-01-01T12:00:00")
    return [
        (
            i,
            None if i % 7 == 0 else f"näme {i % 5}",
            None if i % 11 == 0 else i % 2 == 0,
            start + dt.timedelta(minutes=i),
            Decimal(str(round(float(y), 4))),
        )
        for i, y in enumerate(rng.normal(size=ROWS))
    ]


@pytest.fixture(scope="module")
def table() -> list[tuple[Any, ...]]:
    return rows()


@pytest.fixture(scope="module")
def port(table: list[tuple[Any, ...]]) -> Iterator[int]:
    """Return the port of a PostgreSQL with the table `visits`."""
    programs = postgres.binaries()
    if programs is None:
        pytest.skip("PostgreSQL's server is not installed: apt-get install postgresql")
    with postgres.cluster(programs, PASSWORD) as port:
        with psycopg.connect(address(port), autocommit=True) as connection:
            connection.execute(
                "CREATE TABLE visits (id int PRIMARY KEY, name text, paid boolean,"
                " seen timestamp, y numeric(12, 4), tags int[])"
            )
            with (
                connection.cursor() as cursor,
                cursor.copy("COPY visits (id, name, paid, seen, y) FROM STDIN") as copy,
            ):
                for row in table:
                    copy.write_row(row)
        yield port


def address(port: int, scheme: str = "postgresql", password: str = PASSWORD) -> str:
    return f"{scheme}://{postgres.SUPERUSER}:{password}@127.0.0.1:{port}/postgres"


@pytest.fixture
def in_postgres(port: int, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("VISITS_URL", address(port))
    return "VISITS_URL"


@pytest.fixture
def in_sqlite(places: Places, table: list[tuple[Any, ...]]) -> str:
    with sqlite3.connect(places.data / "visits.db") as base:
        base.execute("CREATE TABLE visits (id INTEGER, name TEXT, paid BOOLEAN, seen TEXT, y REAL)")
        base.executemany(
            "INSERT INTO visits VALUES (?, ?, ?, ?, ?)",
            [(*row[:3], row[3].isoformat(), float(row[4])) for row in table],
        )
    base.close()
    return "sqlite:///visits.db"


def spec_of(query: str = QUERY, **source: Any) -> Specification:
    return specify({"kind": "sql", "query": query, "max_rejected_share": 0.5, **source}, COLUMNS)


def expected(table: list[tuple[Any, ...]]) -> pd.DataFrame:
    ids, names, paid, seen, y = zip(*table, strict=True)
    return pd.DataFrame(
        {
            "id": np.asarray(ids, dtype="int64"),
            "name": pd.Series(names, dtype="str"),
            "paid": pd.Series(paid, dtype=object),
            "seen": pd.Series([at.isoformat() for at in seen], dtype="str"),
            "y": np.asarray([float(value) for value in y]),
        }
    )


def test_the_same_rows_from_both(
    places: Places, in_postgres: str, in_sqlite: str, table: list[tuple[Any, ...]]
) -> None:
    for spec in (spec_of(url_env=in_postgres), spec_of(url=in_sqlite)):
        done = extract(spec, places)
        pd.testing.assert_frame_equal(done.frame, expected(table))
        assert done.counts.rejected == 0
        reader = batches(spec, places, 4000)
        assert [len(frame) for frame in reader] == [4000] * 6 + [1000]
        assert PASSWORD not in done.source
    assert done.source == "a query of sqlite visits.db"


def test_values_are_bound(places: Places, in_postgres: str, in_sqlite: str) -> None:
    query = "SELECT * FROM visits WHERE name = :name AND id < :most ORDER BY id"
    given = {"name": "näme 1", "most": 20}
    for where in ({"url_env": in_postgres}, {"url": in_sqlite}):
        done = extract(spec_of(query, parameters=given, **where), places)
        assert done.frame["id"].tolist() == [1, 6, 11, 16]
    sly = {"name": "x' OR '1'='1", "most": 20}
    with pytest.raises(BadData, match="has no rows"):
        extract(spec_of(query, parameters=sly, url_env=in_postgres), places)


@pytest.mark.parametrize("bound", [True, False])
@pytest.mark.parametrize("column", ["id", "seen", "y"])
def test_marks_in_queries_and_beside_them(
    places: Places, in_postgres: str, in_sqlite: str, bound: bool, column: str
) -> None:
    query = f"SELECT * FROM visits WHERE id < 50 AND {column} > :mark" if bound else (
        "SELECT * FROM visits WHERE id < 50"
    )  # fmt: skip
    for where in ({"url_env": in_postgres}, {"url": in_sqlite}):
        spec = spec_of(query, mark={"column": column}, **where)
        first = extract(spec, places)
        assert len(first.frame) == 50
        half = sorted(first.frame[column].tolist())[30]
        commit_mark(spec, places, half)
        second = extract(spec, places)
        assert (len(second.frame), second.counts.read) == (19, 19)
        assert second.mark == first.mark == first.frame[column].max()
        (places.work / "mark.json").unlink()


def test_rows_of_a_database_that_break_the_contract(places: Places, in_postgres: str) -> None:
    query = (
        "SELECT id, tags AS name, paid, seen, y FROM visits WHERE id = 1 UNION ALL"
        " SELECT 2, ARRAY[1, 2], true, NULL, 1 UNION ALL"
        " SELECT 3, ARRAY[1, 2], true, '2024-01-01', 1 UNION ALL"
        " SELECT 4, NULL, NULL, 'infinity', 'NaN'"
    )
    spec = spec_of(query.replace("'infinity'", "'2024-01-01'"), url_env=in_postgres)
    with pytest.raises(BadData, match=r"3 of 4 rows \(75\.00%\)"):
        extract(spec, places)


@pytest.mark.parametrize(
    "query",
    [
        "INSERT INTO visits (id, seen, y) VALUES (-1, '2024-01-01', 1) RETURNING *",
        "DELETE FROM visits RETURNING *",
        "SELECT * FROM nowhere",
        "SELECT 1 FROM",
    ],
)
def test_a_query_reads_only(
    places: Places, in_postgres: str, in_sqlite: str, query: str, port: int
) -> None:
    for where in ({"url_env": in_postgres}, {"url": in_sqlite}):
        with pytest.raises(BadData, match="failed: ") as caught:
            extract(spec_of(query, **where), places)
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__
        assert PASSWORD not in str(caught.value)
    with psycopg.connect(address(port)) as connection:
        assert connection.execute("SELECT count(*) FROM visits").fetchone() == (ROWS,)


@pytest.mark.parametrize("query", ["ATTACH 'x.db' AS other", "PRAGMA user_version"])
def test_sqlite_sees_its_one_file(places: Places, in_sqlite: str, query: str) -> None:
    with pytest.raises(BadData, match=r"not authorized|prohibited"):
        extract(spec_of(query, url=in_sqlite), places)


def test_columns_of_a_query_are_named(places: Places, in_postgres: str) -> None:
    with pytest.raises(BadData) as caught:
        extract(spec_of("SELECT id, label, y FROM (SELECT 1 id, 2 label, 3 y) t",
                        url_env=in_postgres), places)  # fmt: skip
    assert "no column 'name', 'paid', 'seen'; it has: id, label, y" in str(caught.value)


def test_a_refused_login_never_tells_the_password(
    places: Places, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = "wr0ng-Passw0rd"
    for url in (
        address(port, password=wrong),
        address(port, "postgresql+psycopg", wrong),
        f"postgresql://127.0.0.1:{port}/postgres?user=u&password={wrong}",
    ):
        monkeypatch.setenv("VISITS_URL", url)
        with pytest.raises(BadData, match="failed: ") as caught:
            extract(spec_of(url_env="VISITS_URL"), places)
        assert wrong not in str(caught.value)
        assert f"postgresql 127.0.0.1:{port}/postgres" in str(caught.value)


def test_a_wrong_query_is_told_whole(places: Places, in_sqlite: str) -> None:
    """The address is opened with "ro", which stands in "error", too."""
    with pytest.raises(BadData, match=r"failed: near .*: syntax error$"):
        extract(spec_of(url=in_sqlite, query="SELECT id FRM visits"), places)


def test_a_driver_that_repeats_the_password_is_cut_short() -> None:
    url = sqlalchemy.make_url(f"postgresql://u:{PASSWORD}@h/b?sslpassword=0ther")
    told = without_secrets(f"\n could not use {PASSWORD} and 0ther\nmore {PASSWORD}", url)
    assert told == "could not use *** and ***"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "the environment variable VISITS_URL is not set"),
        (f"no url with {PASSWORD}", "the database's URL cannot be read"),
        (f"postgresql://u:{PASSWORD}@host:port/b", "the database's URL cannot be read"),
        (f"mysql://u:{PASSWORD}@host/b", "databases of 'mysql' are not allowed"),
        ("sqlite:////etc/passwd", "leads out of the data root"),
        ("sqlite:///../other.db", "leads out of the data root"),
        ("sqlite:///none.db", "has no database 'none.db'"),
        ("sqlite://", "a SQLite URL is sqlite:///FILE"),
        ("sqlite:///:memory:", "a SQLite URL is sqlite:///FILE"),
        ("sqlite:///file:/etc/passwd?uri=true", "a SQLite URL is sqlite:///FILE"),
        ("sqlite:///link.db", "leads out of the data root"),
    ],
)
def test_addresses_that_are_refused(
    places: Places, monkeypatch: pytest.MonkeyPatch, url: str, words: str
) -> None:
    (places.data.parent / "other.db").write_bytes(b"")
    (places.data / "link.db").symlink_to(places.data.parent / "other.db")
    monkeypatch.setenv("VISITS_URL", url)
    with pytest.raises(BadData) as caught:
        batches(spec_of(url_env="VISITS_URL"), places, 10)
    assert words in str(caught.value)
    assert PASSWORD not in str(caught.value)


def test_another_scheme_can_be_allowed(places: Places, in_sqlite: str) -> None:
    with pytest.raises(BadData, match=r"'sqlite' are not allowed; source\.schemes allows mysql"):
        extract(spec_of(url=in_sqlite, schemes=["mysql"]), places)
    assert len(extract(spec_of(url=in_sqlite, schemes=["sqlite+pysqlite", "sqlite"]), places).frame)
