"""A port of a host whose place the kernel takes: what the link brings goes to a TAP device, and the other way round.

The port keeps its name, its MAC address and its captures; only who sits behind it is another.
"""

from __future__ import annotations

import errno
from collections.abc import Callable

from sim.bridge.tap import BATCH, Tap, TapError
from sim.engine.engine import NO_CAUSE
from sim.lab.nodes import LabHost
from sim.links.port import Port, Receiver


class Seat(Receiver):
    """Whoever owned `port` has left it to `tap`; also the door that lets the kernel's frames in.

    `gone` is true once the device is no more: deleted from inside, or with its namespace. `on_gone` is called then.
    """

    def __init__(self, host: LabHost, port: Port, tap: Tap, on_gone: Callable[[], None]) -> None:
        self.name = host.name
        self.tap = tap
        self.gone = False
        self.on_gone = on_gone
        self._host = host
        self._port = port
        port.owner = self
        tap.set_carrier(port.up)

    def receive(self, port: Port, frame: bytes) -> None:
        try:
            self.tap.write(frame)
        except OSError as error:
            down = error.errno == errno.EIO
            self._host.drop("interface down" if down else f"TAP: {(error.strerror or str(error)).lower()}")

    def port_changed(self, port: Port) -> None:
        if not self.gone:
            self.tap.set_carrier(port.up)

    def fileno(self) -> int:
        return self.tap.fileno()

    def readable(self) -> None:
        """Send what the kernel has sent, up to `BATCH` frames, each the root of a journey."""
        for _ in range(BATCH):
            try:
                frame = self.tap.read()
            except TapError:
                self.gone = True
                self.on_gone()
                return
            if frame is None:
                return
            self._host.engine.cause = NO_CAUSE
            self._port.send(frame)

    def close(self) -> None:
        self.tap.close()


def vacate(host: LabHost) -> list[str]:
    """Let a host do nothing by itself any more, as if its power were cut, though its links keep their carrier; return
    what it served. It keeps its addresses, those it had leased included: others find it by them."""
    served = [process.name for process in host.services]
    kept = {interface.index: list(interface.addresses) for interface in host.stack.interfaces}
    host.set_power(False)
    host.services = ()
    for index, addresses in kept.items():
        interface = host.stack.interfaces[index]
        for address, length in addresses:
            if (address, length) not in interface.addresses:
                host.stack.add_address(interface, address, length)
    return served
