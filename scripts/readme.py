#!/usr/bin/env python3
"""Runs the commands in README.md again and writes what they print below them; draws TCP's state diagram anew.

python scripts/readme.py
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from typer.testing import CliRunner

from sim.cli.main import build
from sim.stack.tcp.states import CLOSED, NAMES, TRANSITIONS

README = Path(__file__).parent.parent / "README.md"


def refreshed(match: re.Match[str]) -> str:
    """A console block with the output of its command as it is now."""
    command = match[1]
    result = CliRunner().invoke(build(), shlex.split(command)[1:], env={"COLUMNS": "80"})
    return f"```console\n$ {command}\n{result.output}```"


def state_diagram() -> str:
    """The states of TCP and the transitions between them, as a Mermaid state diagram; aborts are left to the table."""
    lines = ["stateDiagram-v2", f"    [*] --> {_state(CLOSED)}"]
    for origin, event, target in TRANSITIONS:
        if target != CLOSED or "timeout" not in event:
            lines.append(f"    {_state(origin)} --> {_state(target)}: {event}")
    return "\n".join(lines) + "\n"


def _state(number: int) -> str:
    return NAMES[number].replace("-", "_")


def main() -> None:
    """Bring the file up to date."""
    text = README.read_text(encoding="utf-8")
    text = re.sub(r"```console\n\$ (sim .*)\n(?:.*\n)*?```", refreshed, text)
    text = re.sub(r"```mermaid\n(?:.*\n)*?```", f"```mermaid\n{state_diagram()}```", text)
    README.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
