"""`setsockopt` and `getsockopt`: which option is meant, and its value between an int and bytes, as Linux has it."""

from __future__ import annotations

import errno
import operator
from contextlib import suppress
from typing import Final

from sim.stack.service import os_error
from sim.userland import datagram_options, stream_options
from sim.userland.ends import End, StreamEnd
from sim.userland.option_table import INT, IPPROTO_IP, Table
from sim.userland.packet_ends import PingEnd, RawEnd

INT_RANGE: Final = range(-(1 << 31), 1 << 31)


def set_option(end: End, level: int, number: int, content: bytes) -> None:
    """`setsockopt`. Raises OSError."""
    option = table_of(end).options.get((level, number))
    if option is None or option.write is None:
        raise os_error(errno.ENOPROTOOPT)
    option.write(end, content)


def get_option(end: End, level: int, number: int, size: int) -> int | bytes:
    """`getsockopt`: an int, or with `size` at most so many bytes. Raises OSError."""
    table = table_of(end)
    option = table.options.get((level, number))
    if level not in table.levels:
        raise os_error(errno.EOPNOTSUPP)
    if option is None or option.read is None:
        raise os_error(errno.ENOPROTOOPT)
    value = option.read(end)
    if not size:
        return value if isinstance(value, int) else int(INT.unpack(value[:4].ljust(4, b"\0"))[0])
    if isinstance(value, bytes):
        return value[:size]
    if level == IPPROTO_IP and size < INT.size and 0 <= value <= 255:
        return bytes((value,))
    return INT.pack(value)[:size]


def octets_of(value: object) -> bytes:
    """What a program sets an option to, as the bytes the kernel gets: an int is a C int. Raises TypeError."""
    number = None
    with suppress(TypeError):
        number = operator.index(value)  # type: ignore[arg-type]
    if number is None:
        with suppress(TypeError):
            return memoryview(value).tobytes()  # type: ignore[arg-type]
        raise TypeError(f"a bytes-like object is required, not '{type(value).__name__}'")
    if number not in INT_RANGE:
        raise TypeError("a bytes-like object is required, not 'int'")
    return INT.pack(number)


def table_of(end: End) -> Table:
    """The options of this kind of socket."""
    if isinstance(end, StreamEnd):
        return stream_options.TABLE
    if isinstance(end, RawEnd):
        return datagram_options.RAW_TABLE
    return datagram_options.PING_TABLE if isinstance(end, PingEnd) else datagram_options.TABLE
