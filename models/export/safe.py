"""A skops file: a model that is read without running code of the file."""

from pathlib import Path
from typing import Any, Final

import numpy as np

from models.errors import RefusedModel, StoreError
from models.estimators import Estimator, answer
from models.export.exported import Exported, Known
from models.rows import to_rows

FILE: Final = "model.skops"


def export_skops(model: Estimator, known: Known, out: Path) -> Exported:
    """Write model.skops, and read it back.

    Raises:
        RefusedModel: skops cannot write or read a part of the model, or it answers otherwise.
        StoreError: skops is not installed.
    """
    skops = _library()
    path = out / FILE
    try:
        skops.dump(model, path)
        untrusted = skops.get_untrusted_types(file=path)
        # These are the types of the model at hand, which is in memory already.
        again = skops.load(path, trusted=untrusted)
    except Exception as error:
        path.unlink(missing_ok=True)
        raise RefusedModel(f"skops cannot carry it: {type(error).__name__}: {error}") from error
    rows = to_rows(known.input, known.golden.instances)
    if not np.array_equal(np.asarray(answer(model, rows)), np.asarray(answer(again, rows))):
        path.unlink()
        raise RefusedModel("what skops reads back answers otherwise")
    words = "read back, it answers the golden rows the same"
    if untrusted:
        words += f"; whoever loads it must trust {', '.join(untrusted)}"
    return Exported("skops", (FILE,), words)


def _library() -> Any:
    try:
        import skops.io as library  # noqa: PLC0415  # an optional extra
    except ModuleNotFoundError as error:
        raise StoreError(
            "export skops needs skops, which is not installed here: pip install 'percore[train]'"
        ) from error
    return library
