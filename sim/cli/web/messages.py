"""What a page asks for: JSON objects, each with one thing to do, and `n` if it wants to know that it was done.

{"pause": true}  {"step": true}  {"speed": 2.0}
{"console": "pc1", "line": "ping web"}  {"interrupt": "pc1"}
{"do": {"link": {"endpoints": ["pc1:eth0", "sw1:eth1"], "loss": "10%"}}}      as a step of a scenario
{"inject": {"port": "pc1:eth0", "scapy": "Ether()/IP()"}}                      or "hex"
{"move": {"node": "pc1", "x": 10, "y": 20}}
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, Final

from sim.bridge.live import Live
from sim.bridge.loopback import BridgeError
from sim.cli.web.show import Show
from sim.errors import SimError, TopologyError
from sim.lab.crafting import FrameError

LONGEST: Final = 65_536
"""Bytes of a message from a page."""
PATIENCE: Final = 30.0
"""Seconds that what a page asks for may take."""

Answer = dict[str, Any]


class Messages:
    """Does what pages ask for."""

    def __init__(self, live: Live, show: Show) -> None:
        self._live = live
        self._show = show
        self._doers: dict[str, Callable[[Any, dict[str, Any]], Awaitable[Answer]]] = {
            "pause": self._pause,
            "step": self._step,
            "speed": self._speed,
            "console": self._console,
            "interrupt": self._interrupt,
            "do": self._do,
            "inject": self._inject,
            "move": self._move,
        }

    async def answer(self, text: str) -> Answer | None:
        """Do what a message says; what its sender is told, None for nothing."""
        try:
            message = json.loads(text)
        except (ValueError, RecursionError):
            return {"error": "this is not JSON"}
        if not isinstance(message, dict):
            return {"error": "a message is an object"}
        number = message.get("n")
        known = [key for key in message if key in self._doers]
        named = {} if not isinstance(number, int) else {"n": number}
        if len(known) != 1:
            return {"error": f"a message has one of {', '.join(self._doers)}", **named}
        try:
            answer = await asyncio.wait_for(self._doers[known[0]](message[known[0]], message), PATIENCE)
        except TopologyError as error:
            hint = f" ({error.hint})" if error.hint else ""
            return {"error": f"{error.message}{hint}", **named}
        except (SimError, FrameError, _WrongError) as error:
            return {"error": str(error), **named}
        except TimeoutError:
            return {"error": "the network has not answered in time", **named}
        return {"reply": number, **answer} if named else answer or None

    async def _pause(self, wanted: Any, _: Any) -> Answer:
        paused = _of(bool, wanted, "pause is true or false")
        return await self._let(lambda: self._live.pause(paused))

    async def _step(self, _wanted: Any, _: Any) -> Answer:
        moved = await asyncio.wrap_future(self._live.submit(self._live.step))
        if not moved:
            raise BridgeError("nothing is to happen any more")
        return {}

    async def _speed(self, wanted: Any, _: Any) -> Answer:
        if isinstance(wanted, bool) or not isinstance(wanted, int | float):
            raise _WrongError("a speed is a number")
        speed = float(min(wanted, 1e9))
        return await self._let(lambda: self._live.set_speed(speed))

    async def _console(self, name: Any, message: dict[str, Any]) -> Answer:
        node = _of(str, name, "a console is that of a node")
        line = _of(str, message.get("line"), "what is typed is a line")
        return await self._let(lambda: self._live.console(node).enter(line))

    async def _interrupt(self, name: Any, _: Any) -> Answer:
        node = _of(str, name, "a console is that of a node")
        return await self._let(lambda: self._live.console(node).interrupt())

    async def _do(self, step: Any, _: Any) -> Answer:
        return await self._let(lambda: self._live.do(step))

    async def _inject(self, wanted: Any, _: Any) -> Answer:
        given = _of(dict, wanted, "inject has a port, and scapy or hex")
        port = _of(str, given.get("port"), "say which port: pc1:eth0")
        text = _of(str, given.get("scapy", given.get("hex")), "say what to send, as scapy or as hex")
        root = await asyncio.to_thread(lambda: self._live.inject(port, text).result(PATIENCE))
        return {"journey": root}

    async def _move(self, wanted: Any, _: Any) -> Answer:
        given = _of(dict, wanted, "move has a node, and x and y")
        node = _of(str, given.get("node"), "say which node")
        place = [given.get("x"), given.get("y")]
        if place == [None, None]:
            self._show.move(node, None)
        elif all(isinstance(number, int | float) and not isinstance(number, bool) for number in place):
            self._show.move(node, [float(number) for number in place])
        else:
            raise _WrongError("a place is two numbers")
        return {}

    async def _let(self, action: Callable[[], None]) -> Answer:
        await asyncio.wrap_future(self._live.submit(action))
        return {}


class _WrongError(ValueError):
    """A message is not what it should be."""


def _of(kind: type, value: Any, complaint: str) -> Any:
    if not isinstance(value, kind):
        raise _WrongError(complaint)
    return value
