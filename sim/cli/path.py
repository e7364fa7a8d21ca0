"""`sim path FILE SRC DST`: send one packet and print its journey."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from sim.cli.options import File, Json, Out, Seed, print_json, write_out
from sim.cli.terminal import write
from sim.lab.api import load
from sim.lab.packets import send_one
from sim.tracing.journeys import Journey
from sim.views.journey import journey_lines
from sim.views.journey_data import journey_data
from sim.views.text import Line


def command(
    file: File,
    source: Annotated[str, typer.Argument(metavar="SRC", help="The host or router that sends.")],
    destination: Annotated[str, typer.Argument(metavar="DST", help="A node, an interface (r1:lan) or an address.")],
    udp: Annotated[
        int | None, typer.Option("--udp", metavar="PORT", min=1, max=65535, help="A datagram to this port, not a ping.")
    ] = None,
    seed: Seed = None,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Send one packet and show its journey: floods, ARP, routes, what each router changed, and why it died.

    Without --udp it is a ping, and the reply is shown as well; with it a program listens at the destination.
    Exit status: 0 it was delivered, 1 it was not, 2 an invalid file or wrong usage.
    """
    net = load(file, seed)
    root, delivered = send_one(net, source, destination, udp)
    journey = net.trace.journey(root)
    data: dict[str, Any] = {"delivered": delivered, **journey_data(journey)}
    if out is not None:
        write_out(out, net.name, net.trace, data)
    if as_json:
        print_json(data)
    else:
        write([*journey_lines(journey), [], _verdict(journey, delivered)])
    raise typer.Exit(0 if delivered else 1)


def _verdict(journey: Journey, delivered: bool) -> Line:
    way = " > ".join(journey.path())
    if delivered:
        return [("delivered  ", "good"), (way, "address")]
    drops = journey.drops()
    why = f"   {drops[0][0]}: {drops[0][1]}" if drops else ""
    return [("not delivered  ", "error"), (way, "address"), (why, "error")]
