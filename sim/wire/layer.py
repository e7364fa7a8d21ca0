"""What every parsed header is: a value with named fields, comparable by them, that sums itself up in a line."""

from __future__ import annotations

from typing import Final

_SHOWN_BYTES: Final = 48


class Layer:
    """Base of the protocol values. A subclass gives `title`, `fields` and `summary`."""

    __slots__ = ()

    def title(self) -> str:
        """The protocol's name as Wireshark writes it: "Ethernet", "ARP", "IPv4", ..."""
        return "Layer"

    def fields(self) -> tuple[tuple[str, object], ...]:
        """(name, value) in header order, in the words of the field: ("time to live", 64).

        Addresses and named numbers are text ("10.0.0.1", "UDP (17)"), other numbers are `int` or `bool`; `bytes` is
        for options and payload, which comes last. Two layers are equal when they are of one class and these are.
        """
        return ()

    def summary(self) -> str:
        """One line for a list of packets."""
        return self.title()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Layer) and type(self) is type(other) and self.fields() == other.fields()

    def __hash__(self) -> int:
        return hash((self.title(), self.fields()))

    def __repr__(self) -> str:
        words = [f"{name} {_shown(value)}" for name, value in self.fields()]
        return f"<{self.title()}: {', '.join(words)}>"


class Raw(Layer):
    """Bytes that no codec of ours reads further."""

    __slots__ = ("data",)

    def __init__(self, data: bytes) -> None:
        self.data = data

    def title(self) -> str:
        return "Raw"

    def fields(self) -> tuple[tuple[str, object], ...]:
        return (("data", self.data),)

    def summary(self) -> str:
        return count_bytes(len(self.data))


class Malformed(Layer):
    """Bytes that claim to be `protocol` and are not; `reason` says why."""

    __slots__ = ("data", "protocol", "reason")

    def __init__(self, protocol: str, reason: str, data: bytes) -> None:
        self.protocol = protocol
        self.reason = reason
        self.data = data

    def title(self) -> str:
        return "Malformed"

    def fields(self) -> tuple[tuple[str, object], ...]:
        return (("protocol", self.protocol), ("reason", self.reason), ("data", self.data))

    def summary(self) -> str:
        return f"malformed {self.protocol}: {self.reason}"


def count_bytes(count: int) -> str:
    """`1 byte`, `2 bytes`."""
    return "1 byte" if count == 1 else f"{count} bytes"


def named(number: int, names: dict[int, str]) -> str:
    """A number with its name where it has one, as Wireshark writes it: `UDP (17)`, else `99`."""
    name = names.get(number)
    return str(number) if name is None else f"{name} ({number})"


def named_hex(number: int, names: dict[int, str]) -> str:
    """The same for numbers that are written in hexadecimal: `IPv4 (0x0800)`, else `0x88cc`."""
    name = names.get(number)
    return f"0x{number:04x}" if name is None else f"{name} (0x{number:04x})"


def _shown(value: object) -> str:
    if isinstance(value, bytes):
        rest = "" if len(value) <= _SHOWN_BYTES else f"... ({len(value)} bytes)"
        return (value[:_SHOWN_BYTES].hex() or "empty") + rest
    return str(value)
