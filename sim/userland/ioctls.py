"""`fcntl.ioctl` on the sockets of programs: how much lies in their queues, in Linux's numbers (tcp(7), udp(7)).

SIOCINQ (FIONREAD): bytes to be read, of datagrams those of the next one. SIOCOUTQ (TIOCOUTQ): bytes not acknowledged.
SIOCOUTQNSD: bytes not yet sent. SIOCATMARK: whether the urgent byte is next. FIONBIO: whether calls return at once.
"""

from __future__ import annotations

import errno
import operator
import struct
import sys
from collections.abc import Callable
from typing import Any, Final

from sim.stack.service import os_error
from sim.stack.tcp import queues
from sim.userland.ends import End, StreamEnd
from sim.userland.guest_socket import here
from sim.userland.table import FIRST_DESCRIPTOR
from sim.userland.tasks import current

INT: Final = struct.Struct("=i")
FIONREAD: Final = 0x541B
TIOCOUTQ: Final = 0x5411
FIONBIO: Final = 0x5421
SIOCATMARK: Final = 0x8905
SIOCOUTQNSD: Final = 0x894B


def _waiting(end: End) -> int:
    if isinstance(end, StreamEnd):
        return queues.unread(end.kernel)
    received = end.kernel.received  # type: ignore[union-attr]
    return len(received[0][0]) if received else 0


def _stream(tell: Callable[[Any], int]) -> Callable[[End], int]:
    """What only streams have to tell: a datagram is sent at once."""
    return lambda end: int(tell(end.kernel)) if isinstance(end, StreamEnd) else 0


QUESTIONS: Final[dict[int, Callable[[End], int]]] = {
    FIONREAD: _waiting,
    TIOCOUTQ: _stream(queues.unacknowledged),
    SIOCOUTQNSD: _stream(queues.not_sent),
    SIOCATMARK: _stream(queues.is_at_mark),
}


def ioctl(descriptor: int, request: int, argument: Any = 0, mutate: bool = True, /) -> int | bytes:
    """As CPython's: a number, bytes or a buffer goes in, and what the kernel wrote into it comes out. ENOTTY for what
    is no request to a socket, EFAULT where the answer has no room.
    """
    _, process = here()
    process.sockets.check(descriptor)
    end = process.sockets.end(descriptor)
    content = b"" if isinstance(argument, int) else memoryview(argument).tobytes()
    if request == FIONBIO:
        if len(content) < INT.size:
            raise os_error(errno.EFAULT)
        end.blocking = INT.unpack_from(content)[0] == 0
        return content if isinstance(argument, bytes | str) or not mutate else 0
    question = QUESTIONS.get(request & 0xFFFFFFFF)
    if question is None:
        raise os_error(errno.ENOTTY)
    answer = INT.pack(question(end)) + content[INT.size :]
    if len(content) < INT.size:
        raise os_error(errno.EFAULT)
    view = memoryview(argument)
    if view.readonly or not mutate:
        return answer
    view.cast("B")[: len(answer)] = answer
    return 0


def _choose(real: Callable[..., Any]) -> Callable[..., Any]:
    """The descriptors of programs are above all real ones."""

    def choose(fd: Any, request: int, arg: Any = 0, mutate_flag: bool = True, /) -> Any:
        number = fd if isinstance(fd, int) else fd.fileno()
        if current() is None or number < FIRST_DESCRIPTOR:
            return real(fd, request, arg, mutate_flag)
        return ioctl(number, operator.index(request), arg, mutate_flag)

    choose.__name__ = choose.__qualname__ = "ioctl"
    return choose


def replacements() -> list[tuple[Any, str, Any]]:
    """(module, name, what stands there from now on)."""
    if sys.platform == "win32":
        return []
    import fcntl

    return [(fcntl, "ioctl", _choose(fcntl.ioctl))]
