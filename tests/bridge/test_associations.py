"""UDP through the SOCKS proxy of a bridge, by a raw client."""

from __future__ import annotations

import socket
import struct
from pathlib import Path

from tests.bridge.office import open_bridge

NETWORK = """
nodes:
  pc: {kind: host, ip: 10.0.0.1/24, dns: 10.0.0.53}
  sw: {kind: switch}
  server: {kind: host, ip: 10.0.0.2/24, services: [echo]}
  ns: {kind: dns, ip: 10.0.0.53/24, records: {echo.corp.test: 10.0.0.2}}
links: [[pc, sw], {endpoints: [server, sw], delay: 5ms}, [ns, sw]]
"""


def associate(proxy: tuple[str, int]) -> tuple[socket.socket, tuple[str, int]]:
    """A SOCKS connection with an association, and the address that it is at."""
    control = socket.create_connection(proxy, 10)
    control.sendall(b"\x05\x01\x00")
    assert control.recv(2) == b"\x05\x00"
    control.sendall(b"\x05\x03\x00\x01" + bytes(6))
    answer = control.recv(10)
    assert answer[:4] == b"\x05\x00\x00\x01"
    return control, (socket.inet_ntoa(answer[4:8]), int.from_bytes(answer[8:10], "big"))


def test_datagrams_go_through_the_proxy_and_come_back(tmp_path: Path) -> None:
    name = b"echo.corp.test"
    to = b"\x00\x00\x00\x03" + bytes((len(name),)) + name + struct.pack("!H", 7)
    with open_bridge(tmp_path, NETWORK, socks=0) as bridge:
        bridge.endpoint("server", 7, "udp")
        control, at = associate(bridge.ports["socks"])
        with control, socket.socket(type=socket.SOCK_DGRAM) as own:
            assert at[0] == "127.0.0.1"
            own.settimeout(10)
            for word in (b"one", b"two"):
                own.sendto(to + word, at)
                data, source = own.recvfrom(1000)
                assert source == at
                assert data == b"\x00\x00\x00\x01" + socket.inet_aton("10.0.0.2") + b"\x00\x07" + word
        with socket.socket(type=socket.SOCK_DGRAM) as probe:  # the port goes with the connection
            probe.settimeout(10)
            probe.connect(at)
            while True:
                try:
                    probe.send(b"x")
                    probe.settimeout(0.05)
                    probe.recv(10)
                except ConnectionRefusedError:
                    break
                except TimeoutError:
                    continue
