"""The READMEs show what really happens: commands are run and compared, Python is executed, YAML is checked."""

from __future__ import annotations

import re
import runpy
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sim.cli.main import build
from sim.lab import api, seeds, traffic
from sim.userland.install import install

install()  # pytester forgets what was imported in a run, and nothing of those four can be imported twice
assert all((api, seeds, traffic))

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(kind: str, text: str = README) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("block", blocks("console"), ids=lambda block: block.partition("\n")[0][2:])
def test_a_command_prints_what_the_readme_shows(block: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("COLUMNS", "80")
    command, _, shown = block.partition("\n")
    result = CliRunner().invoke(build(), shlex.split(command.removeprefix("$ sim ")))
    assert result.output == shown


def failures() -> list[str]:
    """What a test suite prints."""
    return [text for text in blocks("text") if "--sim-replay" in text]


def test_the_readme_shows_commands() -> None:
    assert len(blocks("console")) >= 4


def test_the_python_prints_what_the_readme_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    printed = [text for text in blocks("text") if text not in failures()]
    for code, shown in zip(blocks("python"), printed, strict=True):
        exec(code, {})
        assert capsys.readouterr().out == shown
    assert (tmp_path / "pings.pcapng").stat().st_size > 0


def test_the_test_suite_fails_as_the_readme_says(pytester: pytest.Pytester, pytestconfig: pytest.Config) -> None:
    (suite,), (shown,) = blocks("py"), failures()
    pytester.makepyfile(test_counter=suite)
    installed = pytestconfig.pluginmanager.has_plugin("packetsim")
    result = pytester.runpytest("-p", "no:cacheprovider", *([] if installed else ["-p", "sim.pytest_plugin"]))
    result.assert_outcomes(failed=1, passed=1)
    told = [re.sub(r"/\S*/", "/tmp/.../", line) for line in result.outlines if line.startswith("E  ")]
    assert "\n".join(shown.splitlines()) in "\n".join(told)


def test_the_state_diagram_is_that_of_the_table() -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "readme.py"))
    assert blocks("mermaid") == [script["state_diagram"]()]


def test_the_yaml_passes(tmp_path: Path) -> None:
    import sim

    (text,) = blocks("yaml")
    path = tmp_path / "two_rooms.yaml"
    path.write_text(text)
    assert sim.run(path).passed


def test_every_file_and_command_of_the_table_exists() -> None:
    rows = [line for line in README.splitlines() if line.startswith("| ") and "`sim " in line]
    assert len(rows) >= 7
    for row in rows:
        cells = re.findall(r"`([^`]*)`", row)
        assert (ROOT / cells[0]).exists(), cells[0]
        assert (ROOT / cells[1]).exists(), cells[1]
        words = shlex.split(cells[2])
        names = [ROOT / word for word in words if word.endswith(".yaml") and "*" not in word]
        assert all(name.exists() for name in names)
        result = CliRunner().invoke(build(), [word for word in words[1:] if "*" not in word] + globbed(words))
        assert result.exit_code in {0, 1}, row


def globbed(words: list[str]) -> list[str]:
    return [str(path) for word in words if "*" in word for path in sorted(ROOT.glob(word))]
