#!/usr/bin/env python3
"""Tries which libraries run unmodified as programs on simulated hosts, and prints the table of README.md.

python scripts/compatibility.py [VENV] [--write | --check]

Each probe in tests/compatibility/probes runs in processes of their own: on two simulated hosts, with the library
imported by the programs and before them, each twice with different hash seeds, whose traces have to be equal; over a
link that loses 2 % of the frames; and for real, on this machine's loopback interface. What a real machine does not
print as expected either, or what takes too long, fails. The libraries have the versions of
tests/compatibility/requirements.txt and are installed into VENV, a temporary one unless it is named.

`--write` puts the table into README.md. `--check` compares: the exit code is 1 if anything but the date differs. It is
1 as well if anything fails.
"""

from __future__ import annotations

import argparse
import difflib
import json
import os
import platform
import re
import runpy
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
FOLDER = ROOT / "tests" / "compatibility"
REQUIREMENTS = FOLDER / "requirements.txt"
BEGIN = "<!-- what runs: written by scripts/compatibility.py -->\n"
END = "<!-- what runs: end -->\n"
SIMULATED = {
    "imported by the programs": (),
    "imported before": ("--before",),
}
SEEDS = ("1", "2")
"""Of hashes: the order of sets of texts must not reach the network."""
LOSSY = ("--loss", "2%")
LONGEST = 90
"""Real seconds that one run may take; those that work take less than one, and the real ones up to ten."""
ATTEMPTS = 3
"""Real processes on a busy machine may be late."""
REAL_AT_ONCE = 4
Run = dict[str, Any]
described: Any = runpy.run_path(str(FOLDER / "described.py"))["described"]


# -- trying


def prepare(venv: Path) -> Path:
    """The interpreter of a virtual environment that has packetsim from this tree and the libraries."""
    python = venv / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    environment = os.environ | {"PACKETSIM_COMPILE": "0"}
    subprocess.run([*pip, "-r", str(REQUIREMENTS), "-e", str(ROOT)], check=True, env=environment, stdout=sys.stderr)
    return python


def once(python: Path, module: str, probe: Path, folder: Path, *options: str, seed: str = "0") -> Run:
    """One run in a process of its own; what takes too long fails."""
    shutil.copytree(folder.parent / "certificates", folder)
    command = [str(python), "-m", f"tests.compatibility.{module}", str(probe), str(folder), *options]
    environment = os.environ | {"PYTHONHASHSEED": seed}
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=LONGEST, check=False, cwd=ROOT
        )
    except subprocess.TimeoutExpired:
        return {"outcome": "fails", "detail": f"it was stopped after {LONGEST} s"}
    try:
        run: Run = json.loads(done.stdout)
    except ValueError:
        return {"outcome": "fails", "detail": (done.stderr.strip().splitlines() or ["it says nothing"])[-1]}
    return run


def for_real(python: Path, probe: Path, folder: Path) -> Run:
    """The run on the loopback interface, tried again if it fails."""
    for number in range(ATTEMPTS):
        run = once(python, "loopback", probe, folder.with_name(f"{folder.name}-{number}"))
        if run["outcome"] == "works":
            break
    return run


def try_all(python: Path, work: Path) -> dict[Path, str]:
    """What became of each probe."""
    (work / "certificates").mkdir()
    make = [str(python), "-m", "tests.compatibility.certificates", str(work / "certificates")]
    subprocess.run(make, check=True, cwd=ROOT)
    probes = sorted((FOLDER / "probes").glob("with_*.py"))
    with ThreadPoolExecutor(REAL_AT_ONCE) as waiting, ThreadPoolExecutor(os.cpu_count()) as working:
        started: dict[Path, dict[str, Future[Run]]] = {}
        for probe in probes:
            runs = started[probe] = {}
            runs["for real"] = waiting.submit(for_real, python, probe, work / f"{probe.stem}-real")
            for how, options in SIMULATED.items():
                for seed in SEEDS:
                    folder = work / f"{probe.stem}-{len(runs)}"
                    runs[f"{how}, {seed}"] = working.submit(once, python, "drive", probe, folder, *options, seed=seed)
            folder = work / f"{probe.stem}-lossy"
            runs["over a lossy link"] = working.submit(once, python, "drive", probe, folder, *LOSSY)
        found = {}
        for probe, futures in started.items():
            found[probe] = verdict({how: run.result() for how, run in futures.items()}, described(probe).repeats)
            if sys.stderr.isatty():
                print(f"{probe.stem}: {found[probe]}", file=sys.stderr)
    return found


