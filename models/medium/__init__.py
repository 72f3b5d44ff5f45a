"""Fitting data larger than memory on one machine."""
