"""Telling valgrind from inside when to count: nothing but what is between is counted.

Valgrind knows its client requests by a sequence of instructions that does nothing otherwise
(valgrind.h, `__SPECIAL_INSTRUCTION_PREAMBLE` of amd64). Outside of valgrind they do nothing.
"""

import ctypes
import mmap
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_CODE: Final = bytes.fromhex(
    "4889f8"  # mov rax, rdi: where the request and its arguments are
    "31d2"  # xor edx, edx: the answer of a processor that knows nothing of it
    "48c1c703 48c1c70d 48c1c73d 48c1c733"  # rol rdi by 3, 13, 61 and 51: as it was
    "4887db"  # xchg rbx, rbx: the request
    "4889d0"  # mov rax, rdx
    "c3"  # ret
)
_CALLGRIND: Final = (ord("C") << 24) | (ord("T") << 16)
_ZERO, _DUMP_AT, _START, _STOP = (_CALLGRIND + number for number in (1, 3, 4, 5))
_Arguments = ctypes.c_uint64 * 6

if platform.machine() != "x86_64":
    raise ImportError("counting instructions takes an x86-64 processor")
_page = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
_page.write(_CODE)
_request = ctypes.CFUNCTYPE(ctypes.c_uint64, ctypes.POINTER(_Arguments))(
    ctypes.addressof(ctypes.c_char.from_buffer(_page))
)


@contextmanager
def counted(name: str) -> Iterator[None]:
    """Count the instructions of what is done inside, and write them down under a name."""
    label = ctypes.create_string_buffer(name.encode())
    _ask(_ZERO)
    _ask(_START)
    yield
    _ask(_STOP)
    _ask(_DUMP_AT, ctypes.addressof(label))


def _ask(request: int, argument: int = 0) -> None:
    _request(ctypes.byref(_Arguments(request, argument)))
