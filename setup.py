"""Builds packetsim, with its core compiled by mypyc where that is possible.

PACKETSIM_COMPILE=1 compiles or fails, PACKETSIM_COMPILE=0 does not compile. Without it the core is compiled when there
is a C compiler, and an editable install stays interpreted, so that edits take effect.
"""

import os
import sys
import sysconfig
import tempfile
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

COMPILED = [
    # The packages on the way of a frame, each without its __init__; and what records it.
    *sorted(
        str(path)
        for package in ("engine", "wire", "links", "stack", "devices")
        for path in Path("sim", package).rglob("*.py")
        if path.name != "__init__.py"
    ),
    "sim/tracing/kinds.py",
    "sim/tracing/recorder.py",
    "sim/tracing/journal.py",
    "sim/tracing/series.py",
]


def wants_compilation() -> bool:
    """What the environment asks for, else whether it can be done and is not in the way."""
    wish = os.environ.get("PACKETSIM_COMPILE", "")
    if wish:
        return wish not in {"0", "no", "false"}
    return "editable_wheel" not in sys.argv and "develop" not in sys.argv and has_compiler()


def has_compiler() -> bool:
    """Whether a small extension can be built here: a compiler alone, without Python's headers, is not enough."""
    from distutils.ccompiler import new_compiler
    from distutils.sysconfig import customize_compiler

    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "probe.c")
        source.write_text("#include <Python.h>\nint probe(void) { return 0; }\n")
        compiler = new_compiler()
        customize_compiler(compiler)
        compiler.add_include_dir(sysconfig.get_path("include"))
        try:
            compiler.compile([str(source)], output_dir=folder)
        except Exception:
            return False
    return True


class QuickBuild(build_ext):
    """Compiles the C files of mypyc two at a time."""

    def finalize_options(self) -> None:
        super().finalize_options()
        self.parallel = os.cpu_count()


def extensions() -> list[Extension]:
    """What mypyc makes of the core."""
    from mypyc.build import mypycify

    quiet = ["--config-file=", "--follow-imports=silent", "--ignore-missing-imports"]  # types are checked elsewhere
    return mypycify([*quiet, *COMPILED], opt_level="3", debug_level="0", group_name="packetsim")


if wants_compilation():
    setup(ext_modules=extensions(), cmdclass={"build_ext": QuickBuild})
else:
    setup()
