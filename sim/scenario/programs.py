"""Programs in a topology: a Python file that runs on a host, in a step or as one of the host's services."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, PlainValidator, WithJsonSchema

from sim import units
from sim.scenario.fields import Duration, FieldError, Flag, Model, Name, Text, as_text, shown

LONGEST_PATH = 1000


def _word(value: object) -> str:
    """A word of a command line: numbers are what they look like."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise FieldError(f"{shown(value)} is not an argument", 'put it in quotes: "true"')
    if len(str(value)) > 65_536:
        raise FieldError(f"{shown(value)} is not an argument: it is too long")
    return str(value)


def _python_file(value: object) -> str:
    hint = "write the path of a Python file, from where this file is: programs/client.py"
    text = as_text(value, "a program", hint)
    if not text.endswith(".py") or "\0" in text:
        raise FieldError(f"{shown(text)} is not a program", hint)
    return text


def _variable(value: object) -> str:
    text = as_text(value, "the name of an environment variable")
    if not text or "=" in text or "\0" in text:
        raise FieldError(f"{shown(text)} is not the name of an environment variable", "write {NAME: value}")
    return text


_WORD_SCHEMA: dict[str, Any] = {"type": ["string", "number"]}
Word = Annotated[str, PlainValidator(_word), WithJsonSchema(_WORD_SCHEMA)]
"""Text; a number stands for its digits."""
PythonFile = Annotated[
    str,
    PlainValidator(_python_file),
    WithJsonSchema({"type": "string", "pattern": r"\.py$", "examples": ["programs/client.py"]}),
]
"""The path of a program, from the folder of the topology's file."""
Variable = Annotated[str, PlainValidator(_variable), WithJsonSchema({"type": "string"})]


class Command(Model):
    """A program and what it is given: `run` is its file, `args` its arguments, `stdin` what it can read, `env` its
    environment variables beside those that are there."""

    run: PythonFile
    args: list[Word] = Field(default_factory=list)
    stdin: Text = ""
    env: dict[Variable, Word] = Field(default_factory=dict)


class Program(Command):
    """A program run on the host `on`. The step ends with the program, after `timeout` (ns) at the latest; with
    `background` it ends at once, and the program goes on until the scenario's end. `name` is what reports call it."""

    on: Name
    background: Flag = False
    name: Annotated[Text, Field(min_length=1)] | None = None
    timeout: Annotated[Duration, Field(gt=0)] | None = None

    @property
    def patience(self) -> int:
        """The timeout, or ten minutes (ns)."""
        return 600 * units.SECOND if self.timeout is None else self.timeout
