"""From a source to checked rows."""

from models.extract.batches import Batches, batches, extract
from models.extract.extracted import Extracted, RowCounts
from models.extract.mark import commit_mark

__all__ = ["Batches", "Extracted", "RowCounts", "batches", "commit_mark", "extract"]
