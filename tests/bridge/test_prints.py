"""What is printed while a bridged network works hard in its own thread: by programs inside, and by those beside it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import sys
import threading
from pathlib import Path
import sim

def work():
    print("inside")
    while not go_home.is_set():
        sum(range(1000))
    print("inside, too")

go_home = threading.Event()
with sim.bridge(Path(sys.argv[1])) as bridge:
    process = bridge.call(lambda: bridge.network["pc"].spawn(work))
    while "inside" not in process.stdout:
        pass
    for number in range(100):
        print("beside", number)
        print("aside", number, file=sys.stderr)
    go_home.set()
    while "too" not in process.stdout:
        pass
print(repr(process.stdout))
"""


@pytest.mark.slow
def test_what_is_printed_beside_the_network_is_not_the_programs(tmp_path: Path) -> None:
    file = tmp_path / "lab.yaml"
    file.write_text("nodes: {pc: {kind: host, ip: 10.0.0.1/24}}\nlinks: []\n")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(file)], capture_output=True, text=True, timeout=60, check=False
    )
    *beside, program = done.stdout.splitlines()
    assert done.returncode == 0, done.stderr
    assert beside == [f"beside {number}" for number in range(100)]
    assert done.stderr.splitlines() == [f"aside {number}" for number in range(100)]
    assert program == repr("inside\ninside, too\n")
