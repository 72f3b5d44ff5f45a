"""From raw columns to features: everything that serving needs is inside one fitted Pipeline."""

from models.transform.inputs import model_rows
from models.transform.pipeline import features, pipeline

__all__ = ["features", "model_rows", "pipeline"]
