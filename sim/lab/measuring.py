"""Recording time series in a network: what connections tell of themselves, and how long queues are."""

from __future__ import annotations

from collections.abc import Callable

from sim.lab.naming import label
from sim.lab.network import Network
from sim.tracing.series import Series


def record_series(net: Network) -> Series:
    """Let a network record its series from now on: of every connection that is made, and of every queue."""
    series = net.recorder.series = Series()
    for link in net.links:
        for port, channel in zip(link.ports, link.channels, strict=True):
            channel.on_queue = _queue_recorder(series, label(port))
    return series


def settle_series(net: Network) -> None:
    """The run is over for now: queues tell what has left them since a frame last came."""
    for link in net.links:
        for channel in link.channels:
            channel.queued()


def _queue_recorder(series: Series, subject: str) -> Callable[[int, int], None]:
    """What a channel tells the time (ns) and the length of its queue (frames) to."""

    def record(time: int, frames: int) -> None:
        series.add(subject, "queue", time, frames)

    return record
