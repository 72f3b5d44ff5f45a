"""Files scored by a stored model, from a folder to a folder."""

from collections.abc import Mapping
from dataclasses import dataclass

import pyspark.sql.functions as F
from pyspark.errors import AnalysisException
from pyspark.sql import DataFrameReader, SparkSession

from models.errors import BadData
from models.spark.score import ERROR, PROBABILITIES, score
from models.spark.session import Session, spark_session
from models.store import Store


@dataclass(frozen=True)
class Batch:
    """What to read and write.

    Args:
        rows: a path or URL that Spark reads.
        out: a folder that Spark writes.
        format_in: parquet, csv, json or orc.
        format_out: one of them.
        overwrite: replace what is at `out`.
    """

    rows: str
    out: str
    format_in: str = "parquet"
    format_out: str = "parquet"
    overwrite: bool = False


@dataclass(frozen=True)
class Scored:
    """What was written.

    Args:
        version: which version answered.
        rows: how many rows.
        errors: why rows have no prediction → how many.
    """

    version: int
    rows: int
    errors: Mapping[str, int]


def score_files(
    session: Session, batch: Batch, store: Store, model: tuple[str, int | str]
) -> Scored:
    """Score files and say how it went.

    Raises:
        BadData: the files cannot be read or written, or lack a column.
        UnknownModel: there is no such version.
        ArtefactError: its files are not those that were published.
    """
    name, which = model
    version = store.resolve(name, which)
    with spark_session(session, f"score {name}") as spark:
        try:
            scored = score(_reader(spark, batch.format_in).load(batch.rows), store, name, version)
            if batch.format_out == "csv" and PROBABILITIES in scored.columns:
                scored = scored.withColumn(PROBABILITIES, F.to_json(PROBABILITIES))
            mode = "overwrite" if batch.overwrite else "errorifexists"
            writer = scored.write.format(batch.format_out).mode(mode)
            writer.option("header", True).save(batch.out)
            # JSON leaves out what is null, a whole column too.
            typed = _reader(spark, batch.format_out).schema(scored.schema)
            written = typed.load(batch.out)
        except AnalysisException as error:
            raise BadData(str(error).splitlines()[0]) from error
        found = written.groupBy(F.col(ERROR)).count().collect()
    counts = {row[ERROR]: int(row["count"]) for row in found}
    rows = sum(counts.values())
    counts.pop(None, None)
    return Scored(version, rows, counts)


def _reader(spark: SparkSession, kind: str) -> DataFrameReader:
    reader = spark.read.format(kind)
    return reader.option("header", True) if kind == "csv" else reader
