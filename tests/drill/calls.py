"""The third column of a drill script when the second is `!`: what the program on the host calls, or checks.

    listen [BACKLOG]            on port 8080, as socket `l`             accept      the new socket is `c`
    connect [N]                 to the peer's port of connection N (1), as socket `c`: EINPROGRESS is expected
    send N [oob more eor]       all N bytes are taken                   recv N [peek oob]    all N, and the right ones
    recv eof                    the end of the stream                   shutdown rd|wr|rdwr  close
    setsockopt NAME VALUE       NAME as in <socket.h>, VALUE a number, a word, or for SO_LINGER the seconds
    getsockopt NAME -> VALUE    error ENAME|0   SO_ERROR, now cleared   bind PORT
    poll IN|OUT|...             exactly these of IN PRI OUT ERR HUP RDHUP are ready; `-` for none
    state NAME                  by TCP_INFO                             skip N    bytes that were read out of band
    info FIELD OP VALUE         a field of struct tcp_info without its `tcpi_`; `~` is about (us)
    new [N]                     the peer forgets the host's numbers of connection N: a new incarnation begins

`NAME.call` means another socket than `c` (for listen and accept: `l`), `NAME = accept` names the new one.
`call -> ENAME` expects an error, `send 10 -> 4` and `recv 10 -> 4` fewer bytes, `*` any number. A socket is made when
it is first named.
"""

from __future__ import annotations

import errno
import operator
import re
import socket
import struct
from collections.abc import Callable
from typing import Any, Final

from tests.drill.info import read_info, state_name
from tests.drill.peer import HOST_PORT, PEER, PEER_PORT, DepartureError, pattern

