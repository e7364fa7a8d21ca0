"""Names of services and protocols (IANA), the same on every machine that the simulator runs on."""

from __future__ import annotations

import operator
from typing import Final

BOTH: Final = ("tcp", "udp")
TCP: Final = ("tcp",)
UDP: Final = ("udp",)
SERVICES: Final[dict[str, tuple[int, tuple[str, ...]]]] = {
    "echo": (7, BOTH),
    "discard": (9, BOTH),
    "daytime": (13, BOTH),
    "chargen": (19, BOTH),
    "ftp-data": (20, TCP),
    "ftp": (21, TCP),
    "ssh": (22, TCP),
    "telnet": (23, TCP),
    "smtp": (25, TCP),
    "time": (37, BOTH),
    "domain": (53, BOTH),
    "bootps": (67, UDP),
    "bootpc": (68, UDP),
    "tftp": (69, UDP),
    "finger": (79, TCP),
    "http": (80, TCP),
    "pop3": (110, TCP),
    "nntp": (119, TCP),
    "ntp": (123, UDP),
    "imap2": (143, TCP),
    "snmp": (161, BOTH),
    "irc": (194, BOTH),
    "ldap": (389, BOTH),
    "https": (443, BOTH),
    "submissions": (465, TCP),
    "shell": (514, TCP),
    "syslog": (514, UDP),
    "submission": (587, TCP),
    "ldaps": (636, BOTH),
    "imaps": (993, TCP),
    "pop3s": (995, TCP),
    "mysql": (3306, TCP),
    "postgresql": (5432, TCP),
    "redis": (6379, TCP),
    "http-alt": (8080, BOTH),
}
PROTOCOLS: Final = {"ip": 0, "icmp": 1, "igmp": 2, "tcp": 6, "egp": 8, "udp": 17, "ipv6": 41, "gre": 47, "ospf": 89}


def getservbyname(servicename: str, protocolname: str | None = None, /) -> int:
    """`socket.getservbyname`."""
    _check("getservbyname", servicename)
    port, protocols = SERVICES.get(servicename, (0, ()))
    if not protocols or protocolname not in (None, *protocols):
        raise OSError("service/proto not found")
    return port


def getservbyport(port: int, protocolname: str | None = None, /) -> str:
    """`socket.getservbyport`."""
    number = operator.index(port)
    if not 0 <= number <= 0xFFFF:
        raise OverflowError("getservbyport: port must be 0-65535.")
    for name, (known, protocols) in SERVICES.items():
        if known == number and protocolname in (None, *protocols):
            return name
    raise OSError("port/proto not found")


def getprotobyname(name: str, /) -> int:
    """`socket.getprotobyname`."""
    _check("getprotobyname", name)
    if name.lower() not in PROTOCOLS:
        raise OSError("protocol not found")
    return PROTOCOLS[name.lower()]


def _check(caller: str, name: object) -> None:
    if not isinstance(name, str):
        kind = "None" if name is None else type(name).__name__
        raise TypeError(f"{caller}() argument 1 must be str, not {kind}")
