"""A model's parameters as files for other languages and other runtimes."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from models.errors import RefusedModel
from models.estimators import Estimator
from models.export.exported import Exported, Known
from models.export.network import export_onnx
from models.export.safe import export_skops
from models.export.support import export_support_vectors
from models.export.trees import export_trees
from models.export.weights import export_weights

__all__ = ["KINDS", "Exported", "Known", "export", "write_exports"]

FOLDER: Final = "export"

_WRITERS: Final[dict[str, Callable[[Estimator, Known, Path], Exported]]] = {
    "weights": export_weights,
    "trees": export_trees,
    "support_vectors": export_support_vectors,
    "onnx": export_onnx,
    "skops": export_skops,
}
KINDS: Final = tuple(_WRITERS)


def export(
    model: Estimator, kinds: Sequence[str], known: Known, folder: Path
) -> tuple[Exported, ...]:
    """Write a version's exports below folder/export.

    Args:
        model: a fitted pipeline or estimator.
        kinds: any of `KINDS`.
        known: what was found out about the model, or its manifest.
        folder: the version's folder.

    Raises:
        RefusedModel: a kind cannot be written of this model, and why.
        StoreError: a library is missing; the text names the extra.
    """
    return write_exports(model, kinds, known, folder / FOLDER) if kinds else ()


def write_exports(
    model: Estimator, kinds: Sequence[str], known: Known, out: Path
) -> tuple[Exported, ...]:
    """Write exports into a folder, which is made; see `export`."""
    out.mkdir(parents=True, exist_ok=True)
    written = []
    for kind in dict.fromkeys(kinds):
        try:
            written.append(_WRITERS[kind](model, known, out))
        except RefusedModel as error:
            raise RefusedModel(f"export {kind}: {error}") from error
    return tuple(written)
