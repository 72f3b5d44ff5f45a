"""The specification of a model's life cycle: one TOML file, checked before anything is read."""

from models.spec.reading import read_specification
from models.spec.specification import Specification

__all__ = ["Specification", "read_specification"]
