"""A real program that reaches the network by proxies only: where the system allows no namespaces.

The program stays in the real network. Environment variables tell it of two proxies, whose far ends are programs on the
host: it comes from there, and names are looked up there. That goes as far as the program heeds such variables.
"""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from sim.bridge.execution import environment_of, signals
from sim.bridge.loopback import BridgeError, check_up
from sim.bridge.namespace import shell_status
from sim.bridge.session import Bridge, Settings
from sim.lab.runner import Report

COVERED: Final = "TCP of programs that heed http_proxy, https_proxy and all_proxy: curl, wget, pip, git, browsers"
NOT_COVERED: Final = "ping, traceroute, dig, servers, UDP; what heeds no proxy stays in the real network"


class Proxied:
    """A program at the proxies of a bridge, which enters the network at the host called `host`.

    The host's own stack stays, with its services; the scenario runs, as in `sim bridge`. Raises what Bridge raises.
    """

    def __init__(self, path: Path, host: str, *, seed: int | None = None, record: bool = False) -> None:
        self.bridge = Bridge(path, Settings(enter_at=host, socks=0, proxy=0, record=record), seed=seed)

    def environment(self, given: Mapping[str, str] | None = None) -> dict[str, str]:
        """The environment of the program: both spellings of each variable, as each has its readers."""
        web, socks = (f"{address}:{port}" for address, port in (self.bridge.ports[name] for name in ("proxy", "socks")))
        proxies = {"http": f"http://{web}", "https": f"http://{web}", "all": f"socks5h://{socks}"}
        variables = {f"{scheme}_proxy": url for scheme, url in proxies.items()}
        variables |= {name.upper(): url for name, url in variables.items()}
        return environment_of(self.bridge.network, given) | variables

    def run(self, command: Sequence[str]) -> tuple[int, Report]:
        """Run the program and the network until the program ends; its exit status, and what became of the network.

        To be called in the main thread. Raises OSError for a program that cannot be started.
        """
        bridge = self.bridge
        bridge.network.run(until=bridge.network.now)  # what starts with the network has started, the proxies included
        try:
            process = subprocess.Popen(command, env=self.environment())
        except OSError:
            bridge.close()
            raise
        watcher = threading.Thread(target=self._watch, args=(process,), name="sim.exec", daemon=True)
        try:
            with signals(process.send_signal):
                watcher.start()
                report = bridge.run()
        finally:
            if process.poll() is None:
                process.kill()
            status = shell_status(process.wait())
            watcher.join()
        return status, report

    def _watch(self, process: subprocess.Popen[bytes]) -> None:
        process.wait()
        self.bridge.stop()


def why_not() -> str | None:
    """What forbids proxies here; None when nothing does."""
    try:
        check_up()
        with socket.create_server(("127.0.0.1", 0)):
            return None
    except BridgeError as error:
        return str(error)
    except OSError as error:
        return f"nothing can listen on 127.0.0.1: {(error.strerror or str(error)).lower()}"
