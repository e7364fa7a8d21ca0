"""`sim serve FILE`: the page of a network that runs, for browsers on this machine."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from sim.bridge.live import FASTEST, SLOWEST, Live
from sim.bridge.loopback import BridgeError
from sim.cli.options import File, Seed
from sim.cli.terminal import write
from sim.lab.runner import StepReport
from sim.views.report import step_lines

MISSING = "the live page takes starlette, uvicorn and websockets: pip install 'packetsim[web]'"


def command(
    file: File,
    port: Annotated[
        int | None,
        typer.Option(
            "--port",
            metavar="PORT",
            min=0,
            max=65535,
            help="Port on 127.0.0.1; 0 takes any that is free. Without it, 8000 or the next free one.",
        ),
    ] = None,
    seed: Seed = None,
    speed: Annotated[float, typer.Option(min=SLOWEST, max=FASTEST, help="2 is twice as fast as the clock.")] = 1.0,
    paused: Annotated[bool, typer.Option("--paused", help="Begin with time standing still.")] = False,
    scenario: Annotated[
        bool, typer.Option("--scenario/--no-scenario", help="Whether the scenario's steps run as well.")
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print what happens as lines of JSON.")] = False,
) -> None:
    """Run a topology in real time, with a live page: packets as they travel, a console per host, links to be cut.

    Open the URL that is printed; all browsers that do see the same run. It is listened on at 127.0.0.1 alone, and only
    who knows the URL's token is let in. Ctrl-C ends it. Exit status: 0 fine, 1 a step of the scenario failed, 2 an
    invalid file, wrong usage, or a port that cannot be had.
    """
    try:
        from sim.cli.web.server import Server
        from sim.cli.web.show import Show
        from sim.cli.web.viewers import Viewers
    except ImportError as error:
        raise BridgeError(f"{MISSING} ({error})") from None
    tell = Teller(as_json)
    live = Live(file, seed=seed, speed=speed, paused=paused, scenario=scenario)
    viewers = Viewers()
    show = Show(live, viewers)
    live.on_output, live.on_error = show.output, show.error

    def step(report: StepReport) -> None:
        tell.step(report)
        show.step(report)

    live.run_.on_step = step
    server = Server(show, port)
    try:
        tell.begin(live, server.url)  # now: once programs run, what is printed in this thread may be taken for theirs
        with live:
            server.run()
    finally:
        server.close()
    tell.end(live, show)
    failure = live.failure or server.failure
    if failure is not None:
        raise failure
    raise typer.Exit(1 if tell.failed else 0)


class Teller:
    """Prints what happens: for people, or as lines of JSON."""

    def __init__(self, as_json: bool) -> None:
        self._json = as_json
        self.failed = False

    def begin(self, live: Live, url: str) -> None:
        """Where the page is."""
        if self._json:
            self._print({"topology": live.topology.name, "seed": live.network.seed, "url": url})
            return
        about = f"  seed {live.network.seed}" + (", paused" if live.paused else "")
        write([[(live.topology.name, "title"), (about, "kind")]])
        write([[("  the page is at ", ""), (url, "address")], [("  Ctrl-C ends it", "note")]])

    def step(self, step: StepReport) -> None:
        """A step of the scenario has ended."""
        self.failed = self.failed or not step.passed
        if self._json:
            self._print({"step": step.as_dict()})
        else:
            write(step_lines(step.as_dict()))

    def end(self, live: Live, show: Any) -> None:
        """What there was."""
        viewers = show.viewers
        lag = str(live.pacer.lag)
        if self._json:
            ended = {"now": live.network.now, "frames": show.frames, "viewers": viewers.total}
            self._print({**ended, "sent_away": viewers.sent_away, "lag": lag})
            return
        count = f"{viewers.total} viewer{'' if viewers.total == 1 else 's'}"
        away = f", {viewers.sent_away} sent away" if viewers.sent_away else ""
        write([[(f"{show.frames} frames, {count}{away}; {lag}", "note")]])

    @staticmethod
    def _print(data: dict[str, Any]) -> None:
        print(json.dumps(data), flush=True)
