"""`dhcp`: what a DHCP client does with its lease."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from sim.engine.engine import Timer
from sim.errors import TopologyError
from sim.lab.actions.base import Action, Done
from sim.lab.dhcp import clients_of
from sim.lab.network import Network
from sim.scenario.dhcp import DhcpStepAction
from sim.services.dhcp.client import RENEWING
from sim.services.dhcp.client_daemon import ClientDaemon
from sim.services.dhcp.lease import NEVER
from sim.units import SECOND, format_about, format_duration
from sim.wire import dhcpv4
from sim.wire.addresses import format_ip

DELIVERY: Final = 1 * SECOND
"""How long (ns) a step that releases goes on, so that its message has arrived: nobody answers it."""


class DhcpAction(Action):
    def __init__(self, net: Network, step: DhcpStepAction, on_done: Done) -> None:
        super().__init__(net, on_done)
        self.step = step
        self.title = f"dhcp {step.action} on {step.on}"
        found = [one for one in clients_of(net[step.on]) if step.interface in (None, one.interface.name)]
        if not found:
            raise TopologyError(f"{step.on} has no DHCP client")
        self.daemon: ClientDaemon = found[0]
        self._timer: Timer = net.engine.timer(self._time_up)
        self._asked_at = 0
        self._first_root = 0
        self._timed_out = False
        self._watch: Callable[[], None] = self._look

    def start(self) -> None:
        daemon = self.daemon
        self._asked_at = self.net.now
        self._first_root = len(daemon.roots)
        daemon.watchers.append(self._watch)
        release = self.step.action == "release"
        self._timer.set(self.net.now + (DELIVERY if release else self.step.timeout))
        match self.step.action:
            case "renew":
                daemon.renew()
            case "release":
                daemon.release()
            case "acquire":
                daemon.acquire()
        self._look()

    def outcome(self) -> dict[str, Any]:
        client, lease = self.daemon.client, self.daemon.lease
        if lease is None:
            nothing = dict.fromkeys(("address", "server", "router", "dns", "domain", "lease"))
            return {"state": client.state, **nothing, "error": client.error}
        domain = lease.option(dhcpv4.DOMAIN_NAME)
        return {
            "state": client.state,
            "address": format_ip(lease.address),
            "server": format_ip(lease.server),
            "router": format_ip(lease.routers[0]) if lease.routers else None,
            "dns": [format_ip(server) for server in lease.dns],
            "domain": None if domain is None else domain.decode("ascii", "replace"),
            "lease": lease.expires_at - lease.obtained,
            "error": client.error,
        }

    def summary(self) -> str:
        result = self.outcome()
        if result["address"] is None:
            return ", ".join(filter(None, (result["state"], result["error"])))
        time = "ever" if self.daemon.lease and self.daemon.lease.expires_at == NEVER else format_about(result["lease"])
        words = f"{result['state']}: {result['address']} from {result['server']} for {time}"
        return f"{words}, {result['error']}" if result["error"] else words

    def faults(self, expected: Any) -> list[str]:
        if self._timed_out and expected.error is None and expected.state is None:
            why = self.daemon.client.error or f"the client is {self.daemon.client.state}"
            return [f"timeout: no lease after {format_duration(self.step.timeout)}: {why}"]
        return []

    def _look(self) -> None:
        """Whether it has what it waits for."""
        daemon, lease = self.daemon, self.daemon.lease
        if self.step.action == "release" or lease is None or not daemon.bound:
            return
        if self.step.action != "renew" or (daemon.client.state != RENEWING and lease.obtained >= self._asked_at):
            self._end()

    def _time_up(self) -> None:
        self._timed_out = self.step.action != "release"
        self._end()

    def _end(self) -> None:
        if self._watch in self.daemon.watchers:
            brought = [self.daemon.bound_by] if self.daemon.bound_by is not None and self.daemon.bound else []
            self.roots = self.daemon.roots[self._first_root :] or brought
            self.daemon.watchers.remove(self._watch)
            self._timer.cancel()
            self.on_done()
