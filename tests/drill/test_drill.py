"""Every drill script on our stack, in virtual time; and the runner itself, which must see what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.drill import ours
from tests.drill.script import SCRIPTS, all_scripts, load


@pytest.mark.parametrize("path", all_scripts(), ids=lambda path: str(path.relative_to(SCRIPTS).with_suffix("")))
def test_script(path: Path) -> None:
    ours.run(load(path))


def test_there_are_enough() -> None:
    assert len(all_scripts()) >= 150
