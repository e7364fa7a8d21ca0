"""`sim ip`: explain an IP address."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from sim.cli.errors import usage
from sim.cli.terminal import write


def command(
    address: Annotated[
        str,
        typer.Argument(metavar="ADDR[/MASK]", help="192.168.1.10, 10.0.0.1/8, 10.0.0.1/255.0.0.0.", show_default=False),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Explain an IP address: class, network and host part, range, binary.

    Without a mask the class's own is used, as before 1993; networks of today say theirs.
    """
    from sim.scenario.addressing import explain
    from sim.views.address_card import address_card, address_data

    try:
        facts = explain(address)
    except ValueError as error:
        raise usage(str(error)) from None
    if as_json:
        print(json.dumps(address_data(facts), indent=2))
    else:
        write(address_card(facts))
