"""DNS records as a topology writes them: `web.corp.test: 203.0.113.80`, or `{A: [...], MX: 10 mail, ttl: 60s}`.

dnspython reads their data; it is imported when there are any.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from ipaddress import IPv6Address, ip_address
from typing import Annotated, Any, Final

from pydantic import PlainValidator, WithJsonSchema

from sim import units
from sim.scenario.addressing import parse_ipv4
from sim.scenario.fields import DURATION_SCHEMA, FieldError, Path, as_text, shown

LONGEST_TTL: Final = 2**31 - 1
"""Seconds (RFC 2181 8)."""
USUAL_TYPES: Final = ("A", "AAAA", "CAA", "CNAME", "HINFO", "MX", "NS", "PTR", "SOA", "SRV", "TXT")
_EXAMPLES: Final = {
    "A": "203.0.113.80",
    "AAAA": "2001:db8::80",
    "CNAME": "web.corp.test",
    "MX": "10 mail.corp.test",
    "NS": "ns.corp.test",
    "PTR": "web.corp.test",
    "SRV": "0 5 5060 sip.corp.test",
    "SOA": "ns.corp.test hostmaster.corp.test 1 3600 600 604800 300",
}
_NAMES_AT: Final = {"CNAME": (0,), "NS": (0,), "PTR": (0,), "DNAME": (0,), "MX": (1,), "SRV": (3,), "SOA": (0, 1)}
"""Which words of a record's data are names."""
_NAME: Final = re.compile(r"\.|(?:\*\.|\*(?=\Z))?(?:[\w-]{1,63}\.)*[\w-]{0,63}", re.ASCII)
_STRING: Final = 255  # bytes in each part of a TXT record (RFC 1035 3.3.14)


@dataclass(frozen=True)
class RecordSet:
    """The records of one name: (type, data) each, the names in the data as they were written; `ttl` in seconds."""

    records: tuple[tuple[str, str], ...]
    ttl: int | None = None

    def under(self, origin: str) -> list[tuple[str, str]]:
        """The records with full names: `origin` is the zone's, with its dot at the end."""
        return [(kind, _complete(kind, data, origin)) for kind, data in self.records]


