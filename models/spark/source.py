"""Raw rows as a Spark DataFrame."""

import re
from pathlib import PurePosixPath
from typing import Final

from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import StringType, StructField, StructType

from models.errors import BadData, BadSpecification
from models.extract.paths import source_files
from models.places import Places
from models.spec import Specification
from models.spec.sources import (
    AnySource,
    CsvSource,
    FileSource,
    JsonLinesSource,
    ParquetSource,
    SparkSource,
)

BROKEN: Final = "_broken_line"
"""A line that is no row, as it came; null for the others."""

CLUSTER_SCHEMES: Final = ("hdfs", "s3", "s3a", "gs", "abfs", "abfss", "dbfs")
"""Where a path of kind = "spark" may point to; file: would leave the data root."""


def raw_rows(spark: SparkSession, spec: Specification, places: Places) -> DataFrame:
    """Return the source's rows as they are; nothing is read yet but names and types.

    Raises:
        BadSpecification: Spark does not read this kind, or the path may not be read.
        BadData: there is no such table or file.
    """
    try:
        return _rows(spark, spec, places)
    except AnalysisException as error:
        first = str(error).splitlines()[0]
        raise BadData(f"{source_words(spec.source)} cannot be read by Spark: {first}") from error


def source_words(source: AnySource) -> str:
    """Return where rows come from, for a person."""
    if isinstance(source, FileSource):
        return f"{source.path} ({source.kind}, by Spark)"
    if isinstance(source, SparkSource):
        where = source.table or source.path or "a query"
        return f"{where} ({'query by ' if source.query else ''}Spark)"
    return source.kind


def _rows(spark: SparkSession, spec: Specification, places: Places) -> DataFrame:
    source = spec.source
    if isinstance(source, CsvSource):
        return _csv(spark, source, list(spec.columns), _local(places, source.path))
    if isinstance(source, JsonLinesSource):
        wanted = [contract.source or name for name, contract in spec.columns.items()]
        reader = spark.read.schema(_texts(wanted)).option("columnNameOfCorruptRecord", BROKEN)
        return reader.json(_local(places, source.path))
    if isinstance(source, ParquetSource):
        return spark.read.parquet(*_local(places, source.path))
    if isinstance(source, SparkSource):
        return _spark(spark, source, places)
    raise BadSpecification(
        f'source: kind = "{source.kind}" is not read by engine = "spark", which would need a JDBC'
        ' driver: make it a table of the catalogue, and use kind = "spark"'
    )


def _csv(
    spark: SparkSession, source: CsvSource, declared: list[str], files: list[str]
) -> DataFrame:
    reader = (
        spark.read.option("sep", source.delimiter)
        .option("quote", source.quote)
        # As in RFC 4180: a quote inside a quoted cell is doubled.
        .option("escape", source.quote)
        .option("encoding", source.encoding)
        .option("header", source.header)
        .option("multiLine", True)
        # What a missing value is says the contract, and not this reader.
        .option("nullValue", "\x00")
        .option("emptyValue", "")
    )
    names = reader.csv(files).columns if source.header else declared
    return (
        reader.schema(_texts(names))
        .option("columnNameOfCorruptRecord", BROKEN)
        # Files of one folder must agree in their headers.
        .option("enforceSchema", not source.header)
        .csv(files)
    )


def _texts(names: list[str]) -> StructType:
    """Return a schema of texts: the contract decides what each of them is."""
    return StructType([StructField(name, StringType()) for name in dict.fromkeys([*names, BROKEN])])


def _spark(spark: SparkSession, source: SparkSource, places: Places) -> DataFrame:
    if source.table and source.path:
        raise BadSpecification("source: give a table or a path, not both")
    rows = None
    if source.table:
        rows = spark.table(source.table)
    elif source.path:
        reader = spark.read.options(**source.options).format(source.format)
        rows = reader.load(_anywhere(places, source.path))
    if not source.query:
        if rows is None:
            raise BadSpecification('source: kind = "spark" needs a table, a path or a query')
        return rows
    if not re.match(r"\s*(select|with)\b", source.query, re.IGNORECASE):
        raise BadSpecification("source.query: only SELECT … and WITH … are run")
    if rows is not None:
        rows.createOrReplaceTempView("source")
    return spark.sql(source.query)


def _anywhere(places: Places, path: str) -> list[str]:
    scheme, found, _ = path.partition("://")
    if not found:
        return _local(places, path)
    if scheme not in CLUSTER_SCHEMES:
        raise BadSpecification(
            f"source.path: {scheme}:// is not read; {', '.join(CLUSTER_SCHEMES)} are, and files"
            " under the data root"
        )
    return [path]


def _local(places: Places, path: str) -> list[str]:
    """Return the URLs of files under the data root, so that no default file system is meant.

    Raises:
        BadSpecification: the path leaves the data root.
        BadData: nothing is there, or a link leads out of the data root.
    """
    parts = PurePosixPath(path)
    if parts.is_absolute() or ".." in parts.parts:
        raise BadSpecification(f"source.path: {path!r} leaves the data root")
    return [file.as_uri() for file in source_files(places.data, path)]
