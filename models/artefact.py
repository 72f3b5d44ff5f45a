"""A model as a joblib file: what it names, loading it, and writing it.

Loading a joblib file runs code from it. `modules_named` reads the file without running anything.
"""

import pickle
import warnings
from pathlib import Path
from typing import Any, BinaryIO, Final, Self

import joblib
from joblib.numpy_pickle import NumpyArrayWrapper, NumpyUnpickler
from joblib.numpy_pickle_utils import _validate_fileobject_and_memmap
from sklearn.exceptions import InconsistentVersionWarning

from models.errors import RefusedModel
from models.estimators import Estimator

_HARMLESS: Final = {
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("joblib.numpy_pickle", NumpyArrayWrapper.__name__),
}
"""Needed to find where an array's bytes end; none of them runs anything of the file."""


class _Stand:
    """Stands for whatever the file would make; takes every state and does nothing."""

    def __new__(cls, *_args: object, **_kwargs: object) -> Self:
        return object.__new__(_Stand)  # type: ignore[return-value]

    def __init__(self, *_args: object, **_kwargs: object) -> None: ...

    def __call__(self, *_args: object, **_kwargs: object) -> "_Stand":
        return _Stand()

    def __setstate__(self, _state: object) -> None: ...

    def __setitem__(self, _key: object, _value: object) -> None: ...

    def append(self, _item: object) -> None: ...

    def extend(self, _items: object) -> None: ...

    def add(self, _item: object) -> None: ...


class _Reader(NumpyUnpickler):  # type: ignore[misc]
    """Reads a joblib stream to its end, noting every class and function that it names."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__("", file, ensure_native_byte_order=False)
        self.named: list[tuple[str, str]] = []

    def find_class(self, module: str, name: str) -> Any:
        self.named.append((module, name))
        return super().find_class(module, name) if (module, name) in _HARMLESS else _Stand


def modules_named(path: Path) -> set[str]:
    """Return the modules whose classes or functions the file names; nothing of it is run.

    Raises:
        RefusedModel: it is no joblib file, or a class in it lives in `__main__`.
    """
    with path.open("rb") as raw, _validate_fileobject_and_memmap(raw, str(path)) as (file, _):
        if isinstance(file, str):
            raise RefusedModel(f"{path.name} was written by joblib before 0.10; dump it again")
        reader = _Reader(file)
        failure: Exception | None = None
        try:
            reader.load()
        except (pickle.UnpicklingError, EOFError) as error:
            failure = error
        except Exception as error:
            # Then loading decides; what was named up to here is still checked.
            failure = None if reader.named else error
    _refuse_main(path, reader.named)
    if failure is not None:
        raise RefusedModel(
            f"{path.name} cannot be read as a joblib file ({failure}); write it with joblib.dump"
        ) from failure
    return {module for module, _ in reader.named}


def load(path: Path) -> Estimator:
    """Load a model that somebody else fitted. This runs code from the file.

    Raises:
        RefusedModel: it cannot be loaded here, or was written by another scikit-learn.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", InconsistentVersionWarning)
            return joblib.load(path)
    except InconsistentVersionWarning as warning:
        raise RefusedModel(
            f"{path.name} was fitted with scikit-learn {warning.original_sklearn_version} and this"
            f" is {warning.current_sklearn_version}: fit it again with this version, or install"
            f" scikit-learn=={warning.original_sklearn_version} here"
        ) from warning
    except ModuleNotFoundError as error:
        raise RefusedModel(
            f"{path.name} needs the module {error.name!r}, which is not installed here"
        ) from error
    except Exception as error:
        raise RefusedModel(
            f"{path.name} cannot be loaded: {type(error).__name__}: {error}"
        ) from error


def save(model: Estimator, path: Path) -> None:
    """Write a fitted model, uncompressed, so that it loads fast."""
    joblib.dump(model, path, compress=0)


def _refuse_main(path: Path, named: list[tuple[str, str]]) -> None:
    homeless = sorted(name for module, name in named if module == "__main__")
    if homeless:
        raise RefusedModel(
            f"{path.name} needs {homeless[0]!r} from the script or notebook that fitted it"
            " (__main__), which no other process can import: move it into a module that is"
            " installed here, import it from there, fit and dump again"
        )
