"""Listens for connections and serves each; what it serves is said by plain settings."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from typing import Any, Final

from sim.services import serving
from sim.services.http_server.connection import Connection, Limits
from sim.services.http_server.sites import Sites

SECOND: Final = 1_000_000_000


def serve(
    port: int = 80,
    address: str = "0.0.0.0",
    *,
    hosts: Mapping[str, Mapping[str, Any]] | None = None,
    certificate: str | None = None,
    max_body: int = 1_000_000,
    idle_timeout: int = 15 * SECOND,
    connections: int = 1_000,
    modified: float | None = None,
    **site: Any,
) -> None:
    """Serve until it is interrupted.

    `site` is what `sites.Site.of` takes (`body`, `bytes`, `root`, `routes`, `redirect`, `headers`, `delay`, `rate`),
    `hosts` the same for virtual hosts by name. `certificate` is a PEM file with a key and its certificates: with it the
    server speaks TLS. `max_body` bounds the bytes of a request's content, `idle_timeout` (ns) how long a connection may
    say nothing, `connections` how many there are at a time. `modified` (seconds since 1970) is when all files are said
    to have last changed. Raises OSError for a port that is taken or a certificate that is not there.
    """
    limits = Limits(max_body, idle_timeout / SECOND, connections)
    server = Server(Sites.of(site, hosts or {}), limits, modified)
    context = None if certificate is None else tls_context(certificate)
    serving.run(server.run(address, port, context))


def tls_context(certificate: str) -> ssl.SSLContext:
    """What a server of TLS needs. It gives no tickets: their lengths are random, and no client here comes back."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.num_tickets = 0
    context.set_alpn_protocols(["http/1.1"])
    return context


class Server:
    """All connections of one port."""

    def __init__(self, sites: Sites, limits: Limits, modified: float | None = None) -> None:
        self.sites = sites
        self.limits = limits
        self.modified = modified
        self._open = 0

    async def run(self, address: str, port: int, context: ssl.SSLContext | None) -> None:
        """Serve without an end."""
        await serving.accept(self._connected, address, port, ssl=context, backlog=128)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open += 1
        try:
            connection = Connection(reader, writer, self.sites, self.limits, self.modified)
            await connection.run(full=self._open > self.limits.connections)
        except (OSError, EOFError):
            writer.transport.abort()
        finally:
            self._open -= 1
            writer.close()
