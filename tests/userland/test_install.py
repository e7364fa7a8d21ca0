"""What modules have taken, or made, before there were programs is fit for programs too."""

from __future__ import annotations

import os
import subprocess
import sys
from textwrap import dedent
from typing import Final

import pytest

BEGINS: Final = """
    import dataclasses, queue, sys, threading, time, types

    module = sys.modules["before"] = types.ModuleType("before")
    exec(code, module.__dict__)

    import sim
    net = sim.Network(seed=1)
    host = net.host("h1", "10.0.0.1/24")
    """


def fresh(module: str, program: str) -> str:
    """What is printed by a new interpreter that has a module called `before`, and then runs a program."""
    code = f"code = {dedent(module)!r}\n{dedent(BEGINS)}\n{dedent(program)}"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60).stdout


@pytest.mark.slow
def test_what_fields_of_dataclasses_are_made_by() -> None:
    module = """
        import dataclasses, queue, time
        @dataclasses.dataclass
        class Message:
            answers: queue.SimpleQueue = dataclasses.field(default_factory=queue.SimpleQueue)
            made: float = dataclasses.field(default_factory=time.monotonic)
            kind = queue.SimpleQueue
        """
    program = """
        def program():
            message = module.Message()
            for box in (message.answers, module.Message.kind()):
                threading.Timer(1, box.put, ["late"]).start()
                print(box.get(), message.made, time.monotonic())
        process = host.spawn(program)
        net.run()
        print(process.stdout, end="")
        print(module.Message().made > 100)
        """
    assert fresh(module, program) == "late 0.0 1.0\nlate 0.0 2.0\nTrue\n"


@pytest.mark.slow
def test_what_is_written_with_a_copy_of_the_modules_names() -> None:
    """As attrs writes an `__init__`."""
    module = """
        import queue
        names = dict(globals(), factory=queue.SimpleQueue)
        exec("def __init__(self): self.answers = factory()", names)
        class Message:
            __init__ = names["__init__"]
        """
    program = """
        def program():
            message = module.Message()
            threading.Timer(1, message.answers.put, ["late"]).start()
            return message.answers.get(), time.monotonic()
        print(host.run(program))
        """
    assert fresh(module, program) == "('late', 1.0)\n"


@pytest.mark.slow
def test_thread_local_data_is_each_programs_own_and_stays_what_it_was_outside() -> None:
    module = """
        import threading
        memory = threading.local()
        memory.word = "outside"
        class Kept:
            memory = threading.local()
        """
    program = """
        elsewhere = module.memory
        def program(word):
            print(hasattr(module.memory, "word"))
            module.memory.word = module.Kept.memory.word = word
            time.sleep(1)
            print(module.memory.word, module.Kept.memory.word, len(vars(module.memory)))
            del module.memory.word
            print(hasattr(module.memory, "word"))
        processes = [host.spawn(program, word) for word in ("one", "two")]
        net.run()
        print(*[process.stdout.split() for process in processes])
        print(module.memory.word, elsewhere.word, vars(module.Kept.memory))
        module.memory.word = "changed"
        print(elsewhere.word, isinstance(module.memory, threading.local))
        del module.memory.word
        print(hasattr(elsewhere, "word"))
        """
    own = [["False", word, word, "1", "False"] for word in ("one", "two")]
    assert fresh(module, program) == f"{own[0]} {own[1]}\noutside outside {{}}\nchanged True\nFalse\n"
