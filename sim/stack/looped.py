"""What a host sends to many, it hears itself where it listens (RFC 1112 7.1), though its own frame never comes back."""

from __future__ import annotations

from collections.abc import Callable

from sim.stack.alarms import Alarm
from sim.stack.core import Core
from sim.wire import ipv4


class Looped(Alarm):
    """A packet on its way back up, at the time it was sent but after the call that sent it. It is on no link."""

    def __init__(self, core: Core, packet: ipv4.Packet, receive: Callable[[ipv4.Packet], None]) -> None:
        super().__init__()
        self._core = core
        self._packet = packet
        self._receive = receive

    def go_off(self) -> None:
        self._core.to_many = True
        self._receive(self._packet)
        self._core.to_many = False
