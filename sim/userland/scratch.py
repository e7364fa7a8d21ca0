"""Files of a host that are gone with its power: what its programs put where `tempfile` tells them to.

Each host has a real folder for that, made when it is first asked for. Files that programs write elsewhere are real
ones, and stay.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref

_getpid = os.getpid  # the real one, whatever stands there later


class Scratch:
    """The folder of one host, from when it was switched on; it is erased with the network at the latest."""

    def __init__(self) -> None:
        self._folder: str | None = None

    def folder(self) -> str:
        """Its path. It differs from run to run, as it does on a real machine."""
        if self._folder is None:
            # not by mkdtemp, which would take names from the random numbers of the program that asks
            folder = os.path.join(tempfile.tempdir or os.curdir, f"sim-{_getpid()}-{id(self):x}")
            os.mkdir(folder, 0o700)
            self._erase = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
            self._folder = folder
        return self._folder

    def erase(self) -> None:
        """All its files are gone."""
        if self._folder is not None:
            self._erase()
            self._folder = None
