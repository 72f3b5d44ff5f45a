"""Pictures as the input of a scikit-learn pipeline."""

import io
from collections.abc import Iterable
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from PIL import Image
from sklearn.base import BaseEstimator, TransformerMixin

FORMATS = ("PNG", "JPEG")
"""The encodings that are decoded; pillow's other decoders are never tried on a request."""

MODES = ("L", "RGB")
"""Grey and colour."""


class PicturePixels(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Turn pictures of any size into rows of pixel values.

    X is a sequence or a 1-D object array; each item is a `PIL.Image.Image` or the bytes of a PNG
    or JPEG. The answer is float64 of shape (n, width * height * channels), values 0 to 255, row
    by row, channels last. A picture is scaled by area average, as the digits data set was made.

    Args:
        mode: "L" for grey (one channel) or "RGB".
        width: pixels across.
        height: pixels down.
    """

    def __init__(self, mode: str = "L", width: int = 8, height: int = 8) -> None:
        self.mode = mode
        self.width = width
        self.height = height

    def fit(self, X: Iterable[Any], y: object = None) -> Self:
        """Learn nothing; pictures need no statistics."""
        return self

    def transform(self, X: Iterable[Any]) -> npt.NDArray[np.float64]:
        """Return pixel values, one row a picture.

        Raises:
            PIL.UnidentifiedImageError: the bytes are no PNG or JPEG.
            OSError: the picture is cut off or damaged.
        """
        channels = len(self.mode)
        pixels = [self._pixels(picture) for picture in X]
        return np.asarray(pixels, dtype=np.float64).reshape(
            len(pixels), self.width * self.height * channels
        )

    def get_feature_names_out(self, input_features: object = None) -> npt.NDArray[np.object_]:
        """Return pixel_ROW_COLUMN, in colour with _R, _G or _B, in the order of the answer."""
        channels = ("",) if len(self.mode) == 1 else tuple(f"_{one}" for one in self.mode)
        names = [
            f"pixel_{row}_{column}{channel}"
            for row in range(self.height)
            for column in range(self.width)
            for channel in channels
        ]
        return np.array(names, dtype=object)

    def _pixels(self, picture: Image.Image | bytes) -> npt.NDArray[np.uint8]:
        image = _eight_bits(opened(picture)).convert(self.mode)
        scaled = image.resize((self.width, self.height), Image.Resampling.BOX)
        return np.asarray(scaled, dtype=np.uint8)

    def __sklearn_is_fitted__(self) -> bool:
        """Say that there is nothing to fit."""
        return True

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn that X is no table of numbers and that fit needs none."""
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.input_tags.two_d_array = False
        return tags


def opened(picture: Image.Image | bytes) -> Image.Image:
    """Return the picture, decoded if it came as the bytes of a PNG or JPEG."""
    if isinstance(picture, Image.Image):
        return picture
    return Image.open(io.BytesIO(picture), formats=FORMATS)


def _eight_bits(image: Image.Image) -> Image.Image:
    """Return a picture of 16 bits a pixel with 8; pillow's own conversion cuts all above 255."""
    if not image.mode.startswith("I;16"):
        return image
    return Image.fromarray((np.asarray(image) // 257).astype(np.uint8))


def as_png(picture: Image.Image | bytes) -> bytes:
    """Return the bytes of an encoded picture: as they are, or as a PNG, which loses nothing."""
    if isinstance(picture, bytes):
        return picture
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG")
    return buffer.getvalue()
