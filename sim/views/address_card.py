"""What there is to know of an IP address, as a card: its bits with the boundary marked, then the facts in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sim.views.text import Line

if TYPE_CHECKING:
    from sim.scenario.addressing import AddressFacts, NetworkFacts

CLASS_RANGES: Final = {
    "A": "first octet 0 to 127",
    "B": "first octet 128 to 191",
    "C": "first octet 192 to 223",
    "D": "first octet 224 to 239: groups, not hosts",
    "E": "first octet 240 to 255: reserved",
}
INDENT: Final = "  "
LABEL: Final = 12  # columns of the words on the left
VALUE: Final = 19  # columns of a value, with room for 255.255.255.255/32


def address_card(facts: AddressFacts) -> list[Line]:
    """The card of an address, at most 80 columns wide."""
    return [*_headline(facts), [], *_bits(facts), [], *_table(facts)]


def address_data(facts: AddressFacts) -> dict[str, Any]:
    """The same as plain values, for JSON."""
    network = facts.network
    data: dict[str, Any] = {
        "address": str(facts.address),
        "version": facts.version,
        "class": facts.class_,
        "class_prefix": facts.class_prefix,
        "purpose": facts.purpose,
        "source": facts.source,
        "private": facts.purpose == "private",
        "binary": facts.binary,
        "multicast_mac": facts.multicast_mac,
        "mask_assumed": facts.assumed_mask,
    }
    if network is not None:
        data |= {
            "network": str(network.network),
            "prefix": network.prefix,
            "mask": network.mask,
            "wildcard": network.wildcard,
            "mask_binary": network.mask_binary,
            "host_part": network.host_part,
            "role": network.role,
            "broadcast": network.broadcast,
            "first": network.first,
            "last": network.last,
            "usable": network.usable,
        }
    return data


def _headline(facts: AddressFacts) -> list[Line]:
    network = facts.network
    suffix = f"/{network.prefix}" if network else ""
    class_ = f" of class {facts.class_}" if facts.class_ else ""
    article = "an" if facts.purpose[0] in "aeiou" else "a"
    first: Line = [(f"{INDENT}{facts.address}{suffix}", "title")]
    if network is not None and network.role != "host":
        return [[*first, (f" is the {network.role} address of {network.network}, not a host's", "warning")]]
    return [[*first, (f" is {article} {facts.purpose} address{class_}", "")]]


def _bits(facts: AddressFacts) -> list[Line]:
    if facts.version == 6:
        return _bits_of_six(facts)
    lines = [_octets(facts), [(_label("address"), "kind"), *_coloured(facts.binary)]]
    network = facts.network
    if network is None:
        return lines
    lines.append([(_label("mask"), "kind"), *_coloured(network.mask_binary)])
    boundary = facts.binary.index("|")
    host = len(facts.binary) - boundary - 1
    brackets: Line = [(_label(""), ""), (_bracket(boundary), "network-bits"), (" ", ""), (_bracket(host), "host-bits")]
    words = f"network, {_count(network.prefix, 'bit')}" if boundary else ""
    after = max(boundary + 1, len(words) + 2 if words else 0)
    under: Line = [(_label(""), ""), (words.ljust(after), "network-bits")]
    if host:
        under.append((f"host, {_count(32 - network.prefix, 'bit')}", "host-bits"))
    return [*lines, brackets, under]


def _octets(facts: AddressFacts) -> Line:
    """The decimal octets, each above its bits."""
    text, seen = "", 0
    starts = []
    for place, character in enumerate(facts.binary):
        if character in "01":
            if seen % 8 == 0:
                starts.append(place)
            seen += 1
    for start, octet in zip(starts, str(facts.address).split("."), strict=True):
        text = text.ljust(start) + octet
    return [(_label(""), ""), (text, "address")]


def _coloured(binary: str) -> Line:
    network, boundary, host = binary.partition("|")
    return [(network, "network-bits" if boundary else ""), (boundary, "title"), (host, "host-bits")]


def _bits_of_six(facts: AddressFacts) -> list[Line]:
    """128 bits on two lines, below the groups they belong to; 80 columns have no room for words beside them."""
    lead = INDENT * 2
    groups = facts.address.exploded.split(":")
    bits, lines, style = facts.binary, [], "network-bits" if "|" in facts.binary else ""
    for half in (0, 1):
        cut = _after_groups(bits, 4)
        part, bits = bits[:cut], bits[cut:]
        lines.append([(lead, ""), ("".join(group.ljust(17) for group in groups[4 * half : 4 * half + 4]), "address")])
        before, boundary, after = part.partition("|")
        line: Line = [(lead, "kind"), (before, style)]
        if boundary:
            style = "host-bits"
            line += [("|", "title"), (after, style)]
        lines.append(line)
    return lines


def _after_groups(bits: str, groups: int) -> int:
    """Where the part of `bits` ends that holds so many groups of 16, the separator after them included."""
    seen = 0
    for place, character in enumerate(bits):
        if character in "01":
            seen += 1
        if seen == 16 * groups:
            return min(len(bits), place + 2)
    return len(bits)


def _table(facts: AddressFacts) -> list[Line]:
    rows: list[tuple[str, str, str]] = []
    if facts.class_ is not None:
        own = f"; its own mask is /{facts.class_prefix}" if facts.class_prefix else ""
        rows.append(("class", facts.class_, CLASS_RANGES[facts.class_] + own))
    rows.append(("purpose", facts.purpose, facts.source))
    if facts.multicast_mac:
        rows.append(("MAC", facts.multicast_mac, "the group's on Ethernet"))
    if facts.network is not None:
        rows += _network_rows(facts.network, facts)
    return [
        [
            (_label(label), "kind"),
            (value.ljust(VALUE) if note else value, "address"),
            (f" {note}" if note else "", "kind"),
        ]
        for label, value, note in rows
    ]


def _network_rows(network: NetworkFacts, facts: AddressFacts) -> list[tuple[str, str, str]]:
    by_class = " by its class" if facts.assumed_mask else ""
    rows = []
    if network.mask is not None:
        rows.append(("mask", network.mask, f"/{network.prefix}{by_class}, wildcard {network.wildcard}"))
    rows.append(("network", str(network.network), "every host bit 0"))
    if network.broadcast:
        rows.append(("broadcast", network.broadcast, "every host bit 1"))
    width = network.network.max_prefixlen
    if network.usable == 1:
        rows.append(("only host", network.first, f"a /{width} has no host bits"))
        return rows
    rows += [("first host", network.first, ""), ("last host", network.last, "")]
    bits = width - network.prefix
    note = f"2^{bits}"
    if network.broadcast:
        note += ", less network and broadcast"
    elif facts.version == 4:
        note += ": both ends of a link (RFC 3021)"
    usable = str(network.usable) if bits <= 53 else f"about {network.usable:.3g}"
    return [*rows, ("hosts", usable, note)]


def _label(text: str) -> str:
    return INDENT + text.ljust(LABEL)


def _bracket(width: int) -> str:
    return "└" + "─" * (width - 2) + "┘" if width > 1 else "│" * width


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
