"""Which outside ports are free: kept if possible, else the next one of the same parity (RFC 4787 4.2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sim.stack.translation.flows import ICMP, TCP, UDP

FIRST: Final = 1024
LAST: Final = 65535


class PortPool:
    """The ports of one protocol at one outside address. Identifiers of ICMP queries are ports from 1 to 65535.

    Ports are handed out in turn, not at random: a run has to be the same each time, and predictable ports are what a
    student can follow (RFC 6056 says why a real one should draw them). `occupied(protocol, port)` tells those that
    programs of the gateway itself use.
    """

    def __init__(
        self, protocol: int, first: int = FIRST, last: int = LAST, occupied: Callable[[int, int], bool] | None = None
    ) -> None:
        self._protocol = protocol
        self._occupied = occupied
        self._first = first if protocol in (TCP, UDP) else 1 if protocol == ICMP else 0
        self._last = last if protocol in (TCP, UDP) else LAST if protocol == ICMP else 0
        self._taken: dict[int, None] = {}
        self._next: list[int] = [self._first, self._first]  # by parity
        self._next[1 - self._first % 2] = min(self._first + 1, self._last)

    def reserve(self, port: int) -> None:
        """Never hand out a port."""
        if self._first <= port <= self._last:
            self._taken[port] = None

    def release(self, port: int) -> None:
        """It is free again."""
        self._taken.pop(port, None)

    def take(self, wanted: int) -> int:
        """A free port, `wanted` if that is one; -1 when there is none.

        Another one has the parity of `wanted` if it can (REQ-4: RTP needs that).
        """
        if self._first <= wanted <= self._last and self._is_free(wanted):
            self._taken[wanted] = None
            return wanted
        for parity in (wanted % 2, 1 - wanted % 2):
            port = self._search(parity)
            if port >= 0:
                self._taken[port] = None
                return port
        return -1

    def _search(self, parity: int) -> int:
        """The next free port of a parity after the one that was handed out last; -1 when there is none."""
        if len(self._taken) > self._last - self._first:
            return -1
        first = self._first + (self._first + parity) % 2
        if first > self._last:
            return -1
        port = max(self._next[parity], first)
        for _ in range((self._last - first) // 2 + 1):
            after = port + 2 if port + 2 <= self._last else first
            if self._is_free(port):
                self._next[parity] = after
                return port
            port = after
        return -1

    def _is_free(self, port: int) -> bool:
        return port not in self._taken and (self._occupied is None or not self._occupied(self._protocol, port))
