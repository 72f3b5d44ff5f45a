"""Bytes of a picture to pixels, within limits that are checked before anything is decoded."""

import warnings
from io import BytesIO

from PIL import Image

from service.errors import ServiceError, TooLarge, Unfit, Unreadable

FORMATS = ("PNG", "JPEG")


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
            warnings.simplefilter("error")  # Pillow only warns of a decompression bomb
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
