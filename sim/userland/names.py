"""Names as a program sees them: those of the nodes of its network, and addresses. What glibc says to each question."""

from __future__ import annotations

import _socket
import operator
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from sim.errors import SimError
from sim.userland import service_names
from sim.userland.addresses import format_address
from sim.userland.guest_socket import here
from sim.userland.tasks import current

SOCK_RAW: Final = 3
KINDS: Final = ((socket.SOCK_STREAM, 6, "tcp"), (socket.SOCK_DGRAM, 17, "udp"), (SOCK_RAW, 0, ""))
"""(type, protocol, its name) of what `getaddrinfo` offers when it is not told which."""
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
NI_DGRAM: Final = int(getattr(socket, "NI_DGRAM", 16))


class _Failures:
    """The errors of `getaddrinfo`: number and text."""

    def __getattr__(self, name: str) -> socket.gaierror:
        number, text = {
            "BADFLAGS": (-1, "Bad value for ai_flags"),
            "NONAME": (-2, "Name or service not known"),
            "FAMILY": (-6, "ai_family not supported"),
            "SOCKTYPE": (-7, "ai_socktype not supported"),
            "SERVICE": (-8, "Servname not supported for ai_socktype"),
            "ADDRFAMILY": (-9, "Address family for hostname not supported"),
        }[name]
        return socket.gaierror(getattr(socket, f"EAI_{name}", number), text)


FAILURE: Final = _Failures()


def address_of(name: str) -> str:
    """The address that a name or an address in text has. Raises socket.gaierror."""
    name = name.split("\0", 1)[0]
    with suppress(OSError, UnicodeEncodeError):
        return socket.inet_ntoa(socket.inet_aton(name))
    if ":" in name:
        raise FAILURE.ADDRFAMILY
    _, process = here()
    if name.lower() in LOCALHOST:
        return LOOPBACK
    if name == process.host.name:
        return _own_address()
    with suppress(SimError, ValueError):
        return format_address(process.sockets.resolve(name), 0)[0]
    raise FAILURE.NONAME


def name_of(address: str) -> str | None:
    """The name of the node that has an address, None if none has."""
    return "localhost" if address.startswith("127.") else here()[1].sockets.name_of(address)


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
        address = "0.0.0.0" if flags & AI_PASSIVE else LOOPBACK
    elif name == "" or (flags & AI_NUMERICHOST and not _is_numeric(name)):
        raise FAILURE.NONAME
    else:
        address = address_of(name)
    canonical = name if flags & AI_CANONNAME and name else ""
    return [
        (socket.AF_INET, socket.SocketKind(kind), protocol, canonical, (address, number))
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
    if isinstance(port, int):
        return str(int(port))
    if isinstance(port, str):
        return port
    if isinstance(port, bytes):
        return port.decode("ascii", "surrogateescape")
    raise OSError("Int or String expected")


def _kinds(kind: int, protocol: int, service: str | None, flags: int) -> list[tuple[int, int, int]]:
    """(type, protocol, port) of all that fits. Raises socket.gaierror EAI_SOCKTYPE, EAI_SERVICE, EAI_NONAME."""
    fitting = [
        (each, number or protocol, name)
        for each, number, name in KINDS
        if kind in (0, each) and (protocol in (0, number) or each == SOCK_RAW)
    ]
    if (kind or protocol) and not fitting:
        raise FAILURE.SOCKTYPE
    if protocol in (6, 17):
        fitting = [each for each in fitting if each[0] != SOCK_RAW]
        if not fitting:
            raise FAILURE.SOCKTYPE
    if service is None:
        return [(each, number, 0) for each, number, _ in fitting]
    if kind == SOCK_RAW:
        raise FAILURE.SERVICE
    if service.isdigit():
        return [(each, number, int(service) & 0xFFFF) for each, number, _ in fitting]
    if flags & AI_NUMERICSERV:
        raise FAILURE.NONAME
    port, names = service_names.SERVICES.get(service, (0, ()))
    found = [(each, number, port) for each, number, name in fitting if name in names]
    if not found:
        raise FAILURE.SERVICE
    return found


def _is_numeric(name: str) -> bool:
    try:
        socket.inet_aton(name)
    except (OSError, UnicodeEncodeError):
        return ":" in name
    return True


def _argument(name: Any, caller: str) -> str:
    """A host name as the older functions take it."""
    if isinstance(name, bytes | bytearray):
        return bytes(name).decode("ascii", "surrogateescape")
    if not isinstance(name, str):
        raise TypeError(f"{caller}() argument 1 must be str, bytes or bytearray, not {type(name).__name__}")
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
    return name, [], [address_of(name)]


def gethostbyaddr(host: Any, /) -> tuple[str, list[str], list[str]]:
    """`socket.gethostbyaddr`. Raises socket.herror for an address that no node has."""
    address = address_of(_argument(host, "gethostbyaddr"))
    owner = name_of(address)
    if owner is None:
        raise socket.herror(1, "Unknown host")
    return owner, [], [address]


def gethostname() -> str:
    """`socket.gethostname`: the node's name."""
    return here()[1].host.name


def getnameinfo(sockaddr: Any, flags: int, /) -> tuple[str, str]:
    """`socket.getnameinfo`."""
    if not isinstance(sockaddr, tuple):
        raise TypeError("getnameinfo() argument 1 must be a tuple")
    if not 2 <= len(sockaddr) <= 4 or not isinstance(sockaddr[0], str):
        raise TypeError("getnameinfo(): illegal sockaddr argument")
    port = operator.index(sockaddr[1])
    if not _is_numeric(sockaddr[0]):
        raise FAILURE.NONAME
    address = address_of(sockaddr[0])
    owner = None if flags & NI_NUMERICHOST else name_of(address)
    if owner is None and flags & NI_NAMEREQD:
        raise FAILURE.NONAME
    service = str(port)
    if not flags & NI_NUMERICSERV:
        try:
            service = service_names.getservbyport(port, "udp" if flags & NI_DGRAM else "tcp")
        except OSError:
            service = str(port)
    return owner or address, service


def if_nameindex() -> list[tuple[int, str]]:
    """`socket.if_nameindex`: the interfaces of the host, the loopback interface first."""
    interfaces = here()[1].host.stack.interfaces
    return list(enumerate(["lo", *[each.name for each in interfaces if not each.loopback]], start=1))


def if_nametoindex(name: str, /) -> int:
    """`socket.if_nametoindex`."""
    for number, other in if_nameindex():
        if other == name:
            return number
    raise OSError("no interface with this name")


def if_indextoname(index: int, /) -> str:
    """`socket.if_indextoname`."""
    for number, other in if_nameindex():
        if number == index:
            return other
    raise OSError(6, "No such device or address")


def sethostname(_: Any, /) -> None:
    """`socket.sethostname`: refused, a node keeps its name."""
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
    found = []
    for function in functions:
        name = function.__name__
        owner = _socket if function is getaddrinfo else socket  # `socket` has a function of its own around that one
        real = getattr(owner, name, None)
        if real is not None:
            found.append((owner, name, _either(real, function)))
    return found
