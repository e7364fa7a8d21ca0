"""The time service (RFC 868): seconds since 1900 as four bytes, by TCP and by UDP."""

from __future__ import annotations

import time
from typing import Final

from sim.services import clock_services

SINCE_1900: Final = 2_208_988_800
"""Seconds from 1900 to 1970."""


def serve(port: int = 37, address: str = "0.0.0.0") -> None:
    """Serve until it is interrupted. Raises OSError for a port that is taken."""
    clock_services.serve(tell, port, address)


def tell() -> bytes:
    """The time, which overflows in 2036."""
    return (int(time.time() + SINCE_1900) & 0xFFFF_FFFF).to_bytes(4, "big")
