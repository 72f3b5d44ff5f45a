"""Which engine a specification asks for."""

from collections.abc import Callable
from dataclasses import dataclass

from models.commands.moving import Moving
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
    """The engine that a specification asks for; it tells the running stage how far it is.

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
        return engine_of(spec, stages, self.master)(spec, places, stages, is_known)


def engine_of(spec: Specification, stages: Stages, master: str) -> Engine:
    """Return the engine, which tells the running stage how far it is.

    Args:
        spec: whose `model.engine`.
        stages: told of what moves.
        master: of the Spark cluster; "" if none was named.

    Raises:
        StoreError: pyspark is not installed.
    """
    moving = Moving(stages.moved)
    if spec.model.engine == "memory":
        return MemoryEngine(moving.reading, moving.fits)
    if spec.model.engine == "batches":
        return BatchEngine(moving.reading, moving.fits)
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
