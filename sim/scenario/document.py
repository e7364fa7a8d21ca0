"""YAML text to plain Python values, with the line and the column of each.

PyYAML's parser gives events; the values are built here, without recursion, so that neither deep nesting nor aliases
of aliases ("billion laughs") can exhaust the stack, the memory or the patience of whoever runs `sim check`. What is
not plain data is refused: tags, several documents, keys that are not text, a key twice.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import yaml

from sim.errors import TopologyError
from sim.scenario.scalars import resolve

MAX_BYTES: Final = 16 * 2**20
MAX_DEPTH: Final = 64
TOO_DEEP: Final = f"nested too deep: more than {MAX_DEPTH} levels"
MAX_VALUES: Final = 250_000
"""Values in a file once its aliases are written out: a host on a link takes about seven, so some 35,000 hosts."""
MAX_SOURCE: Final = 400
"""Characters of the longest line that an error quotes."""

Key = str | int
KeyPath = tuple[Key, ...]

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_FORBIDDEN: Final = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"  # YAML 1.2.2, 5.1: c-printable
)


class Place:
    """A value and where it starts. `size` and `height` count the values in it and their nesting, itself included."""

    __slots__ = ("children", "column", "height", "line", "size", "value")

    def __init__(self, value: Any, line: int, column: int) -> None:
        self.value = value
        self.line = line
        self.column = column
        self.size = 1
        self.height = 1
        self.children: dict[str, tuple[Place, int, int]] | list[Place] | None = None


class Document:
    """One YAML document: its `value`, and the place of every part of it.

    A path is the keys and indices that lead to a value: `("nodes", "pc1", "ip")`.
    """

    def __init__(self, root: Place, text: str, file: str) -> None:
        self.value: Any = root.value
        self.file = file
        self._root = root
        self._text = text
        self._split: list[str] | None = None

    def locate(self, path: KeyPath, key: bool = False) -> tuple[int, int]:
        """Line and column, from 1, of the value at `path`, or of the nearest value around it that is in the file.

        A mapping is shown at its key. With `key`, so is every other value.
        """
        place = self._root
        position: tuple[int, int] | None = None
        for part in path:
            children = place.children
            if isinstance(children, dict):
                if isinstance(part, int):
                    continue  # the model sees a list where the file has the short form for one
                if part not in children:
                    key = False
                    break
                place, *found = children[part]
                position = (found[0], found[1])
            elif isinstance(children, list) and isinstance(part, str):
                continue  # and here a mapping, where the file has a list in short
            elif isinstance(children, list) and isinstance(part, int) and part < len(children):
                place, position = children[part], None
            else:
                key = False
                break
        if position is not None and (key or isinstance(place.children, dict)):
            return position
        return place.line, place.column

    def source(self, line: int) -> str | None:
        """The text of a line, for a caret under it (so tabs are spaces); None for one that is too long to quote."""
        text = self.line(line)
        return text.replace("\t", " ") if len(text) <= MAX_SOURCE else None

    def line(self, line: int) -> str:
        """The text of a line as it is, or nothing beyond the last."""
        if self._split is None:
            self._split = self._text.splitlines()
        return self._split[line - 1] if 0 < line <= len(self._split) else ""

    def error(self, path: KeyPath, message: str, hint: str | None = None, *, key: bool = False) -> TopologyError:
        """A `TopologyError` that points at the value at `path`."""
        line, column = self.locate(path, key)
        return TopologyError(message, file=self.file, line=line, column=column, source=self.source(line), hint=hint)


def read(path: str | Path) -> Document:
    """The document in a file of UTF-8 text. Raises `TopologyError`, also for a file that cannot be read."""
    file = str(path)
    try:
        size = Path(path).stat().st_size
        if size > MAX_BYTES:
            raise _too_big(file, f"{size / 2**20:.0f} MiB")
        with Path(path).open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise TopologyError("there is no such file", file=file) from None
    except IsADirectoryError:
        raise TopologyError("this is a folder, not a file", file=file) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise TopologyError(f"the file cannot be read: {reason}", file=file) from None
    if len(data) > MAX_BYTES:
        raise _too_big(file, "more")
    return parse(_decode(data, file), file)


def parse(text: str, file: str = "<text>") -> Document:
    """The document in `text`; `file` is its name in errors. Raises `TopologyError`."""
    if len(text) > MAX_BYTES:
        raise _too_big(file, f"{len(text) / 2**20:.0f} MiB")
    text = text.removeprefix("\ufeff")
    empty = Document(Place(None, 1, 1), text, file)
    forbidden = _FORBIDDEN.search(text)
    if forbidden:
        line = text.count("\n", 0, forbidden.start()) + 1
        column = forbidden.start() - (text.rfind("\n", 0, forbidden.start()) + 1) + 1
        raise TopologyError(
            f"the character U+{ord(forbidden[0]):04X} cannot stand in YAML",
            file=file,
            line=line,
            column=column,
            hint="is this a text file?",
        )
    try:
        root = _Builder(empty).build(text)
    except yaml.MarkedYAMLError as error:
        raise _syntax_error(error, empty) from None
    except (yaml.YAMLError, ValueError) as error:  # PyYAML's Python scanner lets chr() of an escape raise
        raise TopologyError(f"this is not YAML: {error}", file=file) from None
    return Document(root, text, file)


def _too_big(file: str, size: str) -> TopologyError:
    limit = f"{MAX_BYTES // 2**20} MiB"
    return TopologyError(f"the file is too big: {size}, where at most {limit} are read", file=file)


def _decode(data: bytes, file: str) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        start = data.rfind(b"\n", 0, error.start) + 1
        source = data[start:].split(b"\n", 1)[0].decode("utf-8", "replace")
        utf16 = data.startswith((b"\xff\xfe", b"\xfe\xff"))
        raise TopologyError(
            f"the file is not UTF-8 text: byte 0x{data[error.start]:02x} cannot stand here",
            file=file,
            line=data.count(b"\n", 0, error.start) + 1,
            column=len(data[start : error.start].decode("utf-8", "replace")) + 1,
            source=source if len(source) <= MAX_SOURCE and source.isprintable() else None,
            hint="it looks like UTF-16: save it as UTF-8" if utf16 else "save it as UTF-8",
        ) from None


class _Open:
    """A list or a mapping that has not ended yet."""

    __slots__ = ("anchor", "key", "merges", "place")

    def __init__(self, place: Place, anchor: str | None) -> None:
        self.place = place
        self.anchor = anchor
        self.key: tuple[str, int, int] | None = None
        self.merges: list[Place] = []


class _Builder:
    """Builds the places of one document from PyYAML's events."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._stack: list[_Open] = []
        self._anchors: dict[str, Place | None] = {}  # None while the anchored collection is still open
        self._total = 0
        self._root: Place | None = None
        self._documents = 0

    def build(self, text: str) -> Place:
        for event in yaml.parse(text, Loader=_LOADER):
            if isinstance(event, yaml.ScalarEvent):
                self._scalar(event)
            elif isinstance(event, yaml.CollectionStartEvent):
                self._start(event)
            elif isinstance(event, yaml.CollectionEndEvent):
                self._end(event)
            elif isinstance(event, yaml.AliasEvent):
                self._alias(event)
            elif isinstance(event, yaml.DocumentStartEvent):
                self._documents += 1
                if self._documents > 1:
                    raise self._error(event, "a second document starts here", "keep each topology in its own file")
        return self._root or Place(None, 1, 1)

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        self._refuse_tag(event)
        opened = self._stack[-1] if self._stack else None
        if opened is not None and isinstance(opened.place.children, dict) and opened.key is None:
            self._key(opened, event)
            return
        value: Any = event.value
        if event.implicit[0]:
            try:
                value = resolve(event.value)
            except ValueError as error:
                raise self._error(event, str(error), "put it in quotes if it is text") from None
        place = self._place(value, event)
        self._total += 1
        if event.anchor is not None:
            self._anchors[event.anchor] = place
        self._add(place, event)

    def _key(self, opened: _Open, event: yaml.ScalarEvent) -> None:
        text, children = event.value, opened.place.children
        assert isinstance(children, dict)
        if not text:
            raise self._error(event, "a key is missing before ':'")
        if event.anchor is not None:
            raise self._error(event, "an anchor cannot stand on a key", "put it on the value, after the ':'")
        if text in children:
            first = children[text][1]
            raise self._error(event, f"the key {text!r} stands twice here", f"the first is on line {first}")
        opened.key = (text, *_position(event))

    def _start(self, event: yaml.CollectionStartEvent) -> None:
        self._refuse_tag(event)
        self._refuse_as_key(event)
        if len(self._stack) >= MAX_DEPTH:
            raise self._error(event, TOO_DEEP)
        mapping = isinstance(event, yaml.MappingStartEvent)
        place = self._place({} if mapping else [], event)
        place.children = {} if mapping else []
        self._total += 1
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        self._stack.append(_Open(place, event.anchor))

    def _end(self, event: yaml.CollectionEndEvent) -> None:
        opened = self._stack.pop()
        for merged in opened.merges:
            self._merge(opened.place, merged, event)
        if opened.anchor is not None:
            self._anchors[opened.anchor] = opened.place
        self._add(opened.place, event)

    def _alias(self, event: yaml.AliasEvent) -> None:
        self._refuse_as_key(event)
        if event.anchor not in self._anchors:
            raise self._error(event, f"the alias *{event.anchor} has no anchor &{event.anchor} above it")
        place = self._anchors[event.anchor]
        if place is None:
            raise self._error(event, f"the alias *{event.anchor} stands inside the value it names")
        if len(self._stack) + place.height > MAX_DEPTH + 1:
            raise self._error(event, f"{TOO_DEEP} once this alias is written out")
        self._total += place.size
        self._add(place, event)

    def _add(self, place: Place, event: yaml.Event) -> None:
        """Put a finished value where it belongs."""
        if self._total > MAX_VALUES:
            raise self._error(
                event,
                f"too many values: a topology has at most {MAX_VALUES:,}, aliases written out",
                "split it, or make it smaller",
            )
        if not self._stack:
            self._root = place
            return
        opened = self._stack[-1]
        parent = opened.place
        if isinstance(parent.children, list):
            parent.children.append(place)
            parent.value.append(place.value)
        else:
            assert parent.children is not None
            assert opened.key is not None
            key, line, column = opened.key
            opened.key = None
            if key == "<<":
                opened.merges += self._merge_sources(place, event)
                return
            parent.children[key] = (place, line, column)
            parent.value[key] = place.value
        parent.size += place.size
        parent.height = max(parent.height, place.height + 1)

    def _merge_sources(self, place: Place, event: yaml.Event) -> list[Place]:
        """What `<<:` names: one mapping, or a list of them."""
        sources = place.children if isinstance(place.children, list) else [place]
        if not all(isinstance(source.children, dict) for source in sources):
            raise self._error(event, "'<<' merges mappings only", "write <<: *anchor, or <<: [*one, *two]")
        return sources

    def _merge(self, into: Place, source: Place, event: yaml.Event) -> None:
        """Add the keys that `into` has not got itself."""
        assert isinstance(into.children, dict)
        assert isinstance(source.children, dict)
        for key, child in source.children.items():
            if key not in into.children:
                into.children[key] = child
                into.value[key] = child[0].value
                into.size += child[0].size
                into.height = max(into.height, child[0].height + 1)
                self._total += child[0].size

    def _place(self, value: Any, event: yaml.Event) -> Place:
        return Place(value, *_position(event))

    def _refuse_tag(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> None:
        if event.tag is not None:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            raise self._error(event, f"the tag {tag} is not supported", "write the plain value; quotes make text")

    def _refuse_as_key(self, event: yaml.Event) -> None:
        opened = self._stack[-1] if self._stack else None
        if opened is not None and isinstance(opened.place.children, dict) and opened.key is None:
            raise self._error(event, "a key must be plain text", "put it in quotes if it starts with [, {, * or &")

    def _error(self, event: yaml.Event, message: str, hint: str | None = None) -> TopologyError:
        return _at(event.start_mark, message, hint, self._document)


def _position(event: yaml.Event) -> tuple[int, int]:
    mark: Any = event.start_mark  # the stubs allow None, which a parser never gives
    return mark.line + 1, mark.column + 1


def _at(mark: Any, message: str, hint: str | None, document: Document) -> TopologyError:
    line, column = mark.line + 1, mark.column + 1
    source = document.source(line)
    return TopologyError(message, file=document.file, line=line, column=column, source=source, hint=hint)


_SYNTAX: Final = (
    # part of PyYAML's problem, message, hint
    (
        "mapping values are not allowed",
        "a ':' cannot stand here",
        "put text that holds ': ' in quotes, or check the indentation of this line and the one above",
    ),
    ("could not find expected ':'", "expected a ':' after this key", "write key: value"),
    ("did not find expected key", "expected a key here", "the keys of one mapping start in the same column"),
    ("did not find expected '-' indicator", "expected '- ' here", "the items of one list start in the same column"),
    ("did not find expected ',' or ']'", "expected ',' or ']' here", None),
    ("did not find expected ',' or '}'", "expected ',' or '}' here", None),
    ("did not find expected node content", "expected a value here", None),
    ("block sequence entries are not allowed", "a list cannot start here", "put the '-' on a line of its own"),
    ("found a tab character", "a tab cannot indent YAML", "use spaces"),
    ("hexdecimal number", "this escape needs hexadecimal digits", "in single quotes a backslash is only a backslash"),
    ("exceeded maximum nesting depth", TOO_DEEP, None),  # libyaml's own limit, met before there is an event
    ("found unknown escape character", "unknown escape after '\\'", "in single quotes a backslash is only a backslash"),
)


def _syntax_error(error: yaml.MarkedYAMLError, document: Document) -> TopologyError:
    """PyYAML's error in words that say what to mend."""
    mark = error.problem_mark or error.context_mark
    problem = error.problem or "this is not YAML"
    if mark is None:
        return TopologyError(problem, file=document.file, line=1, column=1)
    opened = None
    if error.context_mark is not None and error.context_mark.line != mark.line:
        opened = f"what starts on line {error.context_mark.line + 1} has not ended"
    if "cannot start any token" in problem:
        return _at(mark, *_bad_start(document.line(mark.line + 1)[mark.column : mark.column + 1]), document)
    if "unexpected end of stream" in problem and error.context_mark is not None:
        return _at(error.context_mark, "this quote is never closed", None, document)
    if opened is not None and not document.line(mark.line + 1)[mark.column :].strip(" .-"):
        return _at(error.context_mark, "what starts here is never closed", None, document)
    for part, message, hint in _SYNTAX:
        if part in problem:
            return _at(mark, message, hint or opened, document)
    return _at(mark, problem, opened, document)


def _bad_start(character: str) -> tuple[str, str]:
    if character == "\t":
        return "a tab cannot indent YAML", "use spaces"
    return f"text cannot start with {character!r}", "put it in quotes"
