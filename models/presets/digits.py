"""Digits: which digit a picture shows, whatever the picture's size."""

from typing import Final

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from models.estimators import Estimator
from models.pictures import PicturePixels
from models.presets.preset import Data, Preset
from models.rows import Array

SIDE: Final = 8
_GREY_STEPS: Final = 16


def load(_seed: int) -> Data:
    """Return 1797 pictures, grey 8 by 8 PIL images, and the digits 0 to 9 as int64."""
    bunch = load_digits()
    return Data(as_pictures(bunch.images), bunch.target, "scikit-learn load_digits, as pictures")


def as_pictures(images: Array) -> Array:
    """Return a 1-D object array of grey pictures.

    Args:
        images: shape (n, 8, 8), values 0 to 16.
    """
    grey = np.rint(images * (255 / _GREY_STEPS)).astype(np.uint8)
    pictures = np.empty(len(grey), dtype=object)
    pictures[:] = [Image.fromarray(pixels) for pixels in grey]
    return pictures


def build(seed: int) -> Estimator:
    """Return pixels into a kernel approximation and a logistic regression.

    Against histogram gradient boosting on the same rows: 98.4 % to 97.3 % on held-out pictures,
    98.2 % to 89.1 % on the same ones enlarged smoothly to 28 by 28 (thresholds on single pixels do
    not bear blur, distances do), and a fifteenth of the time for one picture.
    """
    return Pipeline(
        [
            ("pixels", PicturePixels(mode="L", width=SIDE, height=SIDE)),
            ("kernel", Nystroem(gamma=0.05 / 255**2, n_components=400, random_state=seed)),
            ("classify", LogisticRegression(C=100.0, max_iter=1000, random_state=seed)),
        ]
    )


DIGITS = Preset(
    name="digits",
    description="Which digit, 0 to 9, a picture shows: light on dark, PNG or JPEG of any size.",
    load=load,
    build=build,
    stratified=True,
)
