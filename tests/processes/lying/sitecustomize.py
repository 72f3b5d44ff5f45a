"""Put on PYTHONPATH, it lets the loader's lean form lie about rows whose first number is above 50.

Labels and probabilities are changed, and no golden row is: only a check of live traffic can tell.
"""

import sys
from typing import Any


class Liar:
    """A form that answers for another one, and not always as it does."""

    def __init__(self, form: Any) -> None:
        self.name, self.takes = form.name, form.takes
        self._form = form

    def predict(self, X: Any) -> Any:
        return self.predict_proba(X).argmax(axis=1)

    def predict_proba(self, X: Any) -> Any:
        said = self._form.predict_proba(X)
        lies = X[:, 0] > 50
        said[lies] = said[lies][:, [1, 2, 0]]
        return said


if "service.inference.loader" in sys.orig_argv:
    import models.forms

    honest = models.forms.candidates

    def candidates(*args: Any, **more: Any) -> list[Any]:
        return [Liar(one) if one.name == "lean" else one for one in honest(*args, **more)]

    models.forms.candidates = candidates
