"""The daytime service (RFC 867): the date and the time for people, by TCP and by UDP."""

from __future__ import annotations

import time

from sim.services import clock_services


def serve(port: int = 13, address: str = "0.0.0.0") -> None:
    """Serve until it is interrupted. Raises OSError for a port that is taken."""
    clock_services.serve(tell, port, address)


def tell() -> bytes:
    """`Thursday, January 1, 2026 00:00:00-UTC`, in the syntax that the RFC suggests; names do not depend on the
    locale."""
    now = time.gmtime()
    day, month = DAYS[now.tm_wday], MONTHS[now.tm_mon - 1]
    clock = f"{now.tm_hour:02}:{now.tm_min:02}:{now.tm_sec:02}"
    return f"{day}, {month} {now.tm_mday}, {now.tm_year} {clock}-UTC\r\n".encode("ascii")


DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
