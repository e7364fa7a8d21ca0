"""`curl`, `dig` and `nc` at a console: programs that run on the host as any other does."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from sim.engine.engine import Timer
from sim.lab.console.jobs import Job, Machine
from sim.lab.console.words import UsageError, read, seconds, whole
from sim.lab.network import Network
from sim.units import MILLISECOND, SECOND, format_about, format_size
from sim.userland.process import Process
from sim.wire.addresses import format_ip

if TYPE_CHECKING:
    from sim.services.http_client import Exchange
    from sim.userland.dig import Asked

LOOK_EVERY: Final = 50 * MILLISECOND
"""Virtual time between two looks at what a program has printed."""
MOST_SHOWN: Final = 4000
"""Characters of a page that are shown."""
PHASES: Final = ("dns", "connect", "tls", "first_byte", "total")


class CurlJob(Job):
    """`curl [-i] [-I] [-k] [-L] [-X METHOD] [-d DATA] [-H 'Name: value'] URL`."""

    def __init__(self, net: Network, node: Machine, words: Sequence[str]) -> None:
        super().__init__(net, node)
        flags = dict.fromkeys(("-i", "-I", "-k", "-L", "-s", "-v"))
        self._headers: dict[str, str] = {}
        self._options, rest = read(
            words, {**flags, "-X": str, "-d": str, "-H": self._header, "-m": seconds(0.001, 86_400)}
        )
        if len(rest) != 1:
            raise UsageError("curl takes a URL")
        self._url = rest[0] if "://" in rest[0] else f"http://{rest[0]}"

    def start(self) -> None:
        from sim.services.http_client import fetch

        options = self._options
        body = options.get("-d")
        method = options.get("-X") or ("HEAD" if "-I" in options else "POST" if body is not None else "GET")
        settings: dict[str, Any] = {
            "follow": "-L" in options,
            "insecure": "-k" in options,
            "timeout": options.get("-m", 30 * SECOND),
        }
        self.spawn(partial(fetch, self._url, method, self._headers, body, **settings), name="curl", then=self._ended)

    def _header(self, text: str) -> str:
        name, colon, value = text.partition(":")
        if not colon:
            raise ValueError
        self._headers[name.strip()] = value.strip()
        return text

    def _ended(self, process: Process) -> None:
        if process.error is not None:
            self.finish("interrupted" if isinstance(process.error, KeyboardInterrupt) else str(process.error))
            return
        exchange: Exchange = process.result()
        if exchange.status is not None:
            if {"-i", "-I", "-v"} & self._options.keys():
                self.say(f"HTTP/1.1 {exchange.status} {exchange.reason}")
                for name, value in exchange.headers.items():
                    self.say(f"{name}: {value}")
                self.say("")
            body = exchange.head.decode("utf-8", "replace")
            if body:
                self.say(body[:MOST_SHOWN].removesuffix("\n") + ("…" if len(body) > MOST_SHOWN else ""))
        self.finish(_summary(exchange))


def _summary(exchange: Exchange) -> str:
    words = [] if exchange.error is None else [f"curl: {exchange.error}"]
    if exchange.status is not None:
        words.append(f"{exchange.status} {exchange.reason}".rstrip())
        words.append(format_size(exchange.size))
    times = [(phase, getattr(exchange.timing, phase)) for phase in PHASES]
    words += [f"{phase.replace('_', ' ')} {format_about(time)}" for phase, time in times if time]
    return f"[{', '.join(words)}]"


class DigJob(Job):
    """`dig [@SERVER] NAME [TYPE] [+tcp] [+norecurse]`."""

    def __init__(self, net: Network, node: Machine, words: Sequence[str]) -> None:
        super().__init__(net, node)
        plus = [word for word in words if word.startswith("+")]
        at = [word[1:] for word in words if word.startswith("@")]
        _, rest = read([word for word in words if word[0:1] not in ("+", "@")], {})
        unknown = set(plus) - {"+tcp", "+norecurse"}
        if unknown or len(at) > 1 or not 1 <= len(rest) <= 2:
            raise UsageError(f"there is no option {min(unknown)}" if unknown else "dig takes a name and perhaps a type")
        self._question = {"tcp": "+tcp" in plus, "recurse": "+norecurse" not in plus, "edns": 1232}
        self._server = at[0] if at else None
        self._name, self._type = rest[0], rest[1].upper() if len(rest) == 2 else "A"
        _check_question(self._name, self._type)

    def start(self) -> None:
        if self._server is None:
            if not self.node.resolver.servers:
                self.finish(f"{self.node.name} has no name server: dig @SERVER {self._name}")
                return
            self._ask(None)
        else:
            self.find(self._server, lambda address: self._ask(format_ip(address)))

    def _ask(self, server: str | None) -> None:
        from sim.userland.dig import dig

        arguments = (self.node.resolver, server, self._name, self._type, self._question)
        self.spawn(dig, *arguments, name="dig", then=self._ended)

    def _ended(self, process: Process) -> None:
        if process.error is not None:
            self.finish("interrupted" if isinstance(process.error, KeyboardInterrupt) else str(process.error))
            return
        asked: Asked = process.result()
        self.say(f"status: {asked.status}")
        for alias in asked.aliases:
            self.say(f"{self._name} is another name of {alias}")
        ttl = "" if asked.ttl is None else f"  (TTL {asked.ttl})"
        for answer in asked.answers:
            self.say(f"{self._name}  {self._type}  {answer}{ttl}")
        assert process.ended is not None
        took = format_about(process.ended - process.started)
        voice = " with authority" if asked.authoritative else ""
        questions = f"{asked.sent} question{'' if asked.sent == 1 else 's'}"
        said = f"{asked.server} says so{voice}" if asked.server else "nobody answered"
        self.finish(f"[{said}, {questions}, {took}]")


def _check_question(name: str, rdtype: str) -> None:
    """Raises UsageError for what nobody can be asked."""
    import dns.exception
    import dns.name
    import dns.rdatatype

    try:
        dns.name.from_text(name)
        dns.rdatatype.from_text(rdtype)
    except (dns.exception.DNSException, ValueError) as error:
        raise UsageError(f"this cannot be asked: {error}") from None


class NcJob(Job):
    """`nc [-u] [-w SECONDS] HOST PORT [TEXT...]`: send a line, and show what comes back."""

    def __init__(self, net: Network, node: Machine, words: Sequence[str]) -> None:
        super().__init__(net, node)
        self._options, rest = read(words, {"-u": None, "-w": seconds(0.001, 86_400)})
        if len(rest) < 2:
            raise UsageError("nc takes a host, a port, and what is to be sent")
        self._host, self._text = rest[0], " ".join(rest[2:])
        try:
            self._port = whole(1, 65_535)(rest[1])
        except ValueError:
            raise UsageError(f"{rest[1]} is no port") from None
        self._shown = 0
        self._timer: Timer = net.engine.timer(self._look, background=True)

    def start(self) -> None:
        self.find(self._host, self._begin)

    def _begin(self, address: bytes) -> None:
        from sim.services.netcat import talk

        wait = self._options.get("-w", 2 * SECOND) / SECOND
        arguments = (format_ip(address), self._port, self._text, "-u" in self._options, wait)
        self.spawn(talk, *arguments, name="nc", then=self._ended)
        self._timer.set(self.net.now + LOOK_EVERY)

    def _look(self) -> None:
        self._show()
        if not self.done:
            self._timer.set(self.net.now + LOOK_EVERY)

    def _show(self) -> None:
        """What it has printed since; lines that are not over yet wait."""
        if self._process is None:
            return
        new = self._process.stdout[self._shown :]
        whole_lines = new[: new.rfind("\n") + 1]
        self._shown += len(whole_lines)
        for line in whole_lines.splitlines():
            self.say(line)

    def _ended(self, process: Process) -> None:
        self._timer.cancel()
        self._show()
        rest = process.stdout[self._shown :]
        if rest:
            self.say(rest)
        if process.error is None:
            self.finish(f"[{process.result()}]")
        else:
            self.finish("interrupted" if isinstance(process.error, KeyboardInterrupt) else str(process.error))

    def finish(self, line: str = "") -> None:
        self._timer.cancel()
        super().finish(line)
