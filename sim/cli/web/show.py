"""The show: the film of what happens in a live network, cut bit by bit, and all that viewers see besides.

What the network records is copied bit by bit to a *tape*, and cut from there in another thread. A *reel* is a film and
the parts that go on with it; whoever comes later gets all of it. When it has become too long, the older half is let go
and a new one begins.
"""

from __future__ import annotations

import asyncio
import json
import math
import time
from functools import partial
from typing import Any, Final

from sim.bridge.live import Live
from sim.bridge.loopback import BridgeError
from sim.cli.filming import about_run
from sim.cli.web.viewers import Viewer, Viewers
from sim.lab.console.console import VERBS
from sim.lab.measuring import record_series, settle_series
from sim.lab.network import Network
from sim.lab.runner import StepReport
from sim.lab.table_watch import TableWatch
from sim.tracing.recorder import Recorder
from sim.tracing.reel import Piece, Reel, collapse, forget, too_many
from sim.tracing.series import Series
from sim.tracing.tables import Tables
from sim.units import format_bitrate, format_duration
from sim.views.diagram.plan import link_text
from sim.views.page.film import Cutter, film

PERIOD: Final = 0.05
"""Seconds between two looks at what is new."""
HEARTBEAT: Final = 0.5
"""Seconds between two messages while nothing happens."""
KEPT_FRAMES: Final = 50_000
KEPT_BYTES: Final = 16_000_000
"""What is kept of frames: whatever is reached first."""
KEPT_TEXT: Final = 48_000_000
"""Characters of a film and its parts."""
SCENARIO_FRAMES: Final = 1_000_000
"""Frames that are kept while the scenario's steps are judged by them."""
FRAMES_A_SECOND: Final = 4000
BURST: Final = 8000
"""How many frames a second are shown, and at once after a while of silence; others are only counted."""
KEPT_TRANSCRIPT: Final = 20_000
"""Characters of what each console has said that are kept."""
TOO_MUCH: Final = "more was recorded than can be kept for it"


