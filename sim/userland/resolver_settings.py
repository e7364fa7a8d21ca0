"""What a host knows about names: what resolv.conf(5) and hosts(5) hold on a real one."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class ResolverSettings:
    """`servers` are the addresses of its name servers, in the order in which they are asked; `search` the domains that
    are put behind short names; `hosts` the names that it knows by itself, each with its addresses."""

    servers: list[str] = field(default_factory=list)
    search: list[str] = field(default_factory=list)
    hosts: dict[str, list[str]] = field(default_factory=dict)

    def as_text(self) -> str:
        """What would stand in /etc/resolv.conf."""
        lines = [f"nameserver {server}" for server in self.servers]
        lines += [f"search {' '.join(self.search)}"] if self.search else []
        return "\n".join([*lines, ""])
