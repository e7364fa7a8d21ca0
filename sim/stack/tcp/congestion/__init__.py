"""Congestion controls, one file each: how much of a connection's data may be under way.

`base.py` is the protocol between a connection and its control, `reno.py` the shortest example of one; `cubic.py` is
the default, with `hystart.py` for its slow start; `bbr.py` measures the path, with `path_model.py`, instead of waiting
for losses.
"""

from __future__ import annotations

from typing import Final

from sim.stack.tcp.congestion.base import CongestionControl
from sim.stack.tcp.congestion.bbr import Bbr
from sim.stack.tcp.congestion.cubic import Cubic
from sim.stack.tcp.congestion.reno import Reno

SHIPPED: Final[dict[str, type[CongestionControl]]] = {"reno": Reno, "cubic": Cubic, "bbr": Bbr}
"""The controls that every host knows, by the name that TCP_CONGESTION takes."""
