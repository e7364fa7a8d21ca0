"""ICMP errors as the errno of a system call (RFC 1122 4.1.3.3, the table of Linux's `icmp_err_convert`).

A hard error is final: a datagram socket that is connected is told of it. A soft one may pass, like a route that is
just changing: only who asked for all errors (IP_RECVERR) hears of it.
"""

from __future__ import annotations

import errno
from typing import Final

from sim.stack.service import IcmpError
from sim.wire import icmpv4

_UNREACHABLE: Final = (
    # by code of destination unreachable: errno, and whether it is hard
    (errno.ENETUNREACH, False),
    (errno.EHOSTUNREACH, False),
    (errno.ENOPROTOOPT, True),
    (errno.ECONNREFUSED, True),
    (errno.EMSGSIZE, True),  # heard only by who sends with don't fragment
    (errno.EOPNOTSUPP, False),
    (errno.ENETUNREACH, True),
    (errno.EHOSTDOWN, True),
    (getattr(errno, "ENONET", errno.EHOSTUNREACH), True),  # Linux has a name for it
    (errno.ENETUNREACH, True),
    (errno.EHOSTUNREACH, True),
    (errno.ENETUNREACH, False),
    (errno.EHOSTUNREACH, False),
    (errno.EHOSTUNREACH, True),
    (errno.EHOSTUNREACH, True),
    (errno.EHOSTUNREACH, True),
)


def errno_of(error: IcmpError) -> int:
    """The errno that says what an ICMP error says; 0 for one that sockets do not hear of."""
    if error.kind == icmpv4.DESTINATION_UNREACHABLE:
        return _UNREACHABLE[error.code][0] if error.code < len(_UNREACHABLE) else errno.EHOSTUNREACH
    if error.kind == icmpv4.TIME_EXCEEDED:
        return errno.EHOSTUNREACH
    if error.kind == icmpv4.PARAMETER_PROBLEM:
        return errno.EPROTO
    return 0


def is_hard(error: IcmpError) -> bool:
    """Whether it is final."""
    if error.kind == icmpv4.DESTINATION_UNREACHABLE:
        return error.code < len(_UNREACHABLE) and _UNREACHABLE[error.code][1]
    return error.kind == icmpv4.PARAMETER_PROBLEM
