"""Which engine a specification asks for."""

from collections.abc import Callable
from dataclasses import dataclass

from models.commands.shown import Shown
from models.errors import StoreError
from models.evidence import Fitted
from models.lifecycle import Engine
from models.medium.engine import BatchEngine
from models.memory import MemoryEngine
from models.places import Places
from models.spec import Specification
from models.stages import Stages


@dataclass(frozen=True)
class SpecifiedEngine:
    """The engine that a specification asks for; it shows how far it is.

    Args:
        master: of a Spark cluster; "" if none was named.
    """

    master: str = ""

    def __call__(
        self,
        spec: Specification,
        places: Places,
        stages: Stages,
        is_known: Callable[[str], bool],
    ) -> Fitted | None:
        """Return the winner; see the engine in question.

        Raises:
            StoreError: what is wrong with specification, rows or installation.
        """
        with Shown(spec.model.name) as shown:
            return engine_of(spec, shown, self.master)(spec, places, stages, is_known)


def engine_of(spec: Specification, shown: Shown, master: str) -> Engine:
    """Return the engine, which shows how far it is.

    Args:
        spec: whose `model.engine`.
        shown: told of what moves.
        master: of the Spark cluster; "" if none was named.

    Raises:
        StoreError: pyspark is not installed.
    """
    if spec.model.engine == "memory":
        return MemoryEngine(shown.reading, shown.fits)
    if spec.model.engine == "batches":
        return BatchEngine(shown.reading, shown.fits)
    try:
        from models.spark.engine import SparkEngine  # noqa: PLC0415  # an optional extra
        from models.spark.session import Session  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "pyspark":
            raise
        raise StoreError(
            'engine = "spark" needs pyspark, which is not installed here: pip install'
            " 'percore[spark]'; it needs a Java runtime as well"
        ) from error
    return SparkEngine(Session(master=master) if master else Session())
