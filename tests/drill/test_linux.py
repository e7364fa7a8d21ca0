"""Every drill script that is short enough on the kernel of this machine, in real time: it is the oracle."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.drill.kernel import run_all, why_not
from tests.drill.script import SCRIPTS, all_scripts, load

pytestmark = [pytest.mark.root, pytest.mark.slow]


@pytest.fixture(scope="module")
def failures(request: pytest.FixtureRequest) -> dict[Path, str | None]:
    """What became of the scripts that were asked for, which all run at the same time."""
    reason = why_not()
    if reason:
        pytest.skip(reason)
    items = [item for item in request.session.items if item.path == request.path and isinstance(item, pytest.Function)]
    paths = [item.callspec.params["path"] for item in items if hasattr(item, "callspec")]
    scripts = [load(path) for path in paths if isinstance(path, Path)]
    return run_all(script for script in scripts if script.not_on_linux is None)


@pytest.mark.parametrize("path", all_scripts(), ids=lambda path: str(path.relative_to(SCRIPTS).with_suffix("")))
def test_script(path: Path, failures: dict[Path, str | None]) -> None:
    reason = load(path).not_on_linux
    if reason:
        pytest.skip(reason)
    assert failures[path] is None, failures[path]
