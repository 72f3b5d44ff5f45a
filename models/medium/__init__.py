"""Fitting data larger than memory on one machine."""

from models.medium.engine import BatchEngine
from models.medium.progress import pass_bar

__all__ = ["BatchEngine", "pass_bar"]
