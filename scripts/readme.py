#!/usr/bin/env python3
"""Runs the commands in README.md again and writes what they print below them.

python scripts/readme.py
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from typer.testing import CliRunner

from sim.cli.main import build

README = Path(__file__).parent.parent / "README.md"


def refreshed(match: re.Match[str]) -> str:
    """A console block with the output of its command as it is now."""
    command = match[1]
    result = CliRunner().invoke(build(), shlex.split(command)[1:], env={"COLUMNS": "80"})
    return f"```console\n$ {command}\n{result.output}```"


text = README.read_text(encoding="utf-8")
text = re.sub(r"```console\n\$ (sim .*)\n(?:.*\n)*?```", refreshed, text)
README.write_text(text, encoding="utf-8")
