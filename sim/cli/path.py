"""`sim path FILE SRC DST`: send one packet and print its journey."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from sim.cli.errors import usage
from sim.cli.explaining import Explain, Lang, telling
from sim.cli.filming import Filming, about_run, write_page
from sim.cli.options import File, Html, Json, Out, Seed, print_json, write_out
from sim.cli.pictures import Ladder, check_pictures, write_ladders
from sim.cli.terminal import write
from sim.lab.build import build
from sim.lab.packets import Sent, send_one
from sim.scenario.load import load as read
from sim.tracing.journeys import Journey
from sim.views.dns_walk import walk_lines
from sim.views.exchange import Flow
from sim.views.journey import Telling, journey_lines
from sim.views.journey_data import journey_data
from sim.views.ladder import ladder
from sim.views.sentences import word
from sim.views.text import Line


def command(
    file: File,
    source: Annotated[str, typer.Argument(metavar="SRC", help="The host or router that sends.")],
    destination: Annotated[
        str, typer.Argument(metavar="DST", help="A node, an interface (r1:lan), an address or a name.")
    ],
    tcp: Annotated[
        int | None,
        typer.Option("--tcp", metavar="PORT", min=1, max=65535, help="Connect to this port: the journey of a SYN."),
    ] = None,
    udp: Annotated[
        int | None, typer.Option("--udp", metavar="PORT", min=1, max=65535, help="A datagram to this port, not a ping.")
    ] = None,
    listen: Annotated[
        bool, typer.Option("--listen/--no-listen", help="Whether a program listens on that port at the destination.")
    ] = True,
    explain: Explain = False,
    lang: Lang = None,
    seed: Seed = None,
    out: Out = None,
    html: Html = None,
    ladder_file: Ladder = None,
    as_json: Json = False,
) -> None:
    """Send one packet and show its journey: floods, ARP, routes, what each router changed, and why it died.

    Without --tcp and --udp it is a ping, and the reply is shown as well. With --tcp it is a connection, up to the end
    of its handshake, or of the attempt. Exit status: 0 it was delivered (for TCP: connected), 1 it was not, 2 an
    invalid file or wrong usage.
    """
    if tcp is not None and udp is not None:
        raise usage("one packet is either TCP or UDP", "--tcp")
    check_pictures(ladder_file, None)
    told = telling(explain, lang)
    topology = read(file)
    net = build(topology, seed)
    filming = None if html is None and out is None else Filming(net)
    sent = send_one(net, source, destination, tcp_port=tcp, udp_port=udp, listen=listen)
    journey = net.trace.journey(sent.root)
    data: dict[str, Any] = {
        "delivered": sent.delivered,
        "outcome": sent.outcome or None,
        "dns": sent.dns,
        **journey_data(journey, told.language or "en"),
    }
    if filming is not None:
        filming.finish()
        about = about_run(topology, {"seed": net.seed, "digest": net.trace.digest(), "passed": sent.delivered})
        if out is not None:
            write_out(out, net.name, net.trace, data, about)
        if html is not None:
            write_page(html, net.trace.recorder, about)
    pictures = [] if ladder_file is None else write_ladders(ladder_file, net.trace.recorder)
    if as_json:
        print_json(data)
    else:
        lines = [*walk_lines(sent.dns), []] if sent.dns else []
        lines += [*journey_lines(journey, told), []]
        if sent.ends is not None:
            rungs = ladder(net.trace.recorder, Flow.of(*sent.ends))
            lines += [*rungs, []] if rungs else []
        write([*lines, _verdict(journey, sent, told)])
        write(pictures)
    raise typer.Exit(0 if sent.delivered else 1)


def _verdict(journey: Journey, sent: Sent, told: Telling) -> Line:
    way = " > ".join(journey.path())
    why = "" if sent.delivered else _why(journey)
    if sent.ends is not None:
        style = "good" if sent.delivered else "error"
        return [(f"{word(sent.outcome, told.language or 'en')}  ", style), (way, "address"), (why, "error")]
    if sent.delivered:
        return [(f"{told.say('delivered')}  ", "good"), (way, "address")]
    return [(f"{told.say('not delivered')}  ", "error"), (way, "address"), (why, "error")]


def _why(journey: Journey) -> str:
    drops = journey.drops()
    return f"   {drops[0][0]}: {drops[0][1]}" if drops else ""
