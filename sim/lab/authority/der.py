"""DER (ITU-T X.690), the part of it that keys and certificates need: values to bytes."""

from __future__ import annotations

from base64 import b64encode


def tagged(tag: int, content: bytes) -> bytes:
    """A value of any tag: tag, length, content."""
    size = len(content)
    if size < 128:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content


def integer(value: int) -> bytes:
    """INTEGER, of a number that is not negative."""
    return tagged(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def boolean(value: bool) -> bytes:
    """BOOLEAN."""
    return tagged(0x01, b"\xff" if value else b"\0")


def null() -> bytes:
    """NULL."""
    return tagged(0x05, b"")


def bits(content: bytes, unused: int = 0) -> bytes:
    """BIT STRING whose last `unused` bits do not count."""
    return tagged(0x03, bytes((unused,)) + content)


def octets(content: bytes) -> bytes:
    """OCTET STRING."""
    return tagged(0x04, content)


def text(value: str) -> bytes:
    """UTF8String."""
    return tagged(0x0C, value.encode())


def sequence(*members: bytes) -> bytes:
    """SEQUENCE."""
    return tagged(0x30, b"".join(members))


def set_of(*members: bytes) -> bytes:
    """SET OF: the members in the order of their bytes."""
    return tagged(0x31, b"".join(sorted(members)))


def explicit(number: int, content: bytes) -> bytes:
    """A value within [number]."""
    return tagged(0xA0 | number, content)


def identifier(dotted: str) -> bytes:
    """OBJECT IDENTIFIER, written "1.2.840"."""
    first, second, *rest = (int(part) for part in dotted.split("."))
    return tagged(0x06, b"".join(_base128(part) for part in (first * 40 + second, *rest)))


def utc_time(value: str) -> bytes:
    """UTCTime, written YYMMDDHHMMSSZ: for years 1950 to 2049 (RFC 5280 4.1.2.5.1)."""
    return tagged(0x17, value.encode("ascii"))


def pem(label: str, content: bytes) -> str:
    """The text form (RFC 7468)."""
    lines = b64encode(content).decode("ascii")
    body = "\n".join(lines[start : start + 64] for start in range(0, len(lines), 64))
    return f"-----BEGIN {label}-----\n{body}\n-----END {label}-----\n"


def _base128(value: int) -> bytes:
    groups = [value & 0x7F]
    while value := value >> 7:
        groups.append(0x80 | value & 0x7F)
    return bytes(reversed(groups))
