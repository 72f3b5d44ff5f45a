"""Bytes of a picture to pixels, within limits that are checked before anything is decoded."""

import warnings
from collections.abc import Sequence
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

from models.schema import ImageSchema
from service.codecs.json_rows import Form
from service.errors import ServiceError, TooLarge, Unfit, Unreadable

FORMATS = ("PNG", "JPEG")
MAX_TOTAL = 8
"""All pictures of a request have at most so many times the pixels of the largest picture."""
SMALL = 4
"""A picture of so many times the model's own pixels may wait for its neighbours as it is."""
Image.MAX_IMAGE_PIXELS = None  # `_check` has a limit of its own, and says which


class PictureReader:
    """Decodes the pictures of one model's requests.

    A large picture becomes one of the model's own size at once, by the model's own first step,
    for which a picture of that size is finished: so large pictures do not pile up in memory.

    Args:
        estimator: the model; its first step turns pictures into rows of pixels.
        schema: the pictures that it works on.
        max_pixels: the largest picture, width times height.
    """

    def __init__(self, estimator: Any, schema: ImageSchema, max_pixels: int) -> None:
        self._step = _first_step(estimator)
        self._mode = schema.mode
        self._shape = (schema.height, schema.width, len(schema.mode))
        self._max_pixels = max_pixels

    def one(self, data: bytes | memoryview) -> Image.Image:
        """Return the picture that is a request's whole body.

        Raises:
            ServiceError: as `decode_picture` does.
        """
        return self._shrunk(decode_picture(data, self._max_pixels))

    def many(self, form: Form, encoded: Sequence[bytes]) -> list[Image.Image]:
        """Return the pictures of a JSON request.

        Raises:
            TooLarge: one has, or all have, too many pixels.
            Unfit: one is no picture; the JSON around it was readable, so it does not fit.
        """
        pictures, left = [], MAX_TOTAL * self._max_pixels
        for i, data in enumerate(encoded):
            try:
                picture = decode_picture(data, self._max_pixels)
                left -= picture.width * picture.height
                if left < 0:
                    total = MAX_TOTAL * self._max_pixels
                    raise TooLarge(f"The pictures of a request have at most {total} pixels in all.")
            except ServiceError as error:
                place: list[str | int] = [form, i, "b64"] if form == "instances" else [form, "b64"]
                kind = Unfit if isinstance(error, Unreadable) else type(error)
                raise kind(error.message, [{"loc": place, "message": error.message}]) from None
            pictures.append(self._shrunk(picture))
        return pictures

    def _shrunk(self, picture: Image.Image) -> Image.Image:
        height, width, channels = self._shape
        if picture.width * picture.height <= SMALL * width * height:
            return picture
        pixels = self._step.transform([picture]).astype(np.uint8)
        shape = self._shape if channels > 1 else (height, width)
        return Image.fromarray(pixels.reshape(shape), self._mode)


def decode_picture(data: bytes | memoryview, max_pixels: int) -> Image.Image:
    """Decode a PNG or JPEG.

    Args:
        data: the encoded picture.
        max_pixels: the largest width times height, read from the header.

    Raises:
        Unreadable: no PNG or JPEG, cut off, or damaged.
        TooLarge: more pixels than allowed.
        Unfit: an animation; which of its frames should be predicted?
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # a file that Pillow finds odd is not readable
            picture = Image.open(BytesIO(data), formats=FORMATS)
            _check(picture, max_pixels)
            picture.load()
    except ServiceError:
        raise
    except Exception as error:
        # Pillow raises whatever a damaged file provokes: OSError, SyntaxError, struct.error, …
        raise Unreadable("The picture is no readable PNG or JPEG.") from error
    return picture


def _check(picture: Image.Image, max_pixels: int) -> None:
    width, height = picture.size
    if width * height > max_pixels:
        raise TooLarge(
            f"The picture has {width} x {height} pixels; at most {max_pixels} are taken."
        )
    if getattr(picture, "n_frames", 1) != 1:
        raise Unfit("The picture is an animation; send one frame.")


def _first_step(estimator: Any) -> Any:
    """Return the step that sees the pictures; only a search or a pipeline can stand around it."""
    while True:
        if hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        elif hasattr(estimator, "steps"):
            estimator = estimator[0]
        else:
            return estimator