class Show:
    """What viewers of a live network see."""

    def __init__(self, live: Live, viewers: Viewers) -> None:
        self.live = live
        self.viewers = viewers
        self.frames = 0
        self.positions: dict[str, list[float]] = {}
        self.ready = asyncio.Event()  # there is a film for who comes
        self._network: Network = live.network
        self._about = about_run(live.topology, {"seed": live.network.seed})
        self._reel = Reel(live.network.recorder)
        self._watch = TableWatch(live.network)
        record_series(live.network)
        self._transcripts: dict[str, str] = {}
        self._steps: list[dict[str, Any]] = []
        self._news: list[dict[str, Any]] = []  # since the last look
        self._missed = 0
        self._let_go = 0
        self._allowance = float(BURST)
        self._looked = time.monotonic()
        self._checked = 0.0
        self._told: dict[str, Any] = {}
        self._spoke = 0.0
        self._cables: dict[Any, tuple[Any, dict[str, str]]] = {}
        self._state = self._state_now()
        self._tape = _blank(live.network.recorder)
        self._film, self._text = "{}", 0
        self._parts: list[str] = []
        self._cutter = Cutter(self._tape)

    # -- called in the network's thread

    def output(self, node: str, text: str) -> None:
        """A console has said something."""
        self._news.append({"console": node, "text": text})

    def step(self, report: StepReport) -> None:
        """A step of the scenario has ended."""
        self._news.append({"add": {"steps": [report.as_dict()]}})

    def error(self, text: str) -> None:
        """Something went wrong that nobody in particular has to be told."""
        self._news.append({"error": text})

    def _take(self, most: int, check: bool) -> tuple[Piece, list[dict[str, Any]], dict[str, Any], list[str]]:
        """What is new: a piece of the recording, messages, the state of the network, and the names of all ports."""
        recorder = self._network.recorder
        recorder.end = self._network.now
        self._watch.finish()
        settle_series(self._network)
        piece = self._reel.take(most)
        if check:
            self._keep_within_bounds()
        news, self._news = self._news, []
        return piece, news, self._state_now(), recorder.ports

    def _state_now(self) -> dict[str, Any]:
        live = self.live
        return {
            "state": "paused" if live.paused else "running",
            "speed": live.pacer.speed,
            "links": self._links(),
            "dark": live.dark(),
            "busy": live.busy(),
        }

    def _links(self) -> list[dict[str, Any]]:
        """All links as they are. Their words are made anew only for one that has changed."""
        found = []
        for link in self._network.links:
            cable = self.live.run_.cables[link]
            known = self._cables.get(link)
            if known is None or known[0] is not cable:
                known = self._cables[link] = (cable, _words(cable))
            found.append({"up": link.up, **known[1]})
        return found

    def _keep_within_bounds(self) -> None:
        recorder = self._network.recorder
        if not self.live.scenario_over:
            if len(recorder.ids) < SCENARIO_FRAMES:
                return
            self.live.run_.abandon(TOO_MUCH)
            self.error(f"the scenario is given up: {TOO_MUCH}")
        rows = too_many(recorder, KEPT_FRAMES, KEPT_BYTES)
        gone = self._reel.let_go(rows)
        self._watch.let_go(*gone)

    # -- called in the server's thread

    async def run(self) -> None:
        """Look at what is new again and again, and let everybody have it. Raises BridgeError when the network ends."""
        await self._begin_reel()
        self.ready.set()
        while True:
            began = time.monotonic()
            await self._look(began)
            await asyncio.sleep(max(0.005, PERIOD - (time.monotonic() - began)))

    def welcome(self, viewer: Viewer) -> None:
        """Somebody has come: what there is so far, and from now on all that is new."""
        viewer.put([self._first_message(), *self._parts])
        self.viewers.add(viewer)

    def page_data(self) -> dict[str, Any]:
        """What the page is made of before the network tells it more: devices and links, and nothing that happened."""
        return {**film(_blank(self._network.recorder), self._about), "live": {"path": "/live"}}

    def move(self, node: str, place: list[float] | None) -> None:
        """Somebody has dragged a node: others see it there too. None puts it back. Raises BridgeError."""
        if node not in self._network.nodes:
            raise BridgeError(f"there is no node called {node!r}")
        if place is None:
            self.positions.pop(node, None)
        elif len(place) != 2 or not all(math.isfinite(number) and abs(number) < 1e6 for number in place):
            raise BridgeError("a place is two numbers")
        else:
            self.positions[node] = place
        self.viewers.tell(json.dumps({"positions": {node: place}}))

    async def _look(self, now: float) -> None:
        self._allowance = min(BURST, self._allowance + (now - self._looked) * FRAMES_A_SECOND)
        self._looked = now
        check = now - self._checked > 1
        if check:
            self._checked = now
        take = partial(self._take, int(self._allowance), check)
        piece, news, state, ports = await asyncio.wrap_future(self.live.submit(take))
        self._allowance -= len(piece.ids)
        self.frames += len(piece.ids) + piece.missed
        self._missed += piece.missed
        self._state = state
        await self._show(piece, len(ports) != len(self._tape.ports))
        for message in news:
            self._remember(message)
            self.viewers.tell(json.dumps(message))
        self._tell_changes(now, bool(len(piece.ids) or len(piece.note_times)))

    async def _show(self, piece: Piece, more_ports: bool) -> None:
        if not (len(piece.ids) or len(piece.note_times) or piece.tables or piece.series or more_ports):
            self._tape.end = piece.end
            return
        piece.add_to(self._tape)
        if more_ports or len(self._tape.ids) > KEPT_FRAMES or self._text > KEPT_TEXT:
            await self._begin_reel()
            self.viewers.tell(self._first_message())
            return
        part = await asyncio.to_thread(self._cut)
        self._parts.append(part)
        self._text += len(part)
        self.viewers.tell(part)

    def _cut(self) -> str:
        data = self._cutter.cut()
        return json.dumps({"add": data, **self._clock()})

    async def _begin_reel(self) -> None:
        """A new film of what is kept. Who comes while it is made gets the old one, and then the new one as well."""
        made = await asyncio.to_thread(self._new_film)
        self._film, self._parts, self._text = made, [], len(made)

    def _new_film(self) -> str:
        rows = too_many(self._tape, KEPT_FRAMES, KEPT_BYTES)
        if self._text > KEPT_TEXT:
            rows = max(rows, len(self._tape.ids) // 2)
        forget(self._tape, rows)
        if rows and self._tape.tables is not None:
            collapse(self._tape.tables, self._tape.starts[0] if self._tape.starts else self._tape.end)
        self._let_go += rows
        _copy_names(self._network.recorder, self._tape)
        self._cutter = Cutter(self._tape)
        data = film(self._tape, self._about | {"steps": self._steps}, cutter=self._cutter)
        return json.dumps(data)

    def _first_message(self) -> str:
        about = {
            **self._clock(),
            **self._state,
            "positions": self.positions,
            "consoles": self._transcripts,
            "verbs": {name: verb.usage for name, verb in VERBS.items()},
            "can": self._abilities(),
            "steps": self._steps,
        }
        return f'{{"live": {json.dumps(about)}, "film": {self._film}}}'

    def _clock(self) -> dict[str, Any]:
        return {
            "now": self._tape.end,
            "state": self._state.get("state", "running"),
            "speed": self._state.get("speed", 1.0),
            "lag": self.live.lag,
            "missed": self._missed,
            "letGo": self._let_go,
        }

    def _abilities(self) -> dict[str, list[str]]:
        """What can be typed at which node."""
        return {
            name: [verb for verb, about in VERBS.items() if isinstance(node, about.on)]
            for name, node in self._network.nodes.items()
        }

    def _remember(self, message: dict[str, Any]) -> None:
        """What whoever comes later has to know."""
        if "console" in message:
            name = message["console"]
            self._transcripts[name] = (self._transcripts.get(name, "") + message["text"])[-KEPT_TRANSCRIPT:]
        elif "add" in message:
            self._steps += message["add"]["steps"]

    def _tell_changes(self, now: float, something: bool) -> None:
        """The state of the network where it has changed, and the time of day."""
        state = self._state
        links = [
            {"link": index, **link}
            for index, link in enumerate(state["links"])
            if "links" not in self._told or self._told["links"][index] != link
        ]
        changes: dict[str, Any] = {}
        if links and "links" in self._told:
            changes["links"] = links
        for key in ("dark", "busy", "state", "speed"):
            if key in self._told and self._told[key] != state[key]:
                changes[key] = state[key]
        self._told = state
        quiet = now - self._spoke > HEARTBEAT and state["state"] == "running"
        if changes or something or quiet:
            self._spoke = now
        if changes or quiet:
            self.viewers.tell(json.dumps({**self._clock(), **changes}))


def _words(cable: Any) -> dict[str, str]:
    """What a link is like in words, and the properties that the page can change."""
    properties = {"bandwidth": cable.bandwidth, "delay": cable.delay} | dict(cable.changes())
    return {
        "text": link_text(properties),
        "bandwidth": format_bitrate(cable.bandwidth),
        "delay": format_duration(cable.delay),
        "loss": f"{cable.loss * 100:.4g}%",
    }


def _blank(recorder: Recorder) -> Recorder:
    """A recorder of the same devices, without anything recorded."""
    made = Recorder()
    made.tables, made.series = Tables(), Series()
    _copy_names(recorder, made)
    return made


def _copy_names(source: Recorder, target: Recorder) -> None:
    target.nodes, target.node_kinds = list(source.nodes), list(source.node_kinds)
    target.ports, target.port_nodes = list(source.ports), list(source.port_nodes)
    target.port_peers = list(source.port_peers)
