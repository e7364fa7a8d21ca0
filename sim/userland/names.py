"""Names as a program sees them: what glibc says to each question.

They are looked up in this order: an address is its own name; then the host's own hosts file, the names of the nodes of
the network, which stand in everybody's hosts file, and the name servers of the host (`stub_resolver.py`).
"""

from __future__ import annotations

import _socket
import operator
import os
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final, NamedTuple

from sim.errors import SimError
from sim.userland import service_names, stub_resolver
from sim.userland.addresses import format_address
from sim.userland.guest_socket import GuestSocket, here
from sim.userland.tasks import current

SOCK_RAW: Final = 3


class Kind(NamedTuple):
    """A type of socket with its protocol; `usual` ones are offered unasked (glibc's gaih_inet_typeproto)."""

    kind: int
    protocol: int
    name: str
    usual: bool = False

    def suits(self, kind: int, protocol: int) -> bool:
        """Whether it is one that was asked for; 0 is any, and raw sockets have any protocol."""
        return kind in (0, self.kind) and (protocol in (0, self.protocol) or self.kind == SOCK_RAW)


KINDS: Final = (
    Kind(1, 6, "tcp", usual=True),
    Kind(2, 17, "udp", usual=True),
    Kind(6, 33, "dccp"),
    Kind(2, 136, "udplite"),
    Kind(1, 132, "sctp"),
    Kind(5, 132, "sctp"),
    Kind(SOCK_RAW, 0, "", usual=True),
)
NUMBER: Final = re.compile(r"\s*([+-]?)(\d*)", re.ASCII)  # as strtoul() takes one
LOOPBACK: Final = "127.0.0.1"
LOCALHOST: Final = ("localhost", "localhost.localdomain", "ip4-localhost")
KNOWN_FLAGS: Final = 0x07FF
AI_PASSIVE: Final = int(getattr(socket, "AI_PASSIVE", 1))
AI_CANONNAME: Final = int(getattr(socket, "AI_CANONNAME", 2))
AI_NUMERICHOST: Final = int(getattr(socket, "AI_NUMERICHOST", 4))
AI_NUMERICSERV: Final = int(getattr(socket, "AI_NUMERICSERV", 0x400))
NI_NUMERICHOST: Final = int(getattr(socket, "NI_NUMERICHOST", 1))
NI_NUMERICSERV: Final = int(getattr(socket, "NI_NUMERICSERV", 2))
NI_NAMEREQD: Final = int(getattr(socket, "NI_NAMEREQD", 8))
NI_KNOWN: Final = 0xFF
NI_DGRAM: Final = int(getattr(socket, "NI_DGRAM", 16))


class _Failures:
    """The errors of `getaddrinfo`: number and text."""

    def __getattr__(self, name: str) -> socket.gaierror:
        number, text = {
            "BADFLAGS": (-1, "Bad value for ai_flags"),
            "NONAME": (-2, "Name or service not known"),
            "AGAIN": (-3, "Temporary failure in name resolution"),
            "FAIL": (-4, "Non-recoverable failure in name resolution"),
            "NODATA": (-5, "No address associated with hostname"),
            "FAMILY": (-6, "ai_family not supported"),
            "SOCKTYPE": (-7, "ai_socktype not supported"),
            "SERVICE": (-8, "Servname not supported for ai_socktype"),
            "ADDRFAMILY": (-9, "Address family for hostname not supported"),
        }[name]
        return socket.gaierror(getattr(socket, f"EAI_{name}", number), text)


FAILURE: Final = _Failures()


HOST_ERRORS: Final = {
    stub_resolver.HOST_NOT_FOUND: "Unknown host",
    stub_resolver.TRY_AGAIN: "Host name lookup failure",
    stub_resolver.NO_RECOVERY: "Unknown server error",
    stub_resolver.NO_DATA: "No address associated with name",
}
"""What `socket.herror` says."""
Entry = tuple[str, list[str], list[str]]
"""A host's canonical name, its aliases and its addresses."""


def address_of(name: str) -> str:
    """The first address that a name or an address in text has. Raises socket.gaierror."""
    return entry_of(name)[2][0]


def entry_of(name: str) -> Entry:
    """What is known of a host by its name, or its address in text. Raises socket.gaierror."""
    found = _entry_of(name)
    if isinstance(found, stub_resolver.LookupFailedError):
        raise _FAILURES[found.code]()
    return found


