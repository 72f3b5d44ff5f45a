"""The form that every other one is compared with: scikit-learn itself."""

from typing import Any, Final

from models.forms.form import Name, Takes

METHODS: Final = ("predict", "predict_proba", "transform")


class ScikitForm:
    """A fitted estimator as it is.

    Args:
        estimator: whose methods these are.
    """

    name: Final[Name] = "scikit-learn"
    takes: Final[Takes] = "X"

    def __init__(self, estimator: Any) -> None:
        for method in METHODS:
            if hasattr(estimator, method):
                setattr(self, method, getattr(estimator, method))
