"""A real program as if on a host of the network: its namespace, the host's seats in the network, and the clock.

host = host_called(net, "h1")
layout = prepare(net, host)
mode, namespace = open_namespace(layout, ["curl", "http://web/"], environment_of(net))
status = Execution(net, host, namespace).run()
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from sim.bridge.host_settings import layout_of, outer_ports
from sim.bridge.namespace import Layout, Namespace
from sim.bridge.realtime import Door, Pacer
from sim.bridge.seat import Seat, vacate
from sim.errors import TopologyError
from sim.lab.collector import relaxed_collector
from sim.lab.dhcp import clients_of, settle
from sim.lab.network import Network
from sim.lab.nodes import LabHost

LEFT_TO_THE_PROGRAM: Final = (signal.SIGINT, signal.SIGQUIT)
"""What a terminal sends to its whole foreground group: the program has it already."""
PASSED_ON: Final = (signal.SIGTERM, signal.SIGHUP)
PROXIES: Final = ("http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy")
"""Variables that name proxies of the real network, which nobody can reach from the simulated one."""


def host_called(net: Network, name: str) -> LabHost:
    """The host of which a program can take the place. Raises TopologyError."""
    node = net[name]
    if not isinstance(node, LabHost):
        hosts = [other.name for other in net.nodes.values() if isinstance(other, LabHost)]
        hint = f"hosts are {', '.join(hosts[:10])}{' ...' if len(hosts) > 10 else ''}" if hosts else None
        raise TopologyError(f"{name} is a {node.kind}: real programs run on hosts", hint=hint)
    return node


def prepare(net: Network, host: LabHost) -> Layout:
    """What a namespace for programs on `host` holds. Before that, virtual time passes until DHCP has given its leases,
    or has failed to."""
    settle(net)
    return layout_of(net, host)


def unconfigured(host: LabHost) -> list[str]:
    """Its interfaces that asked for a lease and have none."""
    return [client.interface.name for client in clients_of(host) if not client.bound]


def environment_of(net: Network, environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a real program on a host: ours, less what names proxies; it trusts the network's authority."""
    given = os.environ if environment is None else environment
    kept = {name: value for name, value in given.items() if name.lower() not in PROXIES}
    return kept | net.environment


class Execution:
    """A program that runs in the place of `host`; `served` is what the host served by itself, and now does not.

    `doors` are further ways in and out of the network (see segments.py), which are closed at the end as well.
    """

    def __init__(self, net: Network, host: LabHost, namespace: Namespace, doors: Sequence[Door] = ()) -> None:
        self.net = net
        self.doors = doors
        self.namespace = namespace
        self.pacer = Pacer(net.engine)
        self.served = vacate(host)
        self.seats = [
            Seat(host, port, tap, self.pacer.stop) for port, tap in zip(outer_ports(host), namespace.taps, strict=True)
        ]
        self._ended = False

    def run(self) -> int:
        """Run the program and the network, in real time, until the program ends; return its exit status.

        To be called in the main thread. Raises BudgetError for a network that does not come to rest.
        """
        net = self.net
        net.run(until=net.now)  # what starts with the network has started
        ending = Ending(self.namespace, self._end)
        try:
            with signals(self.namespace.signal), relaxed_collector():
                self.namespace.go()
                while not self._ended:
                    self.pacer.run(doors=[*(seat for seat in self.seats if not seat.gone), *self.doors, ending])
                for seat in self.seats:
                    if not seat.gone:
                        seat.readable()  # its last words, for the captures
                status = self.namespace.wait()
        finally:
            self.namespace.close()
            for door in self.doors:
                door.close()
        net.run(until=net.now)
        return status

    def _end(self) -> None:
        self._ended = True
        self.pacer.stop()


class Ending:
    """The door through which the program's end comes."""

    def __init__(self, namespace: Namespace, on_end: Callable[[], None]) -> None:
        self._namespace = namespace
        self._on_end = on_end

    def fileno(self) -> int:
        return self._namespace.fileno()

    def readable(self) -> None:
        self._on_end()

    def close(self) -> None:
        """The namespace closes it."""


@contextmanager
def signals(send: Callable[[int], None]) -> Iterator[None]:
    """Leave to a program what is the program's, as long as it runs; `send` sends it the others."""
    before = {number: signal.getsignal(number) for number in (*LEFT_TO_THE_PROGRAM, *PASSED_ON)}
    for number in LEFT_TO_THE_PROGRAM:
        signal.signal(number, signal.SIG_IGN)
    for number in PASSED_ON:
        if before[number] is not signal.SIG_IGN:
            signal.signal(number, lambda number, _frame: send(number))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
