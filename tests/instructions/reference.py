"""What instructions are compared with: plain Python that does a bit of everything."""

import struct


class _Thing:
    __slots__ = ("count", "name")

    def __init__(self, name: str, count: int) -> None:
        self.name = name
        self.count = count

    def more(self, by: int) -> int:
        self.count += by
        return self.count


def reference(rounds: int) -> int:
    """Call, look up, join, slice, format, pack and loop, so many times; return a checksum.

    An interpreter whose build needs more instructions for this needs more for the service, too.
    """
    pack = struct.Struct("=4d").pack
    table = {f"key-{number}": number for number in range(16)}
    total = 0
    for number in range(rounds):
        thing = _Thing("a", number)
        total += thing.more(table[f"key-{number % 16}"])
        parts = [b"%d" % number, b"two", pack(1.0, 2.0, 3.0, 4.0)]
        head, _, rest = b"; ".join(parts).partition(b"; ")
        total += len(rest) + int(head)
        total += sum([each & 3 for each in range(8)])
        named = {"name": thing.name, "count": thing.count, "more": number}
        total += len(named)
    return total
