"""A home behind a NAT and a lossy line, bridged: what real clients have to get through.

pc - home (NAT) - 10 ms, 20 Mbit/s, 2 % loss - isp - sw - web, db, ns
"""

from __future__ import annotations

import random
import socket
from pathlib import Path
from typing import Any

from sim.bridge.session import Bridge
from sim.lab.gateways import LabGateway
from tests.bridge.office import open_bridge

PUBLIC = "198.51.100.2"
"""Where the home appears to be."""
LARGE = random.Random(7).randbytes(500_000)
"""A page that certainly loses some of its segments."""

WAN = f"""
seed: 7
nodes:
  pc: {{kind: host, ip: 192.168.1.10/24, gateway: 192.168.1.1, dns: 203.0.113.53}}
  home:
    kind: gateway
    interfaces: {{inside: 192.168.1.1/24, outside: {PUBLIC}/24}}
    routes: {{0.0.0.0/0: 198.51.100.1}}
  isp: {{kind: router, interfaces: {{wan: 198.51.100.1/24, net: 203.0.113.1/24}}}}
  sw: {{kind: switch}}
  web:
    kind: host
    ip: 203.0.113.80/24
    gateway: 203.0.113.1
    services:
      - http:
          root: www
          routes: {{/form: {{echo: true}}}}
          hosts: {{img.corp.test: {{root: img}}}}
  db: {{kind: host, ip: 203.0.113.90/24, gateway: 203.0.113.1}}
  ns:
    kind: dns
    ip: 203.0.113.53/24
    gateway: 203.0.113.1
    records: {{web.corp.test: 203.0.113.80, img.corp.test: {{CNAME: web.corp.test}}, db.corp.test: 203.0.113.90}}
links:
  - [pc, "home:inside"]
  - {{endpoints: ["home:outside", "isp:wan"], delay: 10ms, loss: 2%, bandwidth: 20Mbps}}
  - ["isp:net", sw]
  - [web, sw]
  - [db, sw]
  - [ns, sw]
"""


def open_wan(folder: Path, **settings: Any) -> Bridge:
    """Its bridge, at which the real world enters as the pc. The web server has what is in `www` and `img`."""
    for site in ("www", "img"):
        (folder / site).mkdir(exist_ok=True)
    (folder / "www/large").write_bytes(LARGE)
    return open_bridge(folder, WAN, enter_at="pc", **settings)


def lost(bridge: Bridge) -> int:
    """Frames that the line has lost, both ways."""

    def count() -> int:
        channels = [bridge.network.port(port).channel for port in ("home:outside", "isp:wan")]
        return sum((channel.drops or {}).get("loss", 0) for channel in channels if channel is not None)

    return bridge.call(count)


def translated(bridge: Bridge) -> int:
    """Packets that went through the NAT."""
    home = bridge.network["home"]
    assert isinstance(home, LabGateway)
    return bridge.call(lambda: home.counters()["translated"])


def free_port() -> int:
    """A port of TCP on loopback that nobody has: for a real server that has to be told one."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port
