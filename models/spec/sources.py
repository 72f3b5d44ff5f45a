"""Where raw rows come from."""

import codecs
import re
from pathlib import PurePosixPath
from typing import Annotated, Final, Literal, Self

from pydantic import Field, field_validator, model_validator

from models.spec.base import Part, Share, Value

_PASSWORD: Final = re.compile(r"://[^/@:]*:[^@]+@|[?&]password=", re.IGNORECASE)
_BOUND: Final = re.compile(r"(?<![:\w\\]):(\w+)(?![:\w])")


class Mark(Part):
    """Incremental extraction: only rows whose column is above the highest value seen before."""

    column: str
    """A column that only grows: a number, a date or a text that sorts."""


class Source(Part):
    """What every source has."""

    max_rejected_share: Share = 0.01
    """The run stops if more than this part of the rows breaks the contract."""
    mark: Mark | None = None


class FileSource(Source):
    """A source of files under the data root."""

    path: str
    """A file, a folder or a pattern such as "parts/*.csv", under the data root."""

    @field_validator("path")
    @classmethod
    def _stays_below(cls, path: str) -> str:
        if "://" in path:
            raise ValueError(f"{path!r} is a URL; files are taken from the data root only")
        if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
            raise ValueError(f"{path!r} leaves the data root; give a path below it, and --data")
        return path


class CsvSource(FileSource):
    """CSV and other delimited text; a name that ends in .gz is unpacked."""

    kind: Literal["csv"]
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    quote: Annotated[str, Field(min_length=1, max_length=1)] = '"'
    encoding: str = "utf-8"
    header: bool = True
    """Whether the first line names the columns; if not, they are those of [columns], in order."""
    missing: tuple[str, ...] = ("", "NA", "NaN", "null")
    """Words for a missing value."""

    @field_validator("encoding")
    @classmethod
    def _is_known(cls, encoding: str) -> str:
        try:
            codecs.lookup(encoding)
        except LookupError as error:
            raise ValueError(f"there is no encoding {encoding!r}") from error
        return encoding


class JsonLinesSource(FileSource):
    """A JSON object a line; a name that ends in .gz is unpacked."""

    kind: Literal["jsonl"]


class ParquetSource(FileSource):
    """Parquet, one file or many."""

    kind: Literal["parquet"]


class SqlSource(Source):
    """A query of a database, by SQLAlchemy's URL."""

    kind: Literal["sql"]
    url: str = ""
    """Such as sqlite:///students.db (under the data root) or postgresql+psycopg://host/base; keep
    passwords out of the file: give `url_env`."""
    url_env: str = ""
    """The environment variable that holds the URL."""
    query: str
    """SELECT …; values are bound as :name, and :mark is the high-water mark if there is one."""
    parameters: dict[str, Value] = Field(default_factory=dict)
    schemes: Annotated[tuple[str, ...], Field(min_length=1)] = ("sqlite", "postgresql")
    """What the URL may begin with: "mysql", or with its driver "mysql+pymysql"."""

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if bool(self.url) == bool(self.url_env):
            raise ValueError("give either url or url_env")
        if _PASSWORD.search(self.url):
            # The specification is published with the model, for anyone to read.
            raise ValueError(
                "url holds a password; put the URL into an environment variable, and its name"
                " into url_env"
            )
        asked = set(_BOUND.findall(self.query))
        if self.mark is None and "mark" in asked:
            raise ValueError("query has :mark; name its column: mark = {column = …}")
        given = set(self.parameters) | ({"mark"} if self.mark else set())
        if "mark" in self.parameters:
            raise ValueError("parameters: mark is the high-water mark; choose another name")
        if asked - given:
            raise ValueError(f"query has :{min(asked - given)}; give it under parameters")
        if set(self.parameters) - asked:
            raise ValueError(f"parameters: query has no :{min(set(self.parameters) - asked)}")
        return self

    @property
    def asks_for_mark(self) -> bool:
        """Whether the query leaves out the rows of earlier runs itself, by :mark."""
        return "mark" in _BOUND.findall(self.query)


class SparkSource(Source):
    """A table, a query or files that Spark reads; for engine = "spark"."""

    kind: Literal["spark"]
    table: str = ""
    """A table of the catalogue (Hive metastore)."""
    path: str = ""
    """Files, as the cluster names them; local ones are under the data root."""
    format: Literal["parquet", "csv", "json", "orc"] = "parquet"
    query: str = ""
    """Spark SQL over the view `source`, or over tables."""
    options: dict[str, str] = Field(default_factory=dict)
    """Options of Spark's reader, such as header or delimiter."""


AnySource = Annotated[
    CsvSource | JsonLinesSource | ParquetSource | SqlSource | SparkSource,
    Field(discriminator="kind"),
]