# -- judging


def verdict(runs: dict[str, Run], repeats: str) -> str:
    """works, refused or fails, for all runs of one probe; with the reason.

    `repeats` says what is equal in each run: its bytes, or its shape if OpenSSL's own randomness is in the bytes.
    """
    if runs["for real"]["outcome"] != "works":
        return f"fails: {runs['for real']['detail']}"
    simulated = {how: run for how, run in runs.items() if how != "for real"}
    for how, run in simulated.items():
        if run["outcome"] == "fails":
            return f"fails, {how}: {run['detail']}"
    cells = {cell(run) for run in simulated.values()}
    if len(cells) > 1:
        return f"fails: not the same each time: {'; '.join(sorted(cells))}"
    for how in SIMULATED:
        one, other = (simulated[f"{how}, {seed}"] for seed in SEEDS)
        if one["shape"] != other["shape"]:
            return f"fails, {how}: two runs have different traces"
        if repeats == "bytes" and one["digest"] != other["digest"]:
            return f"fails, {how}: two runs have different bytes"
    return cells.pop()


def cell(run: Run) -> str:
    """The outcome of one run as the table has it: a refusal without the line of the program where it happened."""
    if run["outcome"] == "refused":
        return f"refused by name: {run['detail'].rpartition(': ')[2]}"
    return str(run["outcome"])


# -- telling


def pinned() -> dict[str, str]:
    """The version of each library."""
    lines = [line.partition("#")[0].strip() for line in REQUIREMENTS.read_text(encoding="utf-8").splitlines()]
    return dict(line.split("==") for line in lines if line)


def table(found: dict[Path, str]) -> str:
    """The lines between the two markers of README.md."""
    versions = pinned()
    rows = []
    for probe, outcome in found.items():
        about = described(probe)
        names = about.libraries
        shown = ", ".join(versions[name] for name in names)
        rows.append(f"| {', '.join(names)} | {shown} | {about.tried} | {outcome.replace('|', '/')} |\n")
    today = datetime.now(UTC).date()
    return (
        f"Tried on {today} with Python {platform.python_version()}:\n\n"
        "| library | version | what was tried | outcome |\n|---|---|---|---|\n" + "".join(rows)
    )


def undated(text: str) -> str:
    """A table without what may differ."""
    return re.sub(r"^Tried on .*\n", "", text, flags=re.MULTILINE)


def shown_now() -> str:
    """The table in README.md."""
    return README.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]


def write(text: str) -> None:
    """Put a table into README.md."""
    readme = README.read_text(encoding="utf-8")
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    assert begin + end == BEGIN + END, "README.md lacks the markers"
    README.write_text(before + begin + text + end + after, encoding="utf-8")


def difference(text: str) -> str:
    """What differs from README.md; nothing if only the date does."""
    before, now = (undated(one).splitlines(keepends=True) for one in (shown_now(), text))
    return "".join(difflib.unified_diff(before, now, "README.md", "now", n=0))


@contextmanager
def folder_for(venv: Path | None) -> Iterator[tuple[Path, Path]]:
    """The virtual environment, and a folder for what the runs need."""
    with tempfile.TemporaryDirectory() as work:
        yield venv or Path(work, "venv"), Path(work)


def main() -> int:
    """Try, tell, and say whether all is well."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("venv", nargs="?", type=Path, help="created if it is not there")
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--write", action="store_true", help="put the table into README.md")
    action.add_argument("--check", action="store_true", help="compare it with the one in README.md")
    options = parser.parse_args()
    with folder_for(options.venv) as (venv, work):
        found = try_all(prepare(venv.absolute()), work)
    text = table(found)
    failed = any(outcome.startswith("fails") for outcome in found.values())
    differs = difference(text) if options.check else ""
    print(differs or text, end="")
    if options.write and not failed:
        write(text)
    return 1 if failed or differs else 0


if __name__ == "__main__":
    sys.exit(main())
