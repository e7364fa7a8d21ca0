"""Hand-crafted frames: a Scapy expression, or hex digits, to bytes; and bytes to Scapy's layers.

The expression is read, not evaluated: calls of layer classes with literal arguments, joined by `/`. Nothing else can
stand in it, so a topology from a stranger runs no code. Fields that Scapy would fill in by asking this machine's own
interfaces and routes are filled in from the simulated sender instead.
"""

from __future__ import annotations

import ast
import logging
from typing import TYPE_CHECKING, Any, Final

from sim.wire.addresses import MAC_BROADCAST, format_mac, parse_ip

if TYPE_CHECKING:
    from scapy.packet import Packet

MODULES: Final = ("scapy.packet", "scapy.layers.l2", "scapy.layers.inet", "scapy.layers.dns", "scapy.layers.dhcp")
LONGEST_FRAME: Final = 65_535 + 18
LONGEST_EXPRESSION: Final = 200_000


class FrameError(ValueError):
    """What is wrong with a frame's description, in a sentence for whoever wrote it."""


def craft(text: str, mac: bytes, address: str = "0.0.0.0") -> bytes:
    """The frame that `text` describes, sent by someone with this MAC and IP address. Raises FrameError."""
    compact = "".join(text.split())
    if compact and len(compact) % 2 == 0 and not set(compact) - set("0123456789abcdefABCDEF"):
        frame = bytes.fromhex(compact)
    else:
        frame = _build(text, mac, address)
    if not frame:
        raise FrameError("the frame is empty")
    if len(frame) > LONGEST_FRAME:
        raise FrameError(f"the frame has {len(frame)} bytes, more than any link carries ({LONGEST_FRAME})")
    return frame


def inspect(frame: bytes) -> Packet:
    """A frame as Scapy's layers, for a look at them: `inspect(frame).show()`."""
    return layers()["Ether"](frame)


def layers() -> dict[str, Any]:
    """The layer classes that an expression can name."""
    import importlib
    from inspect import isclass

    logging.getLogger("scapy").setLevel(logging.ERROR)  # it warns of this machine's routes, which do not matter here
    base = importlib.import_module("scapy.packet").Packet
    found: dict[str, Any] = {}
    for module in MODULES:
        for name, value in vars(importlib.import_module(module)).items():
            if isclass(value) and issubclass(value, base) and value is not base:
                found[name] = value
    return found


def _build(text: str, mac: bytes, address: str) -> bytes:
    if len(text) > LONGEST_EXPRESSION:
        raise FrameError(f"the expression is longer than {LONGEST_EXPRESSION} characters")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, MemoryError, RecursionError):
        raise FrameError("this is neither hex nor an expression like Ether(...)/IP(...)") from None
    parts: list[ast.expr] = []
    while isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.Div):
        parts.append(tree.right)
        tree = tree.left
    parts.append(tree)
    known = layers()
    packet: Any = None
    try:
        for part in reversed(parts):
            layer = _layer(part, known)
            packet = layer if packet is None else packet / layer
        if isinstance(packet, (str, bytes)):
            raise FrameError("a frame begins with a layer, like Ether(...)")
        _fill_in(packet, mac, address)
        return bytes(packet)
    except FrameError:
        raise
    except Exception as error:  # whatever Scapy's fields raise for values they cannot hold
        first, _, _ = str(error).partition("\n")
        raise FrameError(f"Scapy cannot build this frame: {first}") from None


def _layer(node: ast.expr, known: dict[str, Any]) -> Any:
    if isinstance(node, ast.Constant) and isinstance(node.value, (str, bytes)):
        return node.value
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        return _repeated(node)
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
        raise FrameError(f"'{ast.unparse(node)[:60]}' is not a layer: write Name(field=value, ...)")
    name = node.func.id
    if name not in known:
        import difflib

        near = difflib.get_close_matches(name, known, 1)
        raise FrameError(f"there is no layer called {name!r}" + (f": did you mean {near[0]}?" if near else ""))
    arguments = [_literal(argument, known) for argument in node.args]
    keywords = {}
    for keyword in node.keywords:
        if keyword.arg is None:
            raise FrameError("fields are written as name=value")
        keywords[keyword.arg] = _literal(keyword.value, known)
    _check_addresses(known[name], keywords)
    try:
        return known[name](*arguments, **keywords)
    except AttributeError as error:
        raise FrameError(f"{name} has no field {error}") from None


def _check_addresses(layer: Any, keywords: dict[str, Any]) -> None:
    """Refuse a name where an address belongs: Scapy would ask this machine's resolver for it."""
    for field in layer.fields_desc:
        value = keywords.get(field.name)
        if isinstance(value, str) and _holds_address(field, keywords):
            try:
                parse_ip(value)
            except ValueError as error:
                raise FrameError(f"{layer.__name__} {field.name}: {error}") from None


def _holds_address(field: Any, keywords: dict[str, Any]) -> bool:
    """Whether a field is an IPv4 address; a record's data is one by the record's type."""
    from scapy.fields import IPField, MultipleTypeField

    if isinstance(field, MultipleTypeField):
        kinds = [kind for kind, _ in field.flds] + [field.dflt]
        return keywords.get("type", "A") in (1, "A") and any(isinstance(kind, IPField) for kind in kinds)
    return isinstance(getattr(field, "fld", field), IPField)


def _literal(node: ast.expr, known: dict[str, Any]) -> Any:
    """A literal, a list of literals, or a layer inside a layer (as in DNS(qd=DNSQR(...)))."""
    if isinstance(node, ast.Call):
        return _layer(node, known)
    if isinstance(node, (ast.List, ast.Tuple)):
        items = [_literal(item, known) for item in node.elts]
        return items if isinstance(node, ast.List) else tuple(items)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        return _repeated(node)
    try:
        return ast.literal_eval(node)
    except ValueError:
        raise FrameError(f"'{ast.unparse(node)[:60]}' is not a literal value") from None


def _repeated(node: ast.BinOp) -> str | bytes:
    """`"x" * 100`: the one sum that hand-crafted payloads need."""
    text, count = (ast.literal_eval(side) for side in (node.left, node.right))
    if not isinstance(text, (str, bytes)) or not isinstance(count, int):
        raise FrameError("only a text can be repeated, as in 'x' * 100")
    if len(text) * count > LONGEST_FRAME:
        raise FrameError(f"'{ast.unparse(node)[:60]}' is longer than any frame ({LONGEST_FRAME} bytes)")
    return text * count


def _fill_in(packet: Any, mac: bytes, address: str) -> None:
    """Give a value to the fields that Scapy would otherwise look up on this machine."""
    defaults = {
        "Ether": {"dst": format_mac(MAC_BROADCAST), "src": format_mac(mac)},
        "Dot3": {"dst": format_mac(MAC_BROADCAST), "src": format_mac(mac)},
        "IP": {"src": address, "dst": "255.255.255.255"},
        "ARP": {"hwsrc": format_mac(mac), "psrc": address, "pdst": "0.0.0.0", "hwdst": "00:00:00:00:00:00"},
    }
    layer = packet
    while layer:
        for field, value in defaults.get(type(layer).__name__, {}).items():
            if field not in layer.fields:
                setattr(layer, field, value)
        layer = layer.payload
