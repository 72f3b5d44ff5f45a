"""Rows of all runs of an incremental source, batch after batch."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from models.errors import BadData
from models.extract.batches import Batches
from models.extract.frames import frame_of
from models.extract.kept import kept_parts, part_path
from models.extract.parts import write_parquet
from models.places import Places
from models.spec import Specification


def all_rows(
    spec: Specification, places: Places, reader: Batches, folder: Path, batch_rows: int
) -> Iterator[pd.DataFrame]:
    """Yield the rows of this run and, with a high-water mark, those that earlier ones kept.

    As `models.extract.kept` does with all rows in memory, and with the same files.

    Args:
        spec: without a mark in it, the new rows are all there are.
        places: their `work` has rows/*.parquet.
        reader: of the new rows.
        folder: on the same disk, for the new rows until all are there.
        batch_rows: of each frame.

    Raises:
        BadData: as the reader; or rows of earlier runs have other columns.
    """
    if spec.source.mark is None:
        yield from reader
        return
    new = folder / "new.parquet"
    if write_parquet(new, reader, spec.columns):
        path = part_path(spec, places)
        path.parent.mkdir(parents=True, exist_ok=True)
        new.replace(path)
    for part in kept_parts(places):
        yield from _frames(part, spec, batch_rows)


def _frames(path: Path, spec: Specification, batch_rows: int) -> Iterator[pd.DataFrame]:
    with pq.ParquetFile(path, pre_buffer=False) as file:
        if file.schema_arrow.names != list(spec.columns):
            raise BadData(
                f"{path} holds the columns {', '.join(file.schema_arrow.names)}, and the"
                f" specification has {', '.join(spec.columns)}; move {path.parent} and mark.json"
                " away to read all anew"
            )
        for batch in file.iter_batches(batch_rows, use_threads=False):
            values = dict(zip(batch.schema.names, batch.columns, strict=True))
            yield frame_of(spec.columns, values, np.ones(len(batch), dtype=bool))
