"""Finds the highest rate that a fleet sustains under an SLO."""
