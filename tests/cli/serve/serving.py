"""`sim serve` at work, as a process of its own; and what its pages do, without a browser."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from websockets.sync.client import ClientConnection, connect

PATIENCE = 20.0
PAIR = """
name: pair
seed: 1
nodes:
  pc: {kind: host, ip: 10.0.0.1/24}
  sw: {kind: switch}
  server: {kind: host, ip: 10.0.0.2/24, services: [echo, {http: {body: "<b>hello</b>"}}]}
links: [{endpoints: [pc, sw], delay: 1ms}, [server, sw]]
"""


class Serving:
    """The process. `url` is its page."""

    def __init__(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "sim", "serve", "--json", "--port", "0", *arguments]
        self._popen = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self._popen.stdout is not None
        line = self._popen.stdout.readline()
        assert line, self._popen.communicate()[1]
        self.first = json.loads(line)
        self.url: str = self.first["url"]
        self.port = urlsplit(self.url).port
        self.token = self.url.partition("token=")[2]

    @property
    def socket_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/live?token={self.token}"

    @property
    def pid(self) -> int:
        return self._popen.pid

    def interrupt(self, number: int = signal.SIGINT) -> tuple[int, list[Any], str]:
        """Send a signal, and wait for the end: exit status, lines, errors."""
        self._popen.send_signal(number)
        out, err = self._popen.communicate(timeout=PATIENCE)
        return self._popen.returncode, [json.loads(line) for line in out.splitlines()], err

    def close(self) -> None:
        if self._popen.poll() is None:
            self._popen.kill()
        self._popen.communicate()


class Onlooker:
    """A page, as far as its WebSocket goes. `film` holds ids of frames, `said` what consoles have printed."""

    def __init__(self, serving: Serving) -> None:
        self.socket: ClientConnection = connect(serving.socket_url, max_size=None, compression=None).__enter__()
        self.live: dict[str, Any] = {}
        self.frames: list[int] = []
        self.said: defaultdict[str, str] = defaultdict(str)
        self.series: dict[str, list[int]] = {}  # values of cwnd, by connection
        self.films = 0
        self.seen: list[dict[str, Any]] = []
        self.number = 0
        self.wait(lambda: self.films)

    def ask(self, message: dict[str, Any]) -> dict[str, Any]:
        """Ask for something; the answer."""
        self.number += 1
        number = self.number
        self.socket.send(json.dumps({**message, "n": number}))

        def answers() -> list[dict[str, Any]]:
            return [one for one in self.seen if number in (one.get("reply"), one.get("n"))]

        self.wait(answers)
        return answers()[0]

    def wait(self, condition: Callable[[], object], patience: float = PATIENCE) -> None:
        """Read until something is so."""
        deadline = time.monotonic() + patience
        while not condition():
            left = deadline - time.monotonic()
            assert left > 0, (self.said, self.seen[-3:])
            self.take(json.loads(self.socket.recv(timeout=left)))

    def take(self, message: dict[str, Any]) -> None:
        self.seen.append({key: value for key, value in message.items() if key not in ("film", "add")})
        if "film" in message:
            self.films += 1
            self.live = message["live"]
            self.said = defaultdict(str, self.live["consoles"])
            self.frames = list(message["film"]["frames"]["id"])
            self.series = {}
            self.add(message["film"])
        if "add" in message:
            self.frames += message["add"].get("frames", {}).get("id", [])
            self.add(message["add"])
        if "console" in message:
            name = message["console"]
            self.said[name] += message["text"]
        for key in ("now", "state", "speed", "dark", "busy", "missed", "letGo"):
            if key in message:
                self.live[key] = message[key]
        for link in message.get("links", ()):
            self.live["links"][link["link"]] = link

    def add(self, part: dict[str, Any]) -> None:
        for one in part.get("series", []):
            if one["name"] == "cwnd":
                self.series.setdefault(one["subject"], []).extend(one["values"])

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> Onlooker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def written(folder: Path, text: str = PAIR) -> str:
    """The file of a topology."""
    path = folder / "pair.yaml"
    path.write_text(text)
    return str(path)
