"""Builds packetsim, with its core compiled by mypyc where that is possible.

PACKETSIM_COMPILE=1 compiles or fails, PACKETSIM_COMPILE=0 does not compile. Without it the core is compiled when there
is a C compiler, and an editable install stays interpreted, so that edits take effect.

Each module becomes a C file of its own, and as many of them are compiled at once as there are processors: the whole
core in one file takes three times as long, on one processor, and is no faster then.
"""

import os
import sys
import sysconfig
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

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
ASKS_ONLY = {"egg_info", "dist_info", "sdist"}
"""What pip calls beforehand, for the name and the dependencies: nothing is built then."""


def wants_compilation() -> bool:
    """What the environment asks for, else whether it can be done and is not in the way."""
    wish = os.environ.get("PACKETSIM_COMPILE", "")
    if wish:
        return wish not in {"0", "no", "false"}
    return not {"editable_wheel", "develop"} & {*sys.argv} and has_compiler()


def c_compiler() -> Any:
    """The compiler that Python's own extensions are built with."""
    from distutils.ccompiler import new_compiler
    from distutils.sysconfig import customize_compiler

    compiler = new_compiler()
    customize_compiler(compiler)
    return compiler


def has_compiler() -> bool:
    """Whether a small extension can be built here: a compiler alone, without Python's headers, is not enough."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "probe.c")
        source.write_text("#include <Python.h>\nint probe(void) { return 0; }\n")
        compiler = c_compiler()
        compiler.add_include_dir(sysconfig.get_path("include"))
        try:
            compiler.compile([str(source)], output_dir=folder)
        except Exception:
            return False
    return True


class QuickBuild(build_ext):
    """Compiles the C files of an extension side by side."""

    def build_extension(self, ext: Extension) -> None:
        compiler: Any = self.compiler
        compile_one = compiler.compile

        def compile_all(sources: list[str], **options: Any) -> list[str]:
            objects: list[str] = compile_one(sources[:1], **options)  # alone: a compiler may set itself up at first
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                for made in pool.map(lambda source: compile_one([source], **options), sources[1:]):
                    objects += made
            return objects

        compiler.compile = compile_all
        try:
            super().build_extension(ext)
        finally:
            compiler.compile = compile_one


def extensions() -> list[Extension]:
    """What mypyc makes of the core."""
    from mypyc.build import mypycify

    quiet = ["--config-file=", "--follow-imports=silent", "--ignore-missing-imports"]  # types are checked elsewhere
    made = mypycify([*quiet, *COMPILED], opt_level="3", debug_level="0", multi_file=True, group_name="packetsim")
    if c_compiler().compiler_type == "unix":
        for extension in made:  # only Python's own entry points are looked up from outside: the rest is called directly
            extension.extra_compile_args.append("-fvisibility=hidden")
    return made


if ASKS_ONLY.isdisjoint(sys.argv) and wants_compilation():
    setup(ext_modules=extensions(), cmdclass={"build_ext": QuickBuild})
else:
    setup()
