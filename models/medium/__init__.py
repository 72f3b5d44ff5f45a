"""Fitting data larger than memory on one machine."""

from models.medium.engine import BatchEngine

__all__ = ["BatchEngine"]
