"""`sim replay`: pages and data of stored traces."""

from __future__ import annotations

import base64
import json
import zlib
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from sim.cli.main import build

TOPOLOGY = Path(__file__).parents[2] / "topologies" / "two_subnets.yaml"


def sim(*arguments: object) -> tuple[int, str, str]:
    """Exit status, output and errors of a command."""
    result = CliRunner().invoke(build(), [str(argument) for argument in arguments])
    return result.exit_code, result.stdout, result.stderr


def shown(page: Path) -> Any:
    """The data of a page."""
    packed = page.read_text(encoding="utf-8").split('id="film">')[1].partition("</script>")[0]
    return json.loads(zlib.decompress(base64.b64decode(packed)))


def told(data: Any) -> list[tuple[Any, ...]]:
    """All notes of a page with their sentences. A trace has them by time and frame."""
    notes = data["notes"]
    sentences = [data["sentences"]["zh"][number] for number in notes["sentence"]]
    columns = (notes["time"], notes["about"], notes["node"], notes["kind"], sentences)
    return sorted(zip(*columns, strict=True))


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The trace of a run, and beside it its page."""
    folder = tmp_path_factory.mktemp("run")
    status, _, errors = sim("run", TOPOLOGY, "-q", "--out", folder, "--html", folder / "page.html")
    assert (status, errors) == (0, "")
    return folder / "events.jsonl"


def test_the_page_of_a_stored_run_is_that_of_the_run(trace: Path, tmp_path: Path) -> None:
    status, output, _ = sim("replay", trace, "--html", tmp_path / "again.html")
    assert status == 0
    assert output.endswith("again.html  56 frames of two_subnets\n")
    again, before = shown(tmp_path / "again.html"), shown(trace.parent / "page.html")
    for part in (
        "name",
        "seed",
        "digest",
        "passed",
        "end",
        "nodes",
        "ports",
        "map",
        "links",
        "frames",
        "blobs",
        "steps",
    ):
        assert again[part] == before[part], part
    for part in ("tables", "series", "columns"):
        assert again[part] == before[part], part
    assert told(again) == told(before)


def test_all_that_the_page_shows_as_data(trace: Path) -> None:
    status, output, _ = sim("replay", trace, "--json")
    data = json.loads(output)
    assert status == 0
    assert (data["format"], data["name"], len(data["frames"]["id"])) == ("packetsim-page", "two_subnets", 56)
    assert {name for _, _, name, _, _ in data["tables"]} >= {"ARP", "MAC", "routes"}
    assert all(data["sentences"]["en"])


@pytest.mark.parametrize("name", ["path"])
def test_one_packet_has_a_page_too(name: str, tmp_path: Path) -> None:
    status, _, _ = sim(name, TOPOLOGY, "pc1", "server", "--html", tmp_path / "page.html")
    assert status == 0
    assert "<title>two_subnets" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_what_cannot_be_done(trace: Path, tmp_path: Path) -> None:
    status, _, errors = sim("replay", trace)
    assert (status, "--html FILE, --json or both" in errors) == (2, True)
    status, _, errors = sim("replay", tmp_path / "none.jsonl", "--json")
    assert (status, "No such file or directory" in errors) == (2, True)
    status, _, errors = sim("replay", TOPOLOGY, "--json")
    assert (status, f"{TOPOLOGY}:1: error: this is no packetsim trace" in errors.replace("\n", "")) == (2, True)
    status, _, errors = sim("replay", trace, "--html", tmp_path / "no" / "page.html")
    assert (status, "cannot write" in errors) == (2, True)