def _entry_of(name: str) -> Entry | stub_resolver.LookupFailedError:
    """The same, or why name servers were no help."""
    name = name.split("\0", 1)[0]
    if not any(character.isspace() for character in name):  # inet_aton() would take what comes before
        with suppress(OSError, UnicodeEncodeError):
            return name, [], [socket.inet_ntoa(socket.inet_aton(name))]
    if ":" in name:
        raise FAILURE.ADDRFAMILY
    _, process = here()
    if name.lower() in LOCALHOST:
        return name, [], [LOOPBACK]
    if name == process.host.name:
        return name, [], [_own_address()]
    settings = process.host.resolver
    known = settings.hosts.get(name.lower())
    if known:
        return name, [], list(known)
    with suppress(SimError, ValueError):
        return name, [], [format_address(process.sockets.resolve(name), 0)[0]]
    if not settings.servers or not _is_domain_name(name):
        return stub_resolver.LookupFailedError(stub_resolver.HOST_NOT_FOUND)
    with _aside():
        try:
            return stub_resolver.addresses(settings, name)
        except stub_resolver.LookupFailedError as error:
            return error


@contextmanager
def _aside() -> Iterator[None]:
    """What a program sends after it has looked up a name was not caused by the answer: it is no part of its journey."""
    task, process = here()
    engine = process.host.engine
    before = engine.cause
    try:
        yield
    finally:
        engine.cause = task.cause = before


_FAILURES: Final[dict[int, Callable[[], socket.gaierror]]] = {
    stub_resolver.HOST_NOT_FOUND: lambda: FAILURE.NONAME,
    stub_resolver.TRY_AGAIN: lambda: FAILURE.AGAIN,
    stub_resolver.NO_RECOVERY: lambda: FAILURE.FAIL,
    stub_resolver.NO_DATA: lambda: FAILURE.NODATA,
}


WORDS: Final = {
    stub_resolver.HOST_NOT_FOUND: "NXDOMAIN",
    stub_resolver.TRY_AGAIN: "no help",
    stub_resolver.NO_RECOVERY: "an error",
    stub_resolver.NO_DATA: "no such records",
}


def told(name: str) -> tuple[list[str], str]:
    """The addresses of a name, and why there are none: for those who only report it."""
    try:
        found = _entry_of(name)
    except socket.gaierror as error:
        return [], str(error.strerror)
    if not isinstance(found, stub_resolver.LookupFailedError):
        return found[2], ""
    said = f" ({WORDS[found.code]} from {found.reply.server})" if found.reply else ""
    if found.code == stub_resolver.TRY_AGAIN and not found.reply:
        said = " (no server answers)"
    return [], f"{_FAILURES[found.code]().strerror}{said}"


def _is_domain_name(name: str) -> bool:
    """Whether a name server can be asked for it."""
    labels = name.removesuffix(".").split(".")
    return len(name) <= 254 and name.isascii() and name.isprintable() and all(0 < len(one) < 64 for one in labels)


def names_of(address: str) -> list[str] | stub_resolver.LookupFailedError:
    """The names of an address, the official one first; or why there are none."""
    if address.startswith("127."):
        return ["localhost"]
    _, process = here()
    settings = process.host.resolver
    known = [name for name, addresses in settings.hosts.items() if address in addresses]
    if known:
        return known
    node = process.sockets.name_of(address)
    if node is not None:
        return [node]
    if not settings.servers:
        return stub_resolver.LookupFailedError(stub_resolver.HOST_NOT_FOUND)
    with _aside():
        try:
            return stub_resolver.names(settings, address)
        except stub_resolver.LookupFailedError as error:
            return error


def _own_address() -> str:
    for interface in here()[1].host.stack.interfaces:
        if not interface.loopback and interface.addresses:
            return format_address(interface.addresses[0][0], 0)[0]
    return LOOPBACK


