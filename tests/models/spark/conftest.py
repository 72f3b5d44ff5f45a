"""One Spark session for all tests of this folder."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest
from pyspark.sql import SparkSession

from models.places import Places
from models.spark.session import Session, spark_session
from tests.models.spark.tables import people


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        pytest.skip("there is no java; Spark needs Java 17 or newer (Debian: openjdk-17-jre)")
    settings = {
        "spark.sql.shuffle.partitions": "2",
        "spark.default.parallelism": "2",
        # Compiling for a few hundred rows costs more than it saves.
        "spark.sql.codegen.wholeStage": "false",
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",
    }
    with spark_session(Session("local[2]", "1g", settings), "tests") as session:
        yield session


@pytest.fixture
def places(tmp_path: Path) -> Places:
    (tmp_path / "data").mkdir()
    return Places(tmp_path / "data", tmp_path / "work")


@pytest.fixture
def table(places: Places) -> Callable[..., pd.DataFrame]:
    """Write people.parquet under the data root."""

    def write(rows: int = 600, seed: int = 0) -> pd.DataFrame:
        frame = people(rows, seed)
        frame.to_parquet(places.data / "people.parquet")
        return frame

    return write
