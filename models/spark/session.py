"""A Spark session that starts quietly, stays within its memory, and ends."""

import os
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pyspark
from pyspark.sql import SparkSession

ROOT: Final = Path(__file__).parents[2]
"""Where `models` is imported from; local executors import it from there, too."""

NEEDED: Final = {
    "spark.sql.session.timeZone": "UTC",
    # A value that does not fit its column has a reason in a file, and ends no run.
    "spark.sql.ansi.enabled": "false",
    # A line with too few or too many cells is known only if all of it is read.
    "spark.sql.csv.parser.columnPruning.enabled": "false",
}

LOCAL: Final = "local[2]"
SUBMITTED: Final = "PYSPARK_GATEWAY_PORT"
"""The variable by which spark-submit tells Python that the JVM, and its master, are there."""

LOCAL_PARTITIONS: Final = 8
"""Of a shuffle in local mode; Spark's own 200 are meant for a cluster."""


@dataclass(frozen=True)
class Session:
    """How to reach Spark.

    Args:
        master: local[2], local-cluster[…], yarn, k8s://…, spark://…; empty: what spark-submit has
            set, or else local[2].
        memory: of the driver, as Spark writes it; counts where this process starts the JVM.
        settings: further settings of Spark, which go before all others.
    """

    master: str = ""
    memory: str = "2g"
    settings: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def spark_session(wanted: Session, name: str) -> Iterator[SparkSession]:
    """Start a session, or borrow the one that runs; only one that was started here is stopped.

    A borrowed one has its own settings back at the end.
    """
    running = SparkSession.getActiveSession()
    if running is not None:
        before = {key: running.conf.get(key) for key in NEEDED}
        try:
            _set(running, NEEDED)
            yield running
        finally:
            _set(running, before)
        return
    spark = _start(wanted, name)
    try:
        yield spark
    finally:
        spark.stop()


def _set(spark: SparkSession, settings: Mapping[str, str | None]) -> None:
    for key, value in settings.items():
        if value is not None:
            spark.conf.set(key, value)


def _start(wanted: Session, name: str) -> SparkSession:
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    settings = dict(NEEDED)
    master = wanted.master or ("" if SUBMITTED in os.environ else LOCAL)
    builder = SparkSession.builder.appName(name)
    if master:
        builder = builder.master(master)
    if master.startswith("local"):
        settings |= _local(wanted)
    for key, value in (settings | dict(wanted.settings)).items():
        builder = builder.config(key, value)
    with warnings.catch_warnings():
        # Rows reach pandas by Arrow, and not by PySpark.
        warnings.filterwarnings("ignore", message="PySpark does not yet fully support pandas")
        spark = _with_hive(builder).getOrCreate()
    _hush(spark)
    return spark


def _hush(spark: SparkSession) -> None:
    spark.sparkContext.setLogLevel("ERROR")
    jvm = spark.sparkContext._jvm
    if jvm is not None:
        # The optimiser calls each line search that it begins anew an error.
        log4j = jvm.org.apache.logging.log4j
        log4j.core.config.Configurator.setLevel("breeze.optimize", log4j.Level.OFF)


def _local(wanted: Session) -> dict[str, str]:
    # Nobody but this machine may talk to a local session.
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    return {
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.memory": wanted.memory,
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": str(sys.stderr.isatty()).lower(),
        "spark.sql.shuffle.partitions": str(LOCAL_PARTITIONS),
        "spark.executorEnv.PYTHONPATH": str(ROOT),
    }


def _with_hive(builder: "SparkSession.Builder") -> "SparkSession.Builder":
    """Use the Hive metastore where a cluster's hive-site.xml names one."""
    folders = [os.environ.get("SPARK_CONF_DIR"), os.environ.get("HADOOP_CONF_DIR")]
    home = os.environ.get("SPARK_HOME", str(Path(pyspark.__file__).parent))
    for folder in [*folders, f"{home}/conf"]:
        if folder and (Path(folder) / "hive-site.xml").is_file():
            return builder.enableHiveSupport()
    return builder
