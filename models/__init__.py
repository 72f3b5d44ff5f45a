"""Percore's model life cycle: data, features, fit, evaluate, store."""
