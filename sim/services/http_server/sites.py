"""What a web server serves: sites by the name of the host, and in each of them routes by path.

Settings are plain mappings, as a topology or a JSON file holds them; times are ns, rates bit/s.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

READ: Final = ("GET", "HEAD")
ANY: Final = (*READ, "POST", "PUT", "PATCH", "DELETE")
MOVED: Final = 301
OK: Final = 200
COMMON: Final = ("headers", "delay", "rate")
"""Settings of a site that its routes inherit."""


@dataclass(frozen=True)
class Route:
    """What one path gives: the first that is set of `redirect`, `echo`, `body`, `size` (bytes of made-up text) and
    `root` (a folder of files). Without any the answer has no content."""

    body: str | None = None
    size: int | None = None
    root: str | None = None
    redirect: str | None = None
    echo: bool = False
    status: int = OK
    media_type: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    methods: tuple[str, ...] = READ
    chunked: bool = False
    delay: int = 0
    rate: int | None = None

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Route:
        """A route from plain settings: `bytes` stands for `size`, `type` for `media_type`."""
        names = {"bytes": "size", "type": "media_type"}
        values = {names.get(name, name): value for name, value in settings.items() if value is not None}
        status = MOVED if values.get("redirect") is not None else OK
        methods = ANY if values.get("echo") or values.get("redirect") is not None else READ
        return cls(**{"status": status, **values, "methods": tuple(values.get("methods", methods))})


@dataclass(frozen=True)
class Site:
    """One host's pages: `routes` by path, where one that ends in `*` stands for all that begins so, and a folder for
    all other paths."""

    folder: Route | None = None
    routes: Mapping[str, Route] = field(default_factory=dict)

    def route(self, path: str) -> tuple[Route, str] | None:
        """The route of a path, and what of the path is left for its folder; None when there is nothing.

        A path of its own wins over those with `*`, and of these the longest.
        """
        if path in self.routes:
            return self.routes[path], path.rpartition("/")[2]
        prefixes = [name for name in self.routes if name.endswith("*") and path.startswith(name[:-1])]
        if prefixes:
            name = max(prefixes, key=len)
            return self.routes[name], path[len(name) - 1 :]
        return None if self.folder is None else (self.folder, path)

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Site:
        """A site from plain settings: `body` or `bytes` is the page at `/`, `root` the folder of the others, `routes`
        are those of single paths, `redirect` says where others have moved; `headers`, `delay` and `rate` hold for all
        that do not say otherwise."""
        common = {name: settings[name] for name in COMMON if settings.get(name) is not None}
        front = {name: settings[name] for name in ("body", "bytes") if settings.get(name) is not None}
        routes = {"/": Route.of({**common, **front})} if front else {}
        for path, to in (settings.get("redirect") or {}).items():
            routes[path] = Route.of({**common, "redirect": to})
        for path, route in (settings.get("routes") or {}).items():
            given = {name: value for name, value in route.items() if value is not None}
            routes[path] = Route.of({**common, **given})
        root = settings.get("root")
        return cls(None if root is None else Route.of({**common, "root": root}), routes)


@dataclass(frozen=True)
class Sites:
    """All sites of a server: `named` by the host that is asked for, `*.a.test` for all below a.test; `rest` for all
    other names, and for none."""

    rest: Site = field(default_factory=Site)
    named: Mapping[str, Site] = field(default_factory=dict)

    def site(self, host: str) -> Site | None:
        """Who answers for a host (with or without a port); None when nobody does (RFC 9110 15.5.20)."""
        name = _bare(host)
        found = self.named.get(name)
        while found is None and "." in name:
            name = name.partition(".")[2]
            found = self.named.get(f"*.{name}")
        if found is not None:
            return found
        return self.rest if not self.named or self.rest.folder or self.rest.routes else None

    @classmethod
    def of(cls, settings: Mapping[str, Any], hosts: Mapping[str, Mapping[str, Any]]) -> Sites:
        """The sites that plain settings say."""
        return cls(Site.of(settings), {name.lower(): Site.of(site) for name, site in hosts.items()})


def _bare(host: str) -> str:
    """The name alone, in lower case: `Web.test.:8080` is `web.test`."""
    name, colon, port = host.rpartition(":")
    return (name if colon and port.isdecimal() else host).lower().rstrip(".")
