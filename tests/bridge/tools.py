"""Real programs of this system, as clients and as servers; a test of one that is not installed is skipped."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any

import pytest

PATIENCE = 60.0
"""Seconds of wall clock after which a program hangs: a browser on a busy machine needs some of them only to start."""


def need(*names: str) -> None:
    """Skip the test unless these programs are installed."""
    for name in names:
        if shutil.which(name) is None:
            pytest.skip(f"{name} is not installed")


def output(*command: str, data: bytes | None = None, environment: Mapping[str, str] | None = None) -> bytes:
    """What a program prints that is given `data` to read. Raises AssertionError with its errors if it fails."""
    need(command[0])
    done = subprocess.run(
        command,
        input=b"" if data is None else data,
        capture_output=True,
        timeout=PATIENCE,
        check=False,
        env={**os.environ, "LC_ALL": "C", **(environment or {})},
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done.stdout


@contextmanager
def server(*command: str, ready: str, **named: Any) -> Iterator[subprocess.Popen[str]]:
    """A program that runs meanwhile, from when it has said that it is ready."""
    need(command[0])
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **named
    )
    try:
        said = _until(process.stdout, ready)
        assert ready in said, said
        yield process
    finally:
        process.terminate()
        try:
            process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def _until(stream: IO[str] | None, ready: str) -> str:
    """What a program says before it is ready, or ends."""
    assert stream is not None
    said = ""
    for line in stream:
        said += line
        if ready in line:
            break
    return said
