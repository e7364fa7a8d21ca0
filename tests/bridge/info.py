"""What TCP_INFO says of a connection, by the names of struct tcp_info (<linux/tcp.h>)."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Final

from tests.drill.info import BYTES, WORDS, read_info

TIMESTAMPS: Final = 1  # TCPI_OPT_TIMESTAMPS, and so on
SACK: Final = 2
WINDOW_SCALE: Final = 4
ECN: Final = 8

LATER: Final = {
    "pacing_rate": (104, "=Q"),
    "max_pacing_rate": (112, "=Q"),
    "bytes_acked": (120, "=Q"),
    "bytes_received": (128, "=Q"),
    "segs_out": (136, "=I"),
    "segs_in": (140, "=I"),
    "notsent_bytes": (144, "=I"),
    "min_rtt": (148, "=I"),
    "data_segs_in": (152, "=I"),
    "data_segs_out": (156, "=I"),
}
"""Fields behind those of the oldest kernels: at which byte, and how large."""


def read_all(info: bytes) -> Mapping[str, int]:
    """All fields by their names without `tcpi_`."""
    fields = {name: read_info(info, name) for name in (*BYTES, *WORDS)}
    fields |= {"snd_wscale": info[6] & 15, "rcv_wscale": info[6] >> 4}
    fields |= {name: int(struct.unpack_from(kind, info, at)[0]) for name, (at, kind) in LATER.items()}
    return fields
