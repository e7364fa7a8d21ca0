"""What a stack asks of the device that it lives in: two calls, so that it needs neither links nor a clock."""

from __future__ import annotations

from mypy_extensions import mypyc_attr

from sim.stack.interfaces import Interface


@mypyc_attr(allow_interpreted_subclasses=True)
class Outside:
    """The world around a stack."""

    def transmit(self, interface: Interface, frame: bytes, cause: int) -> None:
        """Put `frame` on the link of `interface`; `cause` is the id of the transmission that made us send it."""
        raise NotImplementedError

    def wake_at(self, time: int) -> None:
        """Call the stack's `handle_timers` at `time` (ns) instead of when it was to be called; NEVER: not at all."""
        raise NotImplementedError
