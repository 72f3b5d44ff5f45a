"""A fingerprint of training data: equal for equal rows in equal order, and for nothing else."""

import hashlib
from typing import Any

import numpy as np
import pandas as pd

from models.pictures import as_png
from models.rows import Array, Rows


def fingerprint(X: Rows, y: Array) -> str:
    """Return SHA-256 over columns' names, dtypes and values and over the targets, in order.

    Args:
        X: training rows: a DataFrame, or a 1-D object array of pictures.
        y: targets, one a row.
    """
    digest = hashlib.sha256()
    if isinstance(X, pd.DataFrame):
        for name, column in X.items():
            digest.update(f"{name}\0{column.dtype}\0".encode())
            digest.update(_hashes(column))
    else:
        for picture in X:
            encoded = as_png(picture)
            digest.update(len(encoded).to_bytes(8, "little") + encoded)
    digest.update(f"target\0{np.asarray(y).dtype.kind}\0".encode())
    digest.update(_hashes(pd.Series(np.asarray(y))))
    return digest.hexdigest()


def _hashes(values: "pd.Series[Any]") -> bytes:
    return pd.util.hash_pandas_object(values, index=False).to_numpy(dtype="<u8").tobytes()
