"""The command line: what it prints, where, and with which status."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from sim.cli import main as cli
from sim.cli.errors import finding_lines
from sim.errors import TopologyError
from sim.views.text import plain

GOOD = """\
name: lab
nodes:
  pc1: {kind: host, ip: 10.0.0.1/24}
  pc2: {kind: host, ip: 10.0.0.2/24}
  sw1: {kind: switch}
links: [[pc1, sw1], [pc2, sw1]]
"""
BAD = GOOD.replace("kind: switch", "kind: swich")
DOUBTFUL = GOOD.replace("10.0.0.2/24", "10.0.0.1/24")


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    made = {}
    for name, text in {"good": GOOD, "bad": BAD, "doubtful": DOUBTFUL, "empty": "", "yaml": "a: [b"}.items():
        path = tmp_path / f"{name}.yaml"
        path.write_text(text, encoding="utf-8")
        made[name] = str(path)
    return made


def sim(*arguments: str) -> tuple[int, str, str]:
    """Exit status, stdout and stderr of `sim` with these arguments."""
    result = CliRunner().invoke(cli.build(), arguments, prog_name="sim")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def test_help_lists_every_command_in_plain_text() -> None:
    status, out, _ = sim("--help")
    assert status == 0
    assert all(f"\n  {verb} " in out for verb in cli.COMMANDS)
    assert out.isascii()


@pytest.mark.parametrize("verb", cli.COMMANDS)
def test_every_command_has_help(verb: str) -> None:
    status, out, _ = sim(verb, "--help")
    assert status == 0
    assert out.startswith(f"Usage: sim {verb}")
    assert sim(verb, "-h") == (0, out, "")


def test_the_version_says_how_the_engine_runs() -> None:
    status, out, _ = sim("--version")
    assert status == 0
    assert out.startswith("packetsim ")
    assert out.endswith(("(interpreted)\n", "(compiled)\n"))


@pytest.mark.parametrize(
    "arguments",
    [["nonsense"], ["check"], ["show"], ["ip"], ["check", "--nonsense"], ["ip", "10.0.0"], ["ip", "10.0.0.1/33"], []],
)
def test_wrong_usage_is_status_2_in_plain_text(arguments: list[str]) -> None:
    status, _, err = sim(*arguments)
    assert status == 2
    assert "Usage: sim" in err
    assert err.isascii()
    assert "Traceback" not in err


class TestCheck:
    def test_a_good_file(self, files: dict[str, str]) -> None:
        assert sim("check", files["good"]) == (0, f"{files['good']}: ok\n", "")
        assert sim("check", "-q", files["good"]) == (0, "", "")

    def test_an_error_is_shown_with_its_place_a_caret_and_a_hint(self, files: dict[str, str]) -> None:
        status, out, err = sim("check", files["bad"])
        assert status == 2
        assert out == f"{files['bad']}: 1 error\n"
        first, source, caret, hint = err.splitlines()
        assert first.startswith(f"{files['bad']}:5:15: error: ")
        assert first.endswith("]")
        assert source == "      sw1: {kind: swich}"
        assert caret.index("^") == source.index("swich")
        assert hint.startswith("hint: did you mean 'switch'?")

    def test_a_warning_alone_is_status_0(self, files: dict[str, str]) -> None:
        status, out, err = sim("check", files["doubtful"])
        assert status == 0
        assert ": warning: " in err
        assert out == f"{files['doubtful']}: 1 warning\n"
        assert sim("check", "-q", files["doubtful"]) == (0, "", "")

    def test_one_bad_file_of_several_is_enough(self, files: dict[str, str]) -> None:
        status, out, _ = sim("check", files["good"], files["bad"], files["good"])
        assert status == 2
        assert out.count(": ok\n") == 2

    def test_json_has_one_entry_for_each_file(self, files: dict[str, str]) -> None:
        status, out, err = sim("check", "--json", files["good"], files["bad"], "no/such/file.yaml")
        assert (status, err) == (2, "")
        good, bad, missing = json.loads(out)
        assert good == {"file": files["good"], "ok": True, "problems": []}
        assert (bad["ok"], missing["ok"]) == (False, False)
        (problem,) = bad["problems"]
        assert (problem["severity"], problem["line"], problem["column"]) == ("error", 5, 15)


@pytest.mark.parametrize("verb", ["check", "show"])
@pytest.mark.parametrize("name", ["bad", "empty", "yaml", "missing", "folder"])
def test_no_file_makes_a_traceback(verb: str, name: str, files: dict[str, str], tmp_path: Path) -> None:
    file = {"missing": str(tmp_path / "none.yaml"), "folder": str(tmp_path)}.get(name) or files[name]
    status, _, err = sim(verb, file)
    assert status == 2
    assert err.startswith(f"{file}:")
    assert ": error: " in err.splitlines()[0]


class TestShow:
    def test_in_a_pipe_it_draws_plain_text(self, files: dict[str, str]) -> None:
        status, out, _ = sim("show", files["good"])
        assert status == 0
        assert out.startswith("lab: 3 devices, 2 links\n")
        assert "│ sw1  switch │" in out
        assert "\x1b" not in out

    def test_columns_of_the_environment_are_the_width(
        self, files: dict[str, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("COLUMNS", "24")
        _, out, _ = sim("show", files["good"])
        assert "\n│ sw1      switch │\n├─────────────────┤\n│ pc1 10.0.0.1/24 │\n" in out

    def test_svg_goes_to_a_file_or_to_stdout(self, files: dict[str, str], tmp_path: Path) -> None:
        out = tmp_path / "lab.svg"
        assert sim("show", files["good"], "--svg", str(out)) == (0, "", "")
        assert sim("show", files["good"], "--svg", "-") == (0, out.read_text(encoding="utf-8"), "")
        ElementTree.fromstring(out.read_text(encoding="utf-8"))

    def test_svg_that_cannot_be_written_is_wrong_usage(self, files: dict[str, str], tmp_path: Path) -> None:
        status, out, err = sim("show", files["good"], "--svg", str(tmp_path / "no" / "x.svg"))
        assert (status, out) == (2, "")
        assert "--svg" in err
        assert "cannot write" in err

    def test_mermaid(self, files: dict[str, str]) -> None:
        status, out, _ = sim("show", "--mermaid", files["good"])
        assert status == 0
        assert out.startswith("flowchart TB\n")


def test_schema_is_a_json_schema() -> None:
    status, out, _ = sim("schema")
    assert status == 0
    assert {"nodes", "links", "scenario"} <= set(json.loads(out)["properties"])


def test_ip_as_a_card_and_as_data() -> None:
    status, out, _ = sim("ip", "192.168.1.10/24")
    assert status == 0
    assert "11000000.10101000.00000001|00001010" in out
    data = json.loads(sim("ip", "--json", "192.168.1.10/24")[1])
    assert (data["class"], data["private"], data["broadcast"], data["usable"]) == ("C", True, "192.168.1.255", 254)


class TestFindings:
    def test_a_very_long_line_is_cut_around_the_caret(self) -> None:
        source = "x" * 5000 + "HERE" + "y" * 5000
        error = TopologyError("wrong", file="f.yaml", line=1, column=5001, source=source)
        _, shown, caret = plain(finding_lines(error)).splitlines()
        assert len(shown) < 120
        assert shown[caret.index("^") :].startswith("HERE")

    def test_the_caret_stands_below_wide_characters(self) -> None:
        error = TopologyError("wrong", file="f.yaml", line=1, column=4, source="日本:x")
        assert plain(finding_lines(error)).splitlines()[2] == "    " + " " * 5 + "^"

    def test_control_characters_of_a_file_are_not_printed(self) -> None:
        error = TopologyError("bad \x1b[31m", file="\x1b.yaml", line=1, column=1, source="\x1b[2J", hint="\x07")
        assert "\x1b" not in plain(finding_lines(error, "error", "code"))
        assert "\x07" not in plain(finding_lines(error))


class TestEndings:
    """How a command that is broken off ends; the commands here are made for it."""

    def run(self, monkeypatch: pytest.MonkeyPatch, error: BaseException) -> tuple[int, str, str]:
        def command() -> None:
            raise error

        module = type(sys)("sim_test_command")
        module.command = command  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "sim_test_command", module)
        monkeypatch.setitem(cli.COMMANDS, "broken", ("sim_test_command", "For this test."))
        return sim("broken")

    def test_an_interrupt_is_130(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert self.run(monkeypatch, KeyboardInterrupt()) == (130, "", "\n")

    def test_a_topology_error_is_2(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert self.run(monkeypatch, TopologyError("no", hint="yes")) == (2, "", "error: no\nhint: yes\n")

    def test_our_own_bugs_fail_loudly(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(ZeroDivisionError):
            self.run(monkeypatch, ZeroDivisionError())


@pytest.mark.slow
def test_a_reader_who_leaves_ends_it_quietly() -> None:
    command = f"{sys.executable} -m sim schema | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("141\n", "")


@pytest.mark.slow
def test_a_stream_without_box_characters_gets_ascii(files: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sim", "show", files["good"]],
        capture_output=True,
        check=True,
        env={"PYTHONIOENCODING": "ascii"},
    )
    assert b"| sw1  switch |" in done.stdout


@pytest.mark.slow
def test_help_imports_no_heavy_library() -> None:
    program = (
        "import sys; sys.argv = ['sim', '--help']\n"
        "from sim.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print(sorted({'networkx', 'scapy', 'yaml', 'rich', 'sim.scenario', 'sim.lab'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
