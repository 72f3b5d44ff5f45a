"""Rows of earlier runs: an incremental source gives only what is new, and a fit needs them all."""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Final

import pandas as pd
import pyarrow.parquet as pq

from models.errors import BadData
from models.extract.extracted import Extracted
from models.extract.frames import empty_frame
from models.extract.mark import watermark
from models.extract.parts import write_parquet
from models.places import Places
from models.spec import Specification

ROWS: Final = "rows"


def with_kept_rows(spec: Specification, places: Places, new: Extracted) -> Extracted:
    """Return the rows of all runs, once the new ones are kept beside the others.

    A part is named after the mark that it begins above. So a run that ends before its mark is
    committed leaves a part that the next one replaces, and no row counts twice.

    Args:
        spec: without a mark in it, the new rows are all there are.
        places: their `work` gets rows/*.parquet.
        new: what this run has read.

    Raises:
        BadData: rows of earlier runs have other columns.
    """
    if spec.source.mark is None:
        return new
    if len(new.frame):
        path = part_path(spec, places)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_parquet(path, [new.frame], spec.columns)
    parts = kept_parts(places)
    frames = [_part(part, spec) for part in parts]
    whole = pd.concat(frames, ignore_index=True) if frames else new.frame
    return replace(new, frame=whole, source=f"{new.source}, {len(parts)} parts")


def part_path(spec: Specification, places: Places) -> Path:
    """Return where the new rows of this run are kept."""
    start = str(watermark(spec, places).start)
    name = f"after-{hashlib.sha256(start.encode()).hexdigest()[:16]}.parquet"
    return places.work / ROWS / name


def kept_parts(places: Places) -> list[Path]:
    """Return the parts of all runs, the oldest first."""
    parts = (places.work / ROWS).glob("after-*.parquet")
    return sorted(parts, key=lambda part: part.stat().st_mtime_ns)


def _part(path: Path, spec: Specification) -> pd.DataFrame:
    frame: pd.DataFrame = pq.read_table(path).to_pandas()
    if list(frame.columns) != list(spec.columns):
        raise BadData(
            f"{path} holds the columns {', '.join(frame.columns)}, and the specification has"
            f" {', '.join(spec.columns)}; move {path.parent} and mark.json away to read all anew"
        )
    return frame.astype(empty_frame(spec.columns).dtypes.to_dict())
