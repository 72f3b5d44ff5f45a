"""Pictures for the digits model: good ones by Pillow, bad ones by hand."""

import io
import struct
import zlib
from typing import Any

import numpy as np
from PIL import Image, PngImagePlugin

SIGNATURE = b"\x89PNG\r\n\x1a\n"
END = b"IEND"
MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")


def draw(mode: str, width: int, height: int, seed: int = 0) -> Image.Image:
    """Return a picture of noise."""
    dice = np.random.default_rng(seed)
    if mode == "I;16":
        return Image.fromarray(dice.integers(0, 1 << 16, (height, width), dtype=np.uint16))
    noise = Image.fromarray(dice.integers(0, 256, (height, width, 4), dtype=np.uint8), "RGBA")
    return noise.convert(mode)


def encoded(picture: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    """Return the bytes of a file."""
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def png(mode: str = "L", width: int = 8, height: int = 8, seed: int = 0) -> bytes:
    """Return a PNG of noise."""
    return encoded(draw(mode, width, height, seed))


def jpeg(mode: str = "L", width: int = 32, height: int = 32, seed: int = 0) -> bytes:
    """Return a JPEG of noise."""
    return encoded(draw("RGB", width, height, seed).convert(mode), "JPEG")


def chunk(kind: bytes, data: bytes) -> bytes:
    """Return a chunk of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def hand_made(
    width: int, height: int, bits: int = 8, rows: bytes | None = None, more: bytes = b""
) -> bytes:
    """Return a grey PNG that claims any size; `more` stands before its pixels."""
    header = struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)
    pixels = bytes((1 + width) * height) if rows is None else rows
    data = chunk(b"IDAT", zlib.compress(pixels, 9))
    return SIGNATURE + chunk(b"IHDR", header) + more + data + chunk(END, b"")


def bomb(side: int) -> bytes:
    """Return a square black 1-bit PNG: a few bytes a row."""
    packer = zlib.compressobj(9)
    row = bytes(1 + (side + 7) // 8)
    parts = [packer.compress(row) for _ in range(side)]
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    data = b"".join(parts) + packer.flush()
    return SIGNATURE + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(END, b"")


def text_bomb(kind: bytes, size_bytes: int) -> bytes:
    """Return a small PNG whose compressed text is very long."""
    packed = zlib.compress(bytes(size_bytes), 9)
    head = {b"zTXt": b"Comment\0\0", b"iTXt": b"Comment\0\1\0\0\0"}[kind]
    return hand_made(8, 8, more=chunk(kind, head + packed))


def animation() -> bytes:
    """Return an animated PNG."""
    frames = [draw("L", 8, 8, seed) for seed in range(3)]
    return encoded(frames[0], save_all=True, append_images=frames[1:])


def commented() -> bytes:
    """Return a good PNG with text of every kind in it."""
    about = PngImagePlugin.PngInfo()
    about.add_text("Title", "seven")
    about.add_text("Comment", "x" * 10_000, zip=True)
    about.add_itxt("Author", "seven", "la", "Auctor")
    return encoded(draw("L", 8, 8), pnginfo=about)
