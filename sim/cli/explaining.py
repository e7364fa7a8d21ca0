"""The options that ask for explanations in whole sentences."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import Annotated

import typer

from sim.cli.terminal import on_terminal, width
from sim.views.journey import Telling


class Language(StrEnum):
    """A language that explanations are written in."""

    ENGLISH = "en"
    CHINESE = "zh"


Explain = Annotated[
    bool, typer.Option("--explain", help="Tell in whole sentences what each device did with a frame, and why.")
]
Lang = Annotated[
    Language | None, typer.Option("--lang", help="The language of explanations; implies --explain.", show_default=False)
]


def telling(explain: bool, lang: Language | None) -> Telling:
    """How journeys are told; lines are cut for a terminal alone."""
    if not explain and lang is None:
        return Telling()
    return Telling((lang or Language.ENGLISH).value, width() if on_terminal(sys.stdout) else None)
