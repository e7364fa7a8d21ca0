"""Golden frames: real ones, in `golden/NAME.hex`, each with a comment that says where it comes from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parent / "golden"


def read_golden(path: Path) -> bytes:
    lines = path.read_text(encoding="ascii").splitlines()
    return bytes.fromhex("".join(line for line in lines if not line.startswith("#")))


@pytest.fixture
def golden() -> Callable[[str], bytes]:
    """The bytes of a golden frame by its name."""

    def read(name: str) -> bytes:
        return read_golden(GOLDEN / f"{name}.hex")

    return read


@pytest.fixture
def all_golden() -> dict[str, bytes]:
    """Every golden frame by its name."""
    return {path.stem: read_golden(path) for path in sorted(GOLDEN.glob("*.hex"))}
