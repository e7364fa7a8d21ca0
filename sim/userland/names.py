"""Names as a program sees them: those of the nodes of its network, and addresses."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from typing import Any, Final

from sim.errors import SimError
from sim.userland.addresses import format_address
from sim.userland.guest_socket import here
from sim.userland.tasks import current

KINDS: Final = ((socket.SOCK_STREAM, 6), (socket.SOCK_DGRAM, 17), (3, 0))
"""(type, protocol) of what `getaddrinfo` offers when it is not told which."""
LARGEST_PORT: Final = 65_535


def address_of(host: Any) -> str:
    """The address that a name has. Raises socket.gaierror EAI_NONAME."""
    if host is None or host == "":
        return "0.0.0.0" if host == "" else "127.0.0.1"
    if isinstance(host, bytes | bytearray):
        host = host.decode("ascii")
    _, process = here()
    if host in ("localhost", "localhost.localdomain"):
        return "127.0.0.1"
    if host == process.host.name:
        return _own_address()
    try:
        return format_address(process.sockets.resolve(host), 0)[0]
    except (SimError, ValueError):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known") from None


def _own_address() -> str:
    _, process = here()
    for interface in process.host.stack.interfaces:
        for address, _ in interface.addresses:
            if not interface.loopback:
                return format_address(address, 0)[0]
    return "127.0.0.1"


def getaddrinfo(
    host: Any,
    port: Any,
    family: int = 0,
    type: int = 0,  # noqa: A002 - its name in Python's own API
    proto: int = 0,
    flags: int = 0,
) -> list[tuple[Any, ...]]:
    """`socket.getaddrinfo`."""
    if family not in (0, socket.AF_INET):
        raise socket.gaierror(socket.EAI_FAMILY, "ai_family not supported")
    number = _port(port)
    if host is None:
        address = "0.0.0.0" if flags & socket.AI_PASSIVE else "127.0.0.1"
    elif flags & socket.AI_NUMERICHOST and not _is_numeric(host):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    else:
        address = address_of(host)
    name = str(host) if flags & socket.AI_CANONNAME and host else ""
    return [
        (socket.AF_INET, socket.SocketKind(kind), protocol, name, (address, number))
        for kind, protocol in KINDS
        if type in (0, kind) and proto in (0, protocol)
    ]


def _is_numeric(host: Any) -> bool:
    try:
        ipaddress.ip_address(host if isinstance(host, str) else bytes(host).decode("ascii"))
    except ValueError:
        return False
    return True


def _port(port: Any) -> int:
    if port is None:
        return 0
    if isinstance(port, bytes):
        port = port.decode("ascii")
    if isinstance(port, str):
        if port.isdigit():
            return int(port)
        try:
            return REAL_SERVICE(port)
        except OSError:
            raise socket.gaierror(socket.EAI_SERVICE, "Servname not supported for ai_socktype") from None
    return int(port)


REAL_SERVICE: Final = socket.getservbyname


def gethostbyname(name: str) -> str:
    """`socket.gethostbyname`."""
    return address_of(name)


def gethostbyname_ex(name: str) -> tuple[str, list[str], list[str]]:
    """`socket.gethostbyname_ex`."""
    return name, [], [address_of(name)]


def gethostbyaddr(name: str) -> tuple[str, list[str], list[str]]:
    """`socket.gethostbyaddr`. Raises socket.herror for an address that no node has."""
    address = address_of(name)
    _, process = here()
    owner = process.sockets.name_of(address)
    if owner is None:
        raise socket.herror(1, "Unknown host")
    return owner, [], [address]


def gethostname() -> str:
    """`socket.gethostname`: the node's name."""
    return here()[1].host.name


def getfqdn(name: str = "") -> str:
    """`socket.getfqdn`."""
    return name if name not in ("", "0.0.0.0") else gethostname()


def getnameinfo(sockaddr: tuple[str, int], flags: int) -> tuple[str, str]:
    """`socket.getnameinfo`."""
    host, port = sockaddr[:2]
    address = address_of(host)
    _, process = here()
    owner = None if flags & socket.NI_NUMERICHOST else process.sockets.name_of(address)
    if owner is None and flags & socket.NI_NAMEREQD:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    service = str(port)
    if not flags & socket.NI_NUMERICSERV:
        try:
            service = socket.getservbyport(port)
        except OSError:
            service = str(port)
    return owner or address, service


def if_nameindex() -> list[tuple[int, str]]:
    """`socket.if_nameindex`: the interfaces of the host, the loopback interface first."""
    _, process = here()
    names = [interface.name for interface in process.host.stack.interfaces if not interface.loopback]
    return list(enumerate(["lo", *names], start=1))


def if_nametoindex(name: str) -> int:
    """`socket.if_nametoindex`."""
    for number, other in if_nameindex():
        if other == name:
            return number
    raise OSError("no interface with this name")


def if_indextoname(index: int) -> str:
    """`socket.if_indextoname`."""
    for number, other in if_nameindex():
        if number == index:
            return other
    raise OSError(6, "No such device or address")


def _either(real: Callable[..., Any], guest: Callable[..., Any]) -> Callable[..., Any]:
    def choose(*arguments: Any, **named: Any) -> Any:
        return (real if current() is None else guest)(*arguments, **named)

    choose.__name__ = choose.__qualname__ = real.__name__
    return choose


def replacements() -> list[tuple[Any, str, Any]]:
    """(module, name, what stands there from now on)."""
    functions = (
        getaddrinfo,
        gethostbyname,
        gethostbyname_ex,
        gethostbyaddr,
        gethostname,
        getfqdn,
        getnameinfo,
        if_nameindex,
        if_nametoindex,
        if_indextoname,
    )
    return [
        (socket, function.__name__, _either(getattr(socket, function.__name__), function)) for function in functions
    ]
