"""Bodies that come compressed: decoded piece by piece, and never to more than a body may have."""

import asyncio
import zlib

from service.errors import TooLarge, Unreadable, UnsupportedMedia

IDENTITY = b"identity"
GZIP_BITS = zlib.MAX_WBITS + 16
BITS = {b"gzip": GZIP_BITS, b"x-gzip": GZIP_BITS, b"deflate": zlib.MAX_WBITS}
PIECE_BYTES = 1 << 16
STEP_BYTES = 1 << 18
"""So much is decoded between two turns of the loop, in less than a millisecond."""
DEFLATED = 8
"""The method that the first byte of zlib's format names; there is no other."""


def check_coding(coding: bytes) -> None:
    """Look at the header Content-Encoding, before a body is read.

    Raises:
        UnsupportedMedia: a body is coded in another way than those that are taken, or in several.
    """
    name = coding.strip().lower()
    if name not in BITS and name != IDENTITY:
        raise UnsupportedMedia("Bodies are taken as they are, or compressed by gzip or deflate.")


async def decoded(body: bytes, coding: bytes, max_bytes: int) -> bytes:
    """Return a body as it was before it was compressed.

    Args:
        body: as it came.
        coding: the header Content-Encoding, which was checked.
        max_bytes: the most that it may be.

    Raises:
        Unreadable: it is not what its header says, or cut off.
        TooLarge: it would be more than `max_bytes`; told before it is.
    """
    name = coding.strip().lower()
    if name == IDENTITY:
        return body
    bits = BITS[name]
    if name == b"deflate" and not _has_head(body):
        bits = -bits  # some clients leave the head out, and no harm is done
    inflater = zlib.decompressobj(bits)
    parts: list[bytes] = []
    left = max_bytes
    try:
        for start in range(0, len(body), PIECE_BYTES):
            piece = body[start : start + PIECE_BYTES]
            is_full = True
            while (piece or is_full) and not inflater.eof:
                step = min(STEP_BYTES, left + 1)  # never 0, which would be no limit
                parts.append(inflater.decompress(piece, step))
                left -= len(parts[-1])
                if left < 0:
                    text = f"The body is larger than {max_bytes} bytes when it is decoded."
                    raise TooLarge(text)
                piece = inflater.unconsumed_tail
                is_full = len(parts[-1]) == step
                if is_full:
                    await asyncio.sleep(0)
            if inflater.eof and (inflater.unused_data or start + PIECE_BYTES < len(body)):
                raise Unreadable(f"Something follows the {name.decode()} data of the body.")
    except zlib.error:
        raise Unreadable(f"The body is not valid {name.decode()}.") from None
    if not inflater.eof:
        raise Unreadable(f"The {name.decode()} data of the body is cut off.")
    return b"".join(parts)


def _has_head(body: bytes) -> bool:
    """Return whether deflated data has the head of zlib's format, as its standard asks."""
    is_deflated = len(body) > 1 and body[0] & 15 == DEFLATED
    return is_deflated and int.from_bytes(body[:2], "big") % 31 == 0
