"""What `poll` says of a socket, and the ways to shut one down: Linux's numbers, for streams and datagrams alike."""

from __future__ import annotations

from typing import Final

POLLIN: Final = 0x001
POLLOUT: Final = 0x004
POLLERR: Final = 0x008
POLLHUP: Final = 0x010
POLLRDHUP: Final = 0x2000

SHUT_RD: Final = 0
SHUT_WR: Final = 1
SHUT_RDWR: Final = 2
