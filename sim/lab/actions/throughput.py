"""`throughput`: how much goes through to a `throughput` service, or comes from it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from sim.lab.actions.base import Done
from sim.lab.actions.guests import GuestAction
from sim.lab.actions.named import is_name
from sim.lab.network import Network
from sim.scenario.expect import Expect
from sim.scenario.throughput import Throughput, ThroughputExpect
from sim.units import SECOND, format_about, format_bitrate_about, format_size
from sim.wire.addresses import format_ip

if TYPE_CHECKING:
    from sim.services.throughput.client import Report

EVENTS_PER_SECOND: Final = 5_000_000


class ThroughputAction(GuestAction):
    """The measurement, as a program of its own on the host."""

    def __init__(self, net: Network, step: Throughput, on_done: Done) -> None:
        super().__init__(net, step.source, on_done)
        self.step = step
        way = "<-" if step.reverse else "->"
        self.title = f"throughput {step.source} {way} {step.to} {step.protocol}"
        target = str(step.to)
        self.address = target if is_name(net, target) else format_ip(net.resolve(target))

    def start(self) -> None:
        from sim.services.throughput.client import measure

        step = self.step
        settings: dict[str, Any] = {
            name: getattr(step, name) for name in ("protocol", "duration", "rate", "reverse", "parallel", "length")
        }
        self.spawn(partial(measure, self.address, step.port, **settings), "throughput")

    def path(self) -> list[str]:
        return self.connection_path(self.step.port)

    def allowance(self) -> int:
        return self.step.duration * EVENTS_PER_SECOND // SECOND

    def outcome(self) -> dict[str, Any]:
        report = self._report()
        return {
            "throughput": report.throughput,
            "sent": report.sent,
            "received": report.received,
            "loss": report.loss,
            "jitter": report.jitter,
            "out_of_order": report.out_of_order,
            "streams": report.streams,
            "error": report.error,
        }

    def summary(self) -> str:
        report = self._report()
        if report.error is not None:
            return report.error
        words = [f"{format_size(report.sent)} sent, {format_size(report.received)} received"]
        if report.throughput is not None:
            words.append(format_bitrate_about(report.throughput))
        if report.loss is not None:
            words.append(f"{report.lost} of {report.datagrams} datagrams lost")
        if report.jitter is not None:
            words.append(f"jitter {format_about(report.jitter)}")
        return ", ".join(words)

    def faults(self, expected: Expect) -> list[str]:
        wanted = expected.error if isinstance(expected, ThroughputExpect) else None
        error = self._report().error
        return [f"error: {error}"] if error is not None and wanted is None else []

    def _report(self) -> Report:
        from sim.services.throughput.client import Report

        if self.result is not None:
            report: Report = self.result
            return report
        return Report(error=self.broken())
