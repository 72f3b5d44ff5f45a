"""Models that behave badly in one way each; the tests register them as a user would."""

import os
import signal
import threading
import time
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, RegressorMixin


class Plain(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Answers the sum of a row; fitted on nothing but its width."""

    def fit(self, X: Any, y: Any = None) -> "Plain":
        self.n_features_in_ = np.asarray(X).shape[1]
        return self

    def predict(self, X: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return np.asarray(np.asarray(X, dtype=float).sum(axis=1))


class Killer(Plain):
    """Ends its process on a row whose sum is 666."""

    def predict(self, X: npt.NDArray[Any]) -> npt.NDArray[Any]:
        sums = super().predict(X)
        if (sums == 666).any():
            os._exit(9)
        return sums


class Suicide(Plain):
    """Kills its process, as somebody else would, on a row whose sum is 666."""

    def predict(self, X: npt.NDArray[Any]) -> npt.NDArray[Any]:
        sums = super().predict(X)
        if (sums == 666).any():
            os.kill(os.getpid(), signal.SIGKILL)
        return sums


class Picky(Plain):
    """Raises on a row whose sum is 13."""

    def predict(self, X: npt.NDArray[Any]) -> npt.NDArray[Any]:
        sums = super().predict(X)
        if (sums == 13).any():
            raise RuntimeError("secret of the inside at /etc/passwd")
        return sums


class Sleepy(Plain):
    """Takes as many seconds as the largest value is above ten."""

    def predict(self, X: npt.NDArray[Any]) -> npt.NDArray[Any]:
        time.sleep(min(max(float(np.max(X)) - 10.0, 0.0), 30.0))
        return super().predict(X)


class Threaded(Plain):
    """Starts a thread when it is loaded."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        threading.Thread(target=time.sleep, args=(3600,), daemon=True).start()


class Moody(Plain):
    """Answers otherwise in every process but the one that registered it and its proof."""

    def predict(self, X: npt.NDArray[Any]) -> npt.NDArray[Any]:
        off = 1.0 if os.environ.get("PERCORE_TEST_MOOD") else 0.0
        return super().predict(X) + off


class Burner(Plain):
    """Computes for 3 ms a call and 0.1 ms a row."""

    def predict(self, X: npt.NDArray[Any]) -> npt.NDArray[Any]:
        sums = super().predict(X)
        ends_at = time.thread_time() + 0.003 + 0.0001 * len(sums)
        while time.thread_time() < ends_at:
            pass
        return sums


class Napper(Plain):
    """Takes 1 ms a call and 4 ms a row, and no core: its capacity is the same on any machine."""

    def predict(self, X: npt.NDArray[Any]) -> npt.NDArray[Any]:
        sums = super().predict(X)
        time.sleep(0.001 + 0.004 * len(sums))
        return sums


class Constant(Plain):
    """Answers what it was taught, whatever it is asked: its own version, in the swap test."""

    def __init__(self, value: float) -> None:
        self.value = value

    def predict(self, X: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return np.full(len(X), self.value)


class Laggard(Constant):
    """Takes as long to load as the environment says."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        time.sleep(float(os.environ.get("PERCORE_TEST_LAG_S", "0")))