CALL: Final = re.compile(
    r"(?:(?P<new>\w+) = )?(?:(?P<socket>\w+)\.)?(?P<verb>[a-z]+)(?P<rest>(?: (?!->)\S+)*)(?: -> (?P<result>\S+))?"
)
POLL_BITS: Final = {"IN": 1, "PRI": 2, "OUT": 4, "ERR": 8, "HUP": 0x10, "RDHUP": 0x2000}
NUMBERS: Final = {  # Linux's, for Pythons that do not name them
    "TCP_MAXSEG": 2,
    "TCP_CORK": 3,
    "TCP_KEEPIDLE": 4,
    "TCP_KEEPINTVL": 5,
    "TCP_KEEPCNT": 6,
    "TCP_SYNCNT": 7,
    "TCP_LINGER2": 8,
    "TCP_DEFER_ACCEPT": 9,
    "TCP_WINDOW_CLAMP": 10,
    "TCP_INFO": 11,
    "TCP_QUICKACK": 12,
    "TCP_CONGESTION": 13,
    "TCP_USER_TIMEOUT": 18,
    "TCP_NOTSENT_LOWAT": 25,
    "IP_MTU_DISCOVER": 10,
    "IP_MTU": 14,
    "IP_RECVERR": 11,
}
OPERATORS: Final[dict[str, Callable[[int, int], bool]]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class Program:
    """The sockets of one script. `make()` gives a stream socket of the host, `poll(socket)` its readiness.

    `forget(n)` is what `new` means, `slack` (us) how far from its value a time may be that is "about" it.
    """

    def __init__(
        self,
        make: Callable[[], Any],
        poll: Callable[[Any], int],
        forget: Callable[[int], None],
        slack: int,
    ) -> None:
        self._make = make
        self._poll = poll
        self._forget = forget
        self._slack = slack
        self._sockets: dict[str, Any] = {}
        self._sent: dict[str, int] = {}
        self._read: dict[str, int] = {}

    def call(self, text: str) -> None:
        """Do one call of the script. Raises DepartureError when something else comes of it."""
        result, expected, verb = self.perform(text)
        wanted = {"connect": "EINPROGRESS"}.get(verb, "ok") if expected is None else expected
        if result != wanted and not (wanted == "*" and result.isdecimal()):
            raise DepartureError(f"{text}: {result}, not {wanted}")

    def perform(self, text: str) -> tuple[str, str | None, str]:
        """Do one call: what came of it, what stands behind the arrow (None: no arrow), and its verb."""
        match = CALL.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is no call: [NAME = ][NAME.]verb arguments [-> result]")
        verb, words, expected = match["verb"], match["rest"].split(), match["result"]
        name = match["socket"] or ("l" if verb in ("listen", "accept", "bind") else "c")
        try:
            result = str(self._do(verb, name, words, match["new"] or "c", expected))
        except OSError as error:
            result = errno.errorcode.get(error.errno or 0, repr(error))
        return result, expected, verb

    def close_all(self) -> None:
        for each in self._sockets.values():
            each.close()

    def _socket(self, name: str) -> Any:
        if name not in self._sockets:
            self._sockets[name] = made = self._make()
            made.setblocking(False)
        return self._sockets[name]

    def _do(self, verb: str, name: str, words: list[str], new: str, expected: str | None) -> int | str:
        """Do the call; "ok", or what is to be compared with what stands behind the arrow."""
        match verb, words:
            case "new", _:
                self._forget(int(words[0]) if words else 1)
            case "skip", [size]:
                self._read[name] = self._read.get(name, 0) + int(size)
            case "close", []:
                self._sockets.pop(name).close()
            case "send", [size, *flags]:
                return self._send(name, int(size), flags, expected)
            case "recv", ["eof"]:
                data = self._socket(name).recv(10)
                return "ok" if data == b"" else f"{len(data)} bytes"
            case "recv", [size, *flags]:
                return self._receive(name, int(size), flags, expected)
            case (("listen" | "accept" | "bind" | "connect"), _):
                self._open(verb, name, words, new)
            case _:
                return self._check(self._socket(name), verb, words)
        return "ok"

    def _open(self, verb: str, name: str, words: list[str], new: str) -> None:
        """The calls that make connections."""
        it = self._socket(name)
        match verb:
            case "listen":
                if it.getsockname()[1] == 0:
                    it.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    it.bind(("", HOST_PORT))
                it.listen(int(words[0]) if words else 8)
            case "accept":
                accepted, _ = it.accept()
                accepted.setblocking(False)
                self._sockets[new] = accepted
                self._sent[new] = self._read[new] = 0
            case "bind":
                it.bind(("", int(words[0])))
            case _:
                self._sent[name] = self._read[name] = 0
                it.connect((socket.inet_ntoa(PEER), PEER_PORT + int(words[0] if words else 1)))

    def _check(self, it: Any, verb: str, words: list[str]) -> str:
        """The calls that change or ask something without touching the stream."""
        match verb, words:
            case "shutdown", [how]:
                it.shutdown(["rd", "wr", "rdwr"].index(how))
                return "ok"
            case "setsockopt", [option, value]:
                it.setsockopt(*_option(option), _value(option, value))
                return "ok"
            case "getsockopt", [option]:
                return self._getsockopt(it, option)
            case "error", [wanted]:
                got = it.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                name = errno.errorcode.get(got, "0")
                return "ok" if name == wanted else name
            case "poll", [wanted]:
                bits = self._poll(it)
                names = "|".join(name for name, bit in POLL_BITS.items() if bits & bit) or "-"
                return "ok" if sorted(names.split("|")) == sorted(wanted.split("|")) else names
            case "state", [wanted]:
                state = state_name(_tcp_info(it))
                return "ok" if state == wanted else state
            case "info", [field, sign, value]:
                got = read_info(_tcp_info(it), field)
                return "ok" if self._holds(got, sign, int(value)) else str(got)
            case _:
                raise ValueError(f"there is no call {verb} {' '.join(words)}")

    def _holds(self, got: int, sign: str, value: int) -> bool:
        if sign == "~":
            return abs(got - value) <= value // 10 + self._slack
        return OPERATORS[sign](got, value)

    def _send(self, name: str, size: int, flags: list[str], expected: str | None) -> int | str:
        start = self._sent.get(name, 0)
        taken = int(self._socket(name).send(pattern("host", start, size), _flags(flags)))
        self._sent[name] = start + taken
        return "ok" if expected is None and taken == size else taken

    def _receive(self, name: str, size: int, flags: list[str], expected: str | None) -> int | str:
        start = self._read.get(name, 0)
        data = self._socket(name).recv(size, _flags(flags))
        if "oob" in flags:
            return "ok" if expected is None and len(data) == size else len(data)
        if data != pattern("peer", start, len(data)):
            raise DepartureError(f"recv: wrong bytes in the {len(data)} from {start} on")
        if "peek" not in flags:
            self._read[name] = start + len(data)
        return "ok" if expected is None and len(data) == size else len(data)

    def _getsockopt(self, it: Any, name: str) -> str:
        if name == "TCP_CONGESTION":
            return str(it.getsockopt(*_option(name), 16).rstrip(b"\0").decode())
        return str(it.getsockopt(*_option(name)))


def _tcp_info(it: Any) -> bytes:
    return bytes(it.getsockopt(socket.IPPROTO_TCP, NUMBERS["TCP_INFO"], 192))


def _option(name: str) -> tuple[int, int]:
    level = {"SO": socket.SOL_SOCKET, "TCP": socket.IPPROTO_TCP, "IP": socket.IPPROTO_IP}[name.partition("_")[0]]
    return level, NUMBERS[name] if name in NUMBERS else getattr(socket, name)


def _value(name: str, text: str) -> int | bytes:
    if name == "SO_LINGER":
        return struct.pack("ii", 1, int(text))
    return int(text) if re.fullmatch(r"-?\d+", text) else text.encode()


def _flags(words: list[str]) -> int:
    known = {
        "oob": socket.MSG_OOB,
        "more": getattr(socket, "MSG_MORE", 0x8000),
        "eor": getattr(socket, "MSG_EOR", 0x80),
        "peek": socket.MSG_PEEK,
    }
    return sum(known[word] for word in words)
