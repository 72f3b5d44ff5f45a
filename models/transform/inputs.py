"""The rows as the pipeline takes them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from models.errors import BadData
from models.pictures import opened
from models.rows import Array, Rows
from models.spec import Specification


def model_rows(spec: Specification, frame: pd.DataFrame, data_root: Path) -> Rows:
    """Return X of typed raw rows.

    Args:
        spec: whose feature columns.
        frame: rows that keep the contract.
        data_root: the folder that pictures are read from.

    Returns:
        A DataFrame of the feature columns, in the order of [columns]; for pictures a 1-D object
        array of the encoded files.

    Raises:
        BadData: a picture's file is missing, unreadable or outside of the data root.
    """
    names = spec.feature_columns()
    if spec.features[0].kind == "picture":
        return read_pictures(frame[names[0]].tolist(), data_root)
    return frame[names]


def read_pictures(files: Sequence[str], data_root: Path) -> Array:
    """Return a 1-D object array with the bytes of PNG and JPEG files.

    Args:
        files: names under the data root.
        data_root: no file outside of it is read.

    Raises:
        BadData: a file is missing, outside of the data root, or no picture that can be decoded.
    """
    root = data_root.resolve()
    pictures = np.empty(len(files), dtype=object)
    for position, name in enumerate(files):
        pictures[position] = _picture(name, root)
    return pictures


def _picture(name: str, root: Path) -> bytes:
    path = (root / name).resolve()
    if not path.is_relative_to(root):
        raise BadData(f"picture {name!r} lies outside of the data root; give paths below it")
    try:
        encoded = path.read_bytes()
    except OSError as error:
        raise BadData(f"picture {name!r} cannot be read: {error.strerror}") from error
    try:
        opened(encoded).load()
    except (OSError, ValueError, SyntaxError) as error:
        raise BadData(f"{name!r} is no PNG or JPEG that can be decoded: {error}") from error
    return encoded