def getaddrinfo(
    host: Any,
    port: Any,
    family: int = 0,
    type: int = 0,  # noqa: A002 - its name in Python's own API
    proto: int = 0,
    flags: int = 0,
) -> list[tuple[Any, ...]]:
    """`_socket.getaddrinfo`, on which that of `socket` stands."""
    name, service = _host_text(host), _service_text(port)
    if flags & ~KNOWN_FLAGS or (flags & AI_CANONNAME and name is None):
        raise FAILURE.BADFLAGS
    if name is None and service is None:
        raise FAILURE.NONAME
    if family not in (0, socket.AF_INET, socket.AF_INET6):
        raise FAILURE.FAMILY
    kinds = _kinds(int(type), int(proto), service, int(flags))
    if family == socket.AF_INET6:
        raise FAILURE.ADDRFAMILY
    if name is None:
        entry: Entry = ("", [], ["0.0.0.0" if flags & AI_PASSIVE else LOOPBACK])
    elif name == "" or (flags & AI_NUMERICHOST and not _is_numeric(name)):
        raise FAILURE.NONAME
    else:
        entry = entry_of(name)
    canonical = [entry[0] if flags & AI_CANONNAME and name else ""]  # of the first only
    return [
        (socket.AF_INET, kind, protocol, canonical.pop() if canonical else "", (address, number))
        for address in entry[2]
        for kind, protocol, number in kinds
    ]


def _host_text(host: Any) -> str | None:
    if host is None:
        return None
    if isinstance(host, str):
        return host.encode("idna").decode("ascii")
    if isinstance(host, bytes):
        return host.decode("ascii", "surrogateescape")
    raise TypeError("getaddrinfo() argument 1 must be string or None")


def _service_text(port: Any) -> str | None:
    if port is None:
        return None
    if type(port) is int:  # and no bool
        return str(port)
    if isinstance(port, str | bytes):
        text = port if isinstance(port, str) else port.decode("ascii", "surrogateescape")
        return text.split("\0", 1)[0]
    raise OSError("Int or String expected")


def _kinds(kind: int, protocol: int, service: str | None, flags: int) -> list[tuple[int, int, int]]:
    """(type, protocol, port) of all that fits. Raises socket.gaierror EAI_SOCKTYPE, EAI_SERVICE, EAI_NONAME."""
    specific = kind != 0 or protocol != 0
    fitting = [each for each in KINDS if each.suits(kind, protocol)]
    if not fitting:
        raise FAILURE.SOCKTYPE if kind else FAILURE.SERVICE
    first = fitting[0]
    if specific and first.kind == SOCK_RAW and service is not None:
        raise FAILURE.SERVICE
    number = 0 if service is None else _number(service)
    if number is None:
        if flags & AI_NUMERICSERV:
            raise FAILURE.NONAME
        return _kinds_of_service([first] if specific else fitting, str(service))
    offered = [first] if specific else [each for each in KINDS if each.usual]
    return [(each.kind, each.protocol or protocol, number & 0xFFFF) for each in offered]


def _kinds_of_service(kinds: list[Kind], service: str) -> list[tuple[int, int, int]]:
    """The same for a service with a name. Raises socket.gaierror EAI_SERVICE."""
    port, names = service_names.SERVICES.get(service, (0, ()))
    found = [(each.kind, each.protocol, port) for each in kinds if each.name in names]
    if not found:
        raise FAILURE.SERVICE
    return found


def _number(service: str) -> int | None:
    """The port in a text; None for a name."""
    match = NUMBER.fullmatch(service)
    if match is None or (match[1] and not match[2]) or (match[1] == "-" and int(match[2])):
        return None
    return int(match[2] or 0)


def _is_numeric(name: str) -> bool:
    try:
        socket.inet_aton(name)
    except (OSError, UnicodeEncodeError):
        return ":" in name
    return True


def _argument(name: Any, caller: str) -> str:
    """A host name as the older functions take it."""
    kind = "None" if name is None else type(name).__name__
    if not isinstance(name, str | bytes | bytearray):
        raise TypeError(f"{caller}() argument 1 must be str, bytes or bytearray, not {kind}")
    if 0 in name if isinstance(name, bytes | bytearray) else "\0" in name:
        raise TypeError(f"{caller}() argument 1 must be encoded string without null bytes, not {kind}")
    if isinstance(name, bytes | bytearray):
        return bytes(name).decode("ascii", "surrogateescape")
    return name.encode("idna").decode("ascii")


def gethostbyname(hostname: Any, /) -> str:
    """`socket.gethostbyname`."""
    name = _argument(hostname, "gethostbyname")
    if name in ("", "<broadcast>"):
        return "255.255.255.255" if name else "0.0.0.0"
    return address_of(name)


def gethostbyname_ex(hostname: Any, /) -> tuple[str, list[str], list[str]]:
    """`socket.gethostbyname_ex`."""
    name = _argument(hostname, "gethostbyname_ex")
    return entry_of(name)


