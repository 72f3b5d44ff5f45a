"""Percore's online half: HTTP in, workers, HTTP out."""

__version__ = "0.1.0"
