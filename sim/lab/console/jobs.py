"""What goes on at a console for a while."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sim.lab.lookups import Lookup, look_up
from sim.lab.network import Network
from sim.lab.nodes import LabHost, LabRouter
from sim.userland.process import Process
from sim.wire.addresses import format_ip, parse_ip

Machine = LabHost | LabRouter
Say = Callable[[str], None]


class Job:
    """Something that was begun at a console of `node`. It says what comes of it, line by line, and calls `finish` when
    it is over."""

    def __init__(self, net: Network, node: Machine) -> None:
        self.net = net
        self.node = node
        self.done = False
        self._say: Say = lambda _text: None
        self._on_done: Callable[[], None] = lambda: None
        self._process: Process | None = None

    def run(self, say: Say, on_done: Callable[[], None]) -> None:
        """Begin. `on_done` is called once, perhaps at once."""
        self._say, self._on_done = say, on_done
        self.start()

    def start(self) -> None:
        raise NotImplementedError

    def interrupt(self) -> None:
        """Ctrl-C."""
        if self._process is not None and not self._process.done:
            self._process.interrupt()
        else:
            self.finish()

    def cut(self) -> None:
        """The power is off; programs are gone already."""
        self.finish()

    def say(self, line: str) -> None:
        """A line of output; nothing is said once it is over."""
        if not self.done:
            self._say(line + "\n")

    def finish(self, line: str = "") -> None:
        """It is over, with a last line."""
        if self.done:
            return
        if line:
            self.say(line)
        self.done = True
        self._on_done()

    def spawn(self, program: Any, *arguments: Any, name: str, then: Callable[[Process], None]) -> Process:
        """Start a program on the node; `then` is called when it has ended, on behalf of nobody."""
        process = self._process = self.node.spawn(program, *arguments, name=name)
        engine = self.net.engine
        process.on_exit.append(lambda: engine.soon(lambda: None if self.done else then(process)))
        return process

    def find(self, name: str, then: Callable[[bytes], None]) -> None:
        """Look for the address of a node, or of a name that name servers know, and go on with it; or fail."""
        node_name, _, _ = name.partition(":")
        if node_name in self.net.nodes or _is_address(name):
            then(self.net.resolve(name))
            return
        settings = self.node.resolver
        if name.lower() not in settings.hosts and not settings.servers:
            self.finish(f"{name}: no node is called so, and {self.node.name} has no name server to ask")
            return
        self._process = look_up(self.node, name, lambda found: self.net.engine.soon(lambda: self._found(found, then)))

    def _found(self, lookup: Lookup, then: Callable[[bytes], None]) -> None:
        if self.done:
            return
        if lookup.addresses:
            then(lookup.addresses[0])
        else:
            self.finish(f"{lookup.name}: {lookup.error}")


def named(name: str, address: bytes) -> str:
    """`web (10.0.0.80)`, or the address alone."""
    text = format_ip(address)
    return text if text == name else f"{name} ({text})"


def _is_address(text: str) -> bool:
    try:
        parse_ip(text)
    except ValueError:
        return False
    return True
