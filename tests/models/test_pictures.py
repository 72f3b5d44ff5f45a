"""Pictures of any size become rows of pixels."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image, UnidentifiedImageError
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from models.pictures import PicturePixels, as_png
from models.presets.digits import as_pictures, build

Resampling = Image.Resampling


def pictures_of(items: list[Any]) -> Any:
    X = np.empty(len(items), dtype=object)
    X[:] = items
    return X


def encoded(picture: Image.Image, kind: str, **options: int) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format=kind, **options)
    return buffer.getvalue()


GRADIENT = Image.fromarray((np.arange(64, dtype=np.uint8) * 4).reshape(8, 8))


def test_a_picture_of_the_right_size_keeps_its_values() -> None:
    pixels = PicturePixels().transform([GRADIENT])
    assert pixels.dtype == np.float64
    assert pixels.tolist() == [np.arange(0.0, 256.0, 4.0).tolist()]


@pytest.mark.parametrize("factor", [2, 3, 10])
def test_enlarged_by_a_whole_factor_gives_the_same_values(factor: int) -> None:
    bigger = GRADIENT.resize((8 * factor, 8 * factor), Resampling.NEAREST)
    transformer = PicturePixels()
    assert np.array_equal(transformer.transform([bigger]), transformer.transform([GRADIENT]))


def test_scaling_down_averages_areas() -> None:
    checkers = Image.fromarray(np.array([[0, 200], [100, 0]], dtype=np.uint8))
    assert PicturePixels(width=1, height=1).transform([checkers]).tolist() == [[75.0]]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"])
def test_every_mode_becomes_grey(mode: str) -> None:
    picture = Image.new("L", (5, 9), 255).convert(mode) if mode != "I;16" else GRADIENT
    assert PicturePixels().transform([picture]).shape == (1, 64)


def test_sixteen_bits_are_scaled_to_eight() -> None:
    deep = Image.fromarray(np.asarray(GRADIENT).astype(np.uint16) * 257)
    assert deep.mode == "I;16"
    pixels = PicturePixels().transform([deep, encoded(deep, "PNG"), GRADIENT])
    assert np.array_equal(pixels[0], pixels[2])
    assert np.array_equal(pixels[1], pixels[2])


def test_colours_come_pixel_by_pixel() -> None:
    red_then_blue = Image.new("RGB", (2, 1), (255, 0, 0))
    red_then_blue.putpixel((1, 0), (0, 0, 255))
    pixels = PicturePixels(mode="RGB", width=2, height=1).transform([red_then_blue])
    assert pixels.tolist() == [[255.0, 0.0, 0.0, 0.0, 0.0, 255.0]]


def test_bytes_and_images_mix() -> None:
    X = pictures_of([GRADIENT, as_png(GRADIENT), encoded(GRADIENT, "PNG")])
    pixels = PicturePixels().transform(X)
    assert np.array_equal(pixels[0], pixels[1])
    assert np.array_equal(pixels[0], pixels[2])


def test_no_pictures_give_no_rows() -> None:
    assert PicturePixels().transform([]).shape == (0, 64)


@pytest.mark.parametrize("kind", ["BMP", "GIF", "TIFF", "PPM"])
def test_other_decoders_are_never_tried(kind: str) -> None:
    with pytest.raises(UnidentifiedImageError):
        PicturePixels().transform([encoded(GRADIENT, kind)])


def test_damaged_bytes_are_an_error() -> None:
    with pytest.raises(UnidentifiedImageError):
        PicturePixels().transform([b"no picture"])
    whole = encoded(GRADIENT.resize((99, 99), Resampling.BICUBIC), "PNG")
    with pytest.raises(OSError, match="truncated"):
        PicturePixels().transform([whole[: len(whole) // 2]])


def test_it_is_a_scikit_learn_transformer() -> None:
    copy = clone(PicturePixels(mode="RGB", width=3, height=4))
    assert copy.get_params() == {"mode": "RGB", "width": 3, "height": 4}


@pytest.fixture(scope="module")
def held_out() -> tuple[Any, Any, Any]:
    digits = load_digits()
    fitted, others = train_test_split(
        np.arange(len(digits.target)), test_size=0.25, stratify=digits.target, random_state=0
    )
    pictures = as_pictures(digits.images)
    model = build(0).fit(pictures[fitted], digits.target[fitted])
    return model, pictures[others], digits.target[others]


@pytest.mark.parametrize(
    "change",
    [
        lambda p: p.resize((32, 32), Resampling.NEAREST),
        lambda p: p.resize((32, 32), Resampling.BICUBIC),
        lambda p: p.resize((28, 28), Resampling.BILINEAR),
        lambda p: p.convert("RGB").resize((100, 80), Resampling.LANCZOS),
        lambda p: encoded(p, "JPEG", quality=75),
        lambda p: encoded(p.resize((64, 64), Resampling.NEAREST), "JPEG", quality=75),
    ],
    ids=["nearest", "bicubic", "smooth 28", "colour 100x80", "small jpeg", "jpeg"],
)
def test_digits_of_any_size_and_encoding_are_read(held_out: Any, change: Any) -> None:
    model, pictures, y = held_out
    changed = pictures_of([change(picture) for picture in pictures])
    assert model.score(changed, y) > 0.96