def as_domain(value: object) -> str:
    """A domain name of text, in lower case and without the dot at its end; the root is "."."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    hint = "a domain name has letters, digits, '-' and '_' between dots, up to 63 each: web.corp.test"
    text = as_text(value, "a domain name", hint)
    if text == "@":
        return text
    if not text or len(text) > 254 or ".." in text or not _NAME.fullmatch(text):
        raise FieldError(f"{shown(text)} is not a domain name", hint)
    return text.lower() if text == "." else text.lower().removesuffix(".")


def full(name: str, origin: str) -> str:
    """The full name of one that is written in the zone `origin`: both without a dot at the end, but for the root."""
    if name in ("@", origin):
        return origin
    if origin == "." or name.endswith(f".{origin}"):
        return name
    return f"{name}.{origin}"


def dotted(name: str) -> str:
    """With the dot at its end."""
    return name if name.endswith(".") else f"{name}."


def is_below(name: str, origin: str) -> bool:
    """Whether a name is `origin` or lies below it."""
    return origin in (".", name) or name.endswith(f".{origin}")


def as_ttl(value: object, at: Path = ()) -> int:
    """A time to live in seconds."""
    hint = "write a duration: 60s, 5min, 1h"
    try:
        if isinstance(value, bool) or not isinstance(value, str | int) or (isinstance(value, int) and value):
            raise ValueError
        seconds, rest = divmod(units.duration(value) if value else 0, units.SECOND)
    except ValueError:
        raise FieldError(f"{shown(value)} is not a time to live", hint, at=at) from None
    if rest or seconds > LONGEST_TTL:
        raise FieldError(f"{shown(value)} is not a time to live: it counts in whole seconds", hint, at=at)
    return seconds


def _record_set(value: object) -> RecordSet:
    if isinstance(value, RecordSet):
        return value
    if not isinstance(value, dict):
        return RecordSet(tuple(_address(one, at) for one, at in _items(value, ())))
    ttl: int | None = None
    records: list[tuple[str, str]] = []
    for key, written in value.items():
        if key == "ttl":
            ttl = as_ttl(written, (key,))
            continue
        kind = _type(key, (str(key),))
        records += [(kind, _data(kind, one, at)) for one, at in _items(written, (key,))]
    if not records:
        raise FieldError("no records are written for this name", "write its address, or {A: 203.0.113.80}")
    kinds = {kind for kind, _ in records}
    if "CNAME" in kinds and len(records) > 1:
        raise FieldError(
            "a name with a CNAME has no other records (RFC 1034 3.6.2)",
            "write the others for the name that it stands for",
            at=(next(key for key in value if str(key).upper() == "CNAME"),),
        )
    return RecordSet(tuple(records), ttl)


def _items(value: object, at: Path) -> list[tuple[object, Path]]:
    """Each of a list, or the only one, and where it stands."""
    if not isinstance(value, list):
        return [(value, at)]
    if not value:
        raise FieldError("an empty list has no records", at=at)
    return [(one, (*at, index)) for index, one in enumerate(value)]


def _address(value: object, at: Path) -> tuple[str, str]:
    """An address alone stands for its A or AAAA record."""
    hint = "write an address; other records have a type: {CNAME: web.corp.test}"
    text = str(value) if isinstance(value, float) else value
    if not isinstance(text, str):
        raise FieldError(f"{shown(value)} is not an address", hint, at=at)
    try:
        if ":" in text:
            return "AAAA", str(IPv6Address(text))
        return "A", str(parse_ipv4(text))
    except FieldError as error:
        raise FieldError(str(error), error.hint or hint, at=at) from None
    except ValueError as error:
        what = str(error) if re.fullmatch(r"[0-9.]+", text) else f"{shown(text)} is not an address"
        raise FieldError(what, hint, at=at) from None


def _type(key: object, at: Path) -> str:
    import dns.exception
    import dns.rdatatype

    kind = str(key).upper()
    close = get_close_matches(kind[:16], USUAL_TYPES, 1)
    hint = f"did you mean {close[0]}?" if close else f"types are {', '.join(USUAL_TYPES)}"
    try:
        number = dns.rdatatype.from_text(kind)
    except (dns.exception.DNSException, ValueError):
        number = dns.rdatatype.NONE
    if number == dns.rdatatype.NONE or dns.rdatatype.is_metatype(number):
        raise FieldError(f"there is no type of record {shown(key)}", hint, at=at)
    return kind


def _data(kind: str, value: object, at: Path) -> str:
    """The data of a record, as a master file has it, but for names that are not full. Raises FieldError."""
    import dns.exception
    import dns.name
    import dns.rdata
    import dns.rdatatype

    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise FieldError(f"{shown(value)} is not the data of a record", "put it in quotes", at=at)
    text = str(value)
    if kind in ("TXT", "SPF") and not text.startswith('"'):
        text = _quoted(text)
    try:
        dns.rdata.from_text("IN", kind, _complete(kind, text, "."), origin=dns.name.root, relativize=False)
    except (dns.exception.DNSException, ValueError, OSError) as error:
        example = _EXAMPLES.get(kind)
        why = "" if kind in ("A", "AAAA") else f": {error}".rstrip(": .")
        raise FieldError(
            f"{shown(value)} is not the data of a record of type {kind}{why}",
            f"write it like {example}" if example else None,
            at=at,
        ) from None
    return text


def _quoted(text: str) -> str:
    """Text as the strings of a TXT record."""
    data = text.encode()
    parts = [data[start : start + _STRING] for start in range(0, len(data), _STRING)] or [b""]
    return " ".join(
        '"' + "".join(chr(byte) if 32 <= byte < 127 and byte not in b'"\\' else f"\\{byte:03d}" for byte in part) + '"'
        for part in parts
    )


def _complete(kind: str, data: str, origin: str) -> str:
    """The data with full names: `@` is the zone, a word without a dot is a name in it, all others are full."""
    places = _NAMES_AT.get(kind)
    if places is None:
        return data
    words = data.split()
    for place in places:
        if place < len(words) and not words[place].endswith("."):
            word = words[place]
            beyond = "." if "." in word or origin == "." else f".{origin}"
            words[place] = origin if word == "@" else word + beyond
    return " ".join(words)


def reverse_name(address: str) -> str:
    """`80.113.0.203.in-addr.arpa`."""
    return ip_address(address).reverse_pointer


def is_address(text: str) -> bool:
    """Whether a text is an IP address."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _question_name(value: object) -> str:
    """A name as it is asked for: with a dot at its end no search domain is put behind it."""
    if isinstance(value, str) and is_address(value):
        return value
    name = as_domain(value)
    if name == "@":
        raise FieldError("'@' is not a domain name", "write the name of the zone")
    return f"{name}." if isinstance(value, str) and value.endswith(".") and name != "." else name


def _question_type(value: object) -> str:
    hint = f"types are {', '.join(USUAL_TYPES)}, ANY"
    kind = as_text(value, "a type of record", hint).upper()
    return kind if kind == "ANY" else _type(kind, ())


_RECORDS_SCHEMA: Final[dict[str, Any]] = {
    "anyOf": [
        {"type": "string", "examples": ["203.0.113.80"]},
        {"type": "array", "items": {"type": "string"}},
        {
            "type": "object",
            "properties": {"ttl": DURATION_SCHEMA},
            "additionalProperties": {
                "anyOf": [{"type": ["string", "number"]}, {"type": "array", "items": {"type": ["string", "number"]}}]
            },
            "examples": [{"A": "203.0.113.80", "MX": "10 mail.corp.test"}],
        },
    ]
}
Records = Annotated[RecordSet, PlainValidator(_record_set), WithJsonSchema(_RECORDS_SCHEMA)]
"""The records of one name."""
Domain = Annotated[str, PlainValidator(as_domain), WithJsonSchema({"type": "string", "examples": ["corp.test"]})]
"""A domain name."""
Ttl = Annotated[int, PlainValidator(as_ttl), WithJsonSchema(DURATION_SCHEMA)]
"""Whole seconds, written as a duration."""
QuestionName = Annotated[
    str, PlainValidator(_question_name), WithJsonSchema({"type": "string", "examples": ["web.corp.test"]})
]
"""A domain name, or an address whose name is sought."""
QuestionType = Annotated[str, PlainValidator(_question_type), WithJsonSchema({"type": "string", "examples": ["A"]})]
