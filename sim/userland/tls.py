"""TLS of programs: CPython's own `ssl`, over the sockets of a simulated host.

asyncio's TLS needs nothing from here: it gives OpenSSL memory to read from and write to. Blocking TLS does the same:
`ssl.SSLSocket` is CPython's, a guest's socket is its base, and what it takes for OpenSSL's own object on a descriptor
is a `Channel`, which carries bytes between OpenSSL's memory and the socket, and waits in virtual time.

OpenSSL's own randomness cannot be seeded: keys, random fields and so all bytes of a connection differ from run to run,
while times and lengths stay equal if the certificate's signatures have one size (RSA, Ed25519; not ECDSA). And it
judges the dates of certificates by the real clock. Whom a program trusts by itself its environment says
(`SSL_CERT_FILE`, `SSL_CERT_DIR`), as with OpenSSL on any machine; the real machine's own list is not for it.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, TypeVar

from sim.userland.guest_socket import GuestSocket, here
from sim.userland.tasks import current

T = TypeVar("T")
MOST_READ: Final = 1 << 16  # bytes taken from the socket at once: a few records of at most 2^14 (RFC 8446 5.1)
HANDSHAKE: Final = "handshake"
READ: Final = "read"
WRITE: Final = "write"


class Channel:
    """What `SSLSocket._sslobj` is in a program. What it has not itself, OpenSSL's object has."""

    def __init__(self, inner: Any, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, sock: GuestSocket) -> None:
        self._inner = inner
        self._incoming = incoming
        self._outgoing = outgoing
        self._sock = sock
        self._unsent = b""
        self._accepted = 0  # bytes of an earlier write that are under way: the caller was told to try again

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    @property
    def context(self) -> ssl.SSLContext:
        """The settings in use; a server may exchange them when it hears the client's wanted name."""
        return self._inner.context  # type: ignore[no-any-return]

    @context.setter
    def context(self, context: ssl.SSLContext) -> None:
        self._inner.context = context

    @property
    def session(self) -> Any:
        """The session, to be resumed later."""
        return self._inner.session

    @session.setter
    def session(self, session: Any) -> None:
        self._inner.session = session

    def do_handshake(self) -> None:
        """Agree with the peer. Raises SSLError, TimeoutError, and for sockets that do not wait SSLWantReadError."""
        self._carry(self._inner.do_handshake, HANDSHAKE)

    def read(self, size: int = 1024, buffer: Any = None) -> Any:
        """Decrypted data; into `buffer` if there is one."""
        if buffer is None:
            return self._carry(lambda: self._inner.read(size), READ)
        return self._carry(lambda: self._inner.read(size, buffer), READ)

    def write(self, data: Any) -> int:
        """Encrypt all of `data` and send it."""
        deadline = self._deadline()
        self._flush(deadline, WRITE)
        if self._accepted:
            taken, self._accepted = self._accepted, 0  # it is the same data again
            return taken
        taken = int(self._carry(lambda: self._inner.write(data), WRITE, flush=False))
        self._accepted = taken
        self._flush(deadline, WRITE)
        self._accepted = 0
        return taken

    def shutdown(self) -> GuestSocket:
        """Say that nothing will follow, wait until the peer says so, and give back the socket."""
        self._carry(self._inner.shutdown, READ)
        return self._sock

    # -- inside

    def _deadline(self) -> int | None:
        timeout = self._sock.gettimeout()
        return here()[0].after(timeout)

    def _carry(self, operation: Callable[[], T], what: str, *, flush: bool = True) -> T:
        """Let OpenSSL work, and bring it what it wants to read, until it has done it."""
        deadline = self._deadline()
        while True:
            try:
                result = operation()
            except ssl.SSLWantReadError as error:
                wants = error
            except ssl.SSLError:
                self._tell_peer()
                raise
            else:
                if flush:
                    self._flush(deadline, what)
                return result
            self._flush(deadline, what)
            self._fill(deadline, what, wants)

    def _tell_peer(self) -> None:
        """Send the alert that says what was wrong, if there is room for it."""
        self._unsent += self._outgoing.read()
        try:
            self._sock._inner.send(self._unsent)
        except OSError:
            return

    def _flush(self, deadline: int | None, what: str) -> None:
        self._unsent += self._outgoing.read()
        while self._unsent:
            taken = 0
            with suppress(BlockingIOError):
                taken = self._sock._inner.send(self._unsent)
            if taken:
                self._unsent = self._unsent[taken:]
                continue
            text = "The operation did not complete (write)"
            self._wait(deadline, what, ssl.SSLWantWriteError(ssl.SSL_ERROR_WANT_WRITE, text))

    def _fill(self, deadline: int | None, what: str, wants: ssl.SSLError) -> None:
        data = None
        while True:
            with suppress(BlockingIOError):
                data = self._sock._inner.recv(MOST_READ)
            if data is not None:
                break
            self._wait(deadline, what, wants)
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()

    def _wait(self, deadline: int | None, what: str, impatient: ssl.SSLError) -> None:
        task, _ = here()
        if self._sock.gettimeout() == 0:
            self._sock._watch().look(task)
            raise impatient
        if deadline is not None and task.scheduler.engine.now >= deadline:
            raise TimeoutError(f"The {what} operation timed out")
        self._sock._watch().wait(task, deadline, f"TLS ({what}) with {_peer(self._sock)}")


def _peer(sock: GuestSocket) -> str:
    try:
        return str(sock.getpeername())
    except OSError:
        return "nobody"


def wrap_socket(real: Callable[..., Any]) -> Callable[..., Any]:
    """`SSLContext._wrap_socket`: what makes OpenSSL's object for a socket."""

    def wrap(
        self: Any, sock: Any, server_side: bool, server_hostname: Any = None, *, owner: Any = None, session: Any = None
    ) -> Any:
        if not isinstance(sock, GuestSocket):
            return real(self, sock, server_side, server_hostname, owner=owner, session=session)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        inner = self._wrap_bio(incoming, outgoing, server_side, server_hostname, owner=owner, session=session)
        return Channel(inner, incoming, outgoing, sock)

    return wrap


def default_verify_paths(real: Callable[..., Any]) -> Callable[..., Any]:
    """`SSLContext.set_default_verify_paths`: OpenSSL would look into the real environment."""

    def set_default_verify_paths(self: Any) -> None:
        if current() is None:
            real(self)
            return
        file, folder = os.environ.get("SSL_CERT_FILE", ""), os.environ.get("SSL_CERT_DIR", "")
        known = {
            "cafile": file if os.path.isfile(file) else None,
            "capath": folder if os.path.isdir(folder) else None,
        }
        if any(known.values()):
            self.load_verify_locations(**known)

    return set_default_verify_paths


def replacements() -> list[tuple[Any, str, Any]]:
    """(class, name, what stands there from now on)."""
    context: Any = ssl.SSLContext
    return [
        (context, "_wrap_socket", wrap_socket(context._wrap_socket)),
        (context, "set_default_verify_paths", default_verify_paths(context.set_default_verify_paths)),
    ]
