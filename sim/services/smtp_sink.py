"""A mail server that takes everything in and delivers nothing (RFC 5321): a line is printed for each mail.

The session is without I/O: lines in, replies out.
"""

from __future__ import annotations

import asyncio
import re
import socket
from email import policy
from email.parser import BytesHeaderParser
from typing import Final

from sim.services import serving

LONGEST_LINE: Final = 2_000
"""Bytes of a command line; RFC 5321 4.5.3.1.4 asks for 512."""
LONGEST_TEXT_LINE: Final = 65_536
"""Bytes of a line of a mail; RFC 5321 4.5.3.1.6 asks for 1000."""
MOST_RECIPIENTS: Final = 100
MOST_ERRORS: Final = 20
IDLE: Final = 300.0
"""Seconds that a client may say nothing (RFC 5321 4.5.3.2.7)."""
_PATH: Final = re.compile(r"\s*<(?:@[^:<>]*:)?([^<>\s]*)>\s*(.*)")


def serve(
    port: int = 25,
    address: str = "0.0.0.0",
    *,
    domains: list[str] | None = None,
    max_size: int = 1_000_000,
) -> None:
    """Serve until it is interrupted: mail for `domains`, or for everybody. Raises OSError for a port that is taken."""
    serving.run(_serve(address, port, [domain.lower() for domain in domains or ()], max_size))


class Session:
    """One client's dialogue. `mails` are the lines that tell of what came."""

    def __init__(self, name: str, domains: list[str], max_size: int) -> None:
        self.mails: list[str] = []
        self.closing = False
        self.in_data = False
        self._name = name
        self._domains = domains
        self._max_size = max_size
        self._greeted = False
        self._errors = 0
        self._sender: str | None = None
        self._recipients: list[str] = []
        self._text = bytearray()
        self._size = 0

    def greeting(self) -> str:
        """What the server says first."""
        return f"220 {self._name} ESMTP\r\n"

    def receive(self, line: bytes) -> str:
        """The replies to a line, with its end; nothing within a mail."""
        if self.in_data:
            return self._receive_text(line)
        reply = self._command(line.decode("utf-8", "replace").rstrip("\r\n"))
        if reply.startswith("5"):
            self._errors += 1
            if self._errors >= MOST_ERRORS:
                self.closing = True
                return "421 4.7.0 too many errors\r\n"
        return reply + "\r\n"

    def _command(self, line: str) -> str:
        verb, _, rest = line.partition(" ")
        match verb.upper():
            case "HELO" | "EHLO":
                return self._greet(verb.upper(), rest.strip())
            case "MAIL":
                return self._mail(rest)
            case "RCPT":
                return self._recipient(rest)
            case "DATA":
                return self._data()
            case "RSET":
                self._reset()
                return "250 2.0.0 OK"
            case "NOOP":
                return "250 2.0.0 OK"
            case "VRFY":
                return "252 2.1.5 perhaps"
            case "HELP":
                return "214 2.0.0 HELO EHLO MAIL RCPT DATA RSET NOOP VRFY QUIT"
            case "QUIT":
                self.closing = True
                return f"221 2.0.0 {self._name} says goodbye"
        return "500 5.5.1 unknown command"

    def _greet(self, verb: str, name: str) -> str:
        if not name:
            return "501 5.5.4 who are you?"
        self._greeted = True
        self._reset()
        if verb == "HELO":
            return f"250 {self._name}"
        keywords = ("PIPELINING", f"SIZE {self._max_size}", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "HELP")
        lines = [self._name, *keywords]
        return "\r\n".join(f"250{' ' if line is lines[-1] else '-'}{line}" for line in lines)

    def _mail(self, rest: str) -> str:
        if not self._greeted:
            return "503 5.5.1 say HELO first"
        if self._sender is not None:
            return "503 5.5.1 there is a sender already"
        match = _PATH.fullmatch(rest[5:]) if rest.upper().startswith("FROM:") else None
        if match is None:
            return "501 5.5.4 write MAIL FROM:<address>"
        for parameter in match[2].split():
            key, _, value = parameter.upper().partition("=")
            if key == "SIZE" and (not value.isdecimal() or int(value[:20]) > self._max_size):
                return "552 5.3.4 too large"
            if key not in ("SIZE", "BODY", "SMTPUTF8"):
                return "555 5.5.4 unknown parameter"
        self._sender = match[1]
        return "250 2.1.0 OK"

    def _recipient(self, rest: str) -> str:
        if self._sender is None:
            return "503 5.5.1 say MAIL first"
        match = _PATH.fullmatch(rest[3:]) if rest.upper().startswith("TO:") else None
        if match is None or not match[1]:
            return "501 5.5.4 write RCPT TO:<address>"
        if len(self._recipients) >= MOST_RECIPIENTS:
            return "452 4.5.3 too many recipients"
        domain = match[1].rpartition("@")[2].lower()
        if self._domains and domain not in self._domains and match[1].lower() != "postmaster":
            return f"550 5.7.1 no mail for {domain or match[1]} here"
        self._recipients.append(match[1])
        return "250 2.1.5 OK"

    def _data(self) -> str:
        if not self._recipients:
            return "503 5.5.1 say MAIL and RCPT first"
        self.in_data = True
        return "354 end with a dot on a line of its own"

    def _receive_text(self, line: bytes) -> str:
        """A line of a mail; a dot in front of it is doubled (RFC 5321 4.5.2)."""
        if line.rstrip(b"\r\n") != b".":
            line = line.removeprefix(b".")
            self._size += len(line)
            if self._size <= self._max_size:
                self._text += line
            return ""
        self.in_data = False
        if self._size > self._max_size:
            self._reset()
            return "552 5.3.4 too large\r\n"
        self.mails.append(self._told())
        self._reset()
        return "250 2.0.0 taken\r\n"

    def _told(self) -> str:
        head = BytesHeaderParser(policy=policy.default).parsebytes(bytes(self._text))
        subject = "".join(one if one.isprintable() else " " for one in str(head.get("Subject", "")))[:100]
        to = ", ".join(f"<{one}>" for one in self._recipients)
        return f"mail from <{self._sender}> to {to}, {self._size} bytes: {subject}"

    def _reset(self) -> None:
        self._sender = None
        self._recipients = []
        self._text = bytearray()
        self._size = 0


async def _serve(address: str, port: int, domains: list[str], max_size: int) -> None:
    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await _dialogue(Session(socket.gethostname(), domains, max_size), reader, writer)
        except (OSError, ValueError):  # a line without an end is a ValueError
            return
        finally:
            writer.close()

    await serving.accept(connection, address, port, limit=LONGEST_TEXT_LINE)


async def _dialogue(session: Session, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(session.greeting().encode())
    while not session.closing:
        try:
            line = await asyncio.wait_for(reader.readline(), IDLE)
        except TimeoutError:
            writer.write(b"421 4.4.2 nothing was said\r\n")
            return
        if not line.endswith(b"\n"):
            return
        if len(line) > LONGEST_LINE and not session.in_data:
            writer.write(b"500 5.5.2 line too long\r\n")
            return
        writer.write(session.receive(line).encode())
        for mail in session.mails:
            print(mail, flush=True)
        session.mails.clear()
        await writer.drain()
