"""A JSON request cut between its instances, without reading it.

    {"instances":[[1,2],[3,4],[5,6]]}   ──▶   {"instances":[[1,2],[3,4]]}   {"instances":[[5,6]]}

Where the next instance begins is guessed: a comma between two brackets of the right kind. A guess
that is wrong (within a text, or a list in a list) leaves a text or a bracket open before it, which
makes that part no JSON; and a key beside `instances` stands in a part where it is refused. So if
all parts can be read, they are what the whole says.
"""

import re
from itertools import pairwise

_HEAD = re.compile(rb'\s*\{\s*"instances"\s*:\s*\[\s*[\[{]')
_BORDERS = {b"[": re.compile(rb"\]\s*(,)\s*\["), b"{": re.compile(rb"\}\s*(,)\s*\{")}
"""What is space here and not in JSON is found out by who reads the parts."""
OPENING = b'{"instances":['
CLOSING = b"]}"
WINDOW_BYTES = 64 << 10
"""So far from the wanted place a border is looked for; longer instances are not cut off."""


def cut_instances(body: bytes, parts: int) -> list[bytes]:
    """Return requests of about equal size that are the body together; itself if it has no borders.

    Args:
        body: a JSON request.
        parts: how many are wanted.
    """
    head = _HEAD.match(body)
    if head is None:
        return [body]
    border = _BORDERS[head[0][-1:]]
    start, size = head.end(), (len(body) - head.end()) / parts
    places = []
    for number in range(1, parts):
        at = max(start, head.end() + int(number * size))
        found = border.search(body, at, at + WINDOW_BYTES)
        if found is not None:
            places.append(found.start(1))
            start = found.end() - 1
    if not places:
        return [body]
    middle = [
        b"".join([OPENING, body[after + 1 : before], CLOSING]) for after, before in pairwise(places)
    ]
    first = body[: places[0]] + CLOSING
    return [first, *middle, OPENING + body[places[-1] + 1 :]]
