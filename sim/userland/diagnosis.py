"""What is said of a program that does not go on: where it stands, and what is wrong."""

from __future__ import annotations

import os
import sys
import sysconfig
from pathlib import Path
from types import FrameType
from typing import Final, NamedTuple

from sim.errors import SimError

OURS: Final = str(Path(__file__).parent.parent)
COMPILED: Final = f"sim{os.sep}"
"""How the file of a compiled frame begins: it is called as it was when it was built, from the folder above."""
LIBRARY: Final = sysconfig.get_path("stdlib")


def is_ours(file: str) -> bool:
    """Whether a frame's file is one of the simulator's."""
    return file.startswith(OURS) or (file.startswith(COMPILED) and Path(OURS).parent.joinpath(file).exists())


class SpinError(SimError):
    """A program goes round in circles and never waits."""


class Stuck(NamedTuple):
    """A thread that waits: for what, and where (`file:line`)."""

    host: str
    program: str
    thread: str
    waits_for: str
    line: str

    def __str__(self) -> str:
        return f"{self.program} on {self.host}, {self.thread}: waits for {self.waits_for} at {self.line}"


def running_line() -> str:
    """Where the caller stands, `file:line`, in the program itself."""
    return place(sys._getframe(1))


def place(frame: FrameType | None) -> str:
    """`file:line` of the innermost frame that is the program's; in the standard library if there is none."""
    fallback = ""
    while frame is not None:
        file = frame.f_code.co_filename
        if not is_ours(file) and not file.startswith("<frozen"):
            here = f"{file}:{frame.f_lineno}"
            if not file.startswith(LIBRARY) or "site-packages" in file:
                return here
            fallback = fallback or here
        frame = frame.f_back
    return fallback
