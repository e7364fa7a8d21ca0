"""Families of addresses that a simulated host has not: refused at once, as by a kernel that was built without them."""

from __future__ import annotations

import errno
import socket
from typing import Any

import pytest

import sim

FAMILIES = (
    "AF_INET6",
    "AF_PACKET",
    "AF_NETLINK",
    "AF_CAN",
    "AF_BLUETOOTH",
    "AF_ALG",
    "AF_VSOCK",
    "AF_TIPC",
    "AF_QIPCRTR",
)


def result(program: Any, *arguments: Any) -> Any:
    net = sim.Network()
    process = net.host("h1", "10.0.0.1/24").spawn(program, *arguments)
    net.run()
    return process.result()


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW])
def test_other_families_are_not_supported(name: str, kind: int) -> None:
    if not hasattr(socket, name):
        pytest.skip(f"this system has no {name}")

    def make() -> int | None:
        with pytest.raises(OSError) as caught:  # noqa: PT011 - its number is returned
            socket.socket(getattr(socket, name), kind)
        return caught.value.errno

    assert result(make) == errno.EAFNOSUPPORT


def test_a_host_without_ipv6_says_so() -> None:
    def look() -> list[Any]:
        with pytest.raises(ValueError, match="dualstack_ipv6 not supported on this platform"):
            socket.create_server(("", 80), family=socket.AF_INET6, dualstack_ipv6=True)
        with pytest.raises(socket.gaierror) as caught:
            socket.getaddrinfo("localhost", 80, socket.AF_INET6)
        families = {found[0] for found in socket.getaddrinfo("localhost", 80)}
        return [socket.has_dualstack_ipv6(), caught.value.errno, families]

    assert result(look) == [False, socket.EAI_ADDRFAMILY, {socket.AF_INET}]