def gethostbyaddr(host: Any, /) -> tuple[str, list[str], list[str]]:
    """`socket.gethostbyaddr`. Raises socket.herror for an address that nobody knows."""
    address = address_of(_argument(host, "gethostbyaddr"))
    found = names_of(address)
    if isinstance(found, stub_resolver.LookupFailedError):
        raise socket.herror(found.code, HOST_ERRORS[found.code])
    return found[0], found[1:], [address]


def gethostname() -> str:
    """`socket.gethostname`: the node's name."""
    return here()[1].host.name


def getnameinfo(sockaddr: Any, flags: int, /) -> tuple[str, str]:
    """`socket.getnameinfo`."""
    flags = operator.index(flags)
    if not isinstance(sockaddr, tuple):
        raise TypeError("getnameinfo() argument 1 must be a tuple")
    if not 2 <= len(sockaddr) <= 4 or not isinstance(sockaddr[0], str):
        raise TypeError("getnameinfo(): illegal sockaddr argument")
    port = operator.index(sockaddr[1])
    if port < 0:
        raise FAILURE.SERVICE
    if not _is_numeric(sockaddr[0]):
        raise FAILURE.NONAME
    address = address_of(sockaddr[0])
    if len(sockaddr) != 2:
        raise OSError("IPv4 sockaddr must be 2 tuple")
    if flags & ~NI_KNOWN:
        raise FAILURE.BADFLAGS
    owner = None if flags & NI_NUMERICHOST else _owner(address)
    if owner is None and flags & NI_NAMEREQD:
        raise FAILURE.NONAME
    port &= 0xFFFF
    service = str(port)
    if not flags & NI_NUMERICSERV:
        with suppress(OSError):
            service = service_names.getservbyport(port, "udp" if flags & NI_DGRAM else "tcp")
    return owner or address, service


def _owner(address: str) -> str | None:
    found = names_of(address)
    if not isinstance(found, stub_resolver.LookupFailedError):
        return found[0]
    if found.code == stub_resolver.TRY_AGAIN:
        raise FAILURE.AGAIN
    return None


def if_nameindex() -> list[tuple[int, str]]:
    """`socket.if_nameindex`: the interfaces of the host, the loopback interface first."""
    interfaces = here()[1].host.stack.interfaces
    return list(enumerate(["lo", *[each.name for each in interfaces if not each.loopback]], start=1))


def if_nametoindex(name: Any, /) -> int:
    """`socket.if_nametoindex`."""
    text = os.fsdecode(name)
    if "\0" in text:
        raise ValueError("embedded null byte")
    for number, other in if_nameindex():
        if other == text:
            return number
    raise OSError("no interface with this name")


def if_indextoname(index: int, /) -> str:
    """`socket.if_indextoname`."""
    if not hasattr(index, "__index__"):
        raise TypeError("an integer is required")
    if index < 0:
        raise OverflowError("can't convert negative value to unsigned int")
    for number, other in if_nameindex():
        if number == index:
            return other
    raise OSError(6, "No such device or address")


def sethostname(name: Any, /) -> None:
    """`socket.sethostname`: refused, a node keeps its name."""
    os.fsencode(name)
    raise PermissionError(1, "Operation not permitted")


def _either(real: Callable[..., Any], guest: Callable[..., Any]) -> Callable[..., Any]:
    def choose(*arguments: Any, **named: Any) -> Any:
        return (real if current() is None else guest)(*arguments, **named)

    choose.__name__ = choose.__qualname__ = real.__name__
    return choose


def replacements() -> list[tuple[Any, str, Any]]:
    """(module, name, what stands there from now on)."""
    functions: list[Callable[..., Any]] = [
        getaddrinfo,
        gethostbyname,
        gethostbyname_ex,
        gethostbyaddr,
        gethostname,
        getnameinfo,
        if_nameindex,
        if_nametoindex,
        if_indextoname,
        sethostname,
        service_names.getservbyname,
        service_names.getservbyport,
        service_names.getprotobyname,
    ]
    GuestSocket.look_up = staticmethod(address_of)
    found = []
    for function in functions:
        name = function.__name__
        owner = _socket if function is getaddrinfo else socket  # `socket` has a function of its own around that one
        real = getattr(owner, name, None)
        if real is not None:
            found.append((owner, name, _either(real, function)))
    return found
