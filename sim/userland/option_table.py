"""Tables of socket options: what each reads and sets, and the options that all sockets have.

An option is known by the number that the `socket` module of this system has for its name, so that a program's own
constants are understood everywhere; where the module has none, by Linux's. An option that is not here is refused with
ENOPROTOOPT: nothing is accepted that then does nothing, but for those that do nothing on a plain Linux either.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Callable
from typing import Any, Final

from sim.stack.service import os_error

Reader = Callable[[Any], int | bytes]
Writer = Callable[[Any, bytes], None]

INT: Final = struct.Struct("=i")
SOL_SOCKET: Final = int(socket.SOL_SOCKET)
IPPROTO_IP: Final = int(socket.IPPROTO_IP)
IPPROTO_TCP: Final = int(socket.IPPROTO_TCP)
IPPROTO_UDP: Final = int(socket.IPPROTO_UDP)
INT_RANGE: Final = range(-(1 << 31), 1 << 31)


class Option:
    """One option: how it is read and set, None where it cannot be."""

    def __init__(self, read: Reader | None, write: Writer | None = None) -> None:
        self.read = read
        self.write = write


class Table:
    """The options of one kind of socket, by level and number."""

    def __init__(self) -> None:
        self.options: dict[tuple[int, int], Option] = {}
        self.levels: set[int] = set()

    def add(self, level: int, name: str, number: int, read: Reader | None, write: Writer | None = None) -> None:
        """An option; `number` is Linux's."""
        self.options[level, int(getattr(socket, name, number))] = Option(read, write)
        self.levels.add(level)

    def attribute(self, level: int, name: str, number: int, attribute: str, check: Callable[[int], int]) -> None:
        """An option that is an attribute of the stack's socket; `check` makes its value of the program's, or raises."""

        def write(end: Any, content: bytes) -> None:
            setattr(end.kernel, attribute, check(integer(content, level)))

        self.add(level, name, number, lambda end: int(getattr(end.kernel, attribute)), write)

    def remembered(self, level: int, name: str, number: int, default: int | bytes = 0) -> None:
        """An option that is only remembered: it takes nothing in, or `Socket` looks at it."""

        def write(end: Any, content: bytes) -> None:
            if isinstance(default, bytes):
                if len(content) < len(default):
                    raise os_error(errno.EINVAL)
                end.stored[name] = content[: len(default)]
            else:
                end.stored[name] = integer(content, level)

        self.add(level, name, number, lambda end: end.stored.get(name, default), write)


def integer(content: bytes, level: int = SOL_SOCKET) -> int:
    """The C int in a buffer; at the level of IP one byte will do. Raises OSError EINVAL."""
    if len(content) >= INT.size:
        return int(INT.unpack_from(content)[0])
    if level == IPPROTO_IP and content:
        return content[0]
    raise os_error(errno.EINVAL)


def within(first: int, last: int) -> Callable[[int], int]:
    """A check that lets through what lies between; else EINVAL."""

    def check(value: int) -> int:
        if not first <= value <= last:
            raise os_error(errno.EINVAL)
        return value

    return check


def always(value: int) -> Reader:
    """Reads what never changes."""
    return lambda _: value


def add_common(table: Table) -> None:
    """The options of SOL_SOCKET that all sockets have."""
    level = SOL_SOCKET
    table.attribute(level, "SO_REUSEADDR", 2, "reuse_address", bool)
    table.attribute(level, "SO_REUSEPORT", 15, "reuse_port", bool)
    table.add(level, "SO_TYPE", 3, lambda end: int(end.kind))
    table.add(level, "SO_DOMAIN", 39, always(int(socket.AF_INET)))
    table.add(level, "SO_PROTOCOL", 38, lambda end: int(end.protocol))
    table.add(level, "SO_ERROR", 4, lambda end: int(end.kernel.take_error()))
    table.add(level, "SO_ACCEPTCONN", 30, lambda end: int(getattr(end.kernel, "listening", False)))
    for name, number in (("SO_DEBUG", 1), ("SO_DONTROUTE", 5)):
        table.add(level, name, number, always(0))
    for name, number in (("SO_RCVLOWAT", 18), ("SO_SNDLOWAT", 19)):
        table.add(level, name, number, always(1))
    for name, number in (("SO_PRIORITY", 12), ("SO_MARK", 36)):
        table.remembered(level, name, number)
    for name, number in (("SO_RCVTIMEO", 20), ("SO_SNDTIMEO", 21)):
        table.remembered(level, name, number, bytes(16))  # struct timeval; sockets out here do not wait
    for name, number in (("SO_RCVBUF", 8), ("SO_RCVBUFFORCE", 33)):
        table.add(level, name, number, lambda end: int(end.kernel.receive_buffer), _set_receive_buffer)
    for name, number in (("SO_SNDBUF", 7), ("SO_SNDBUFFORCE", 32)):
        table.add(level, name, number, lambda end: int(end.kernel.send_buffer), _set_send_buffer)


def _set_receive_buffer(end: Any, content: bytes) -> None:
    end.kernel.set_receive_buffer(buffer_size(content))


def _set_send_buffer(end: Any, content: bytes) -> None:
    end.kernel.set_send_buffer(buffer_size(content))


def buffer_size(content: bytes) -> int:
    """Bytes of a buffer; Linux takes a negative number for a very large one."""
    size = integer(content)
    return size if size >= 0 else INT_RANGE.stop - 1
