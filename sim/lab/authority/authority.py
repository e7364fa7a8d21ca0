"""A network's certificate authority, and the files in which programs find what it has signed."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from functools import lru_cache
from random import Random
from typing import Final, Literal

from sim.lab.authority import certificates, der
from sim.lab.authority.certificates import EXPIRED, GOOD, Party
from sim.lab.authority.rsa import PrivateKey, make_key

Quality = Literal["good", "expired", "self_signed"]
CERTIFICATE: Final = "CERTIFICATE"
TRUST: Final = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""Environment variables that name whom to trust: to Python's `ssl` and httpx, to requests, to curl."""


class Authority:
    """Signs certificates of servers. All its keys come from `seed`; all servers share one of them, since making one
    takes a tenth of a second. Its files are deleted with it."""

    def __init__(self, seed: int) -> None:
        self._ca = Party("packetsim lab CA", _key(seed, "authority"))
        self._server_key = _key(seed, "servers")
        self._folder: str | None = None
        self._count = 0

    def pem(self) -> str:
        """Its own certificate, which clients are to trust."""
        return der.pem(CERTIFICATE, certificates.root(self._ca))

    def certificate(self, names: tuple[str, ...], quality: Quality = "good") -> str:
        """Key and certificate as PEM text for a server of these names; the first is its main one."""
        subject = Party(names[0], self._server_key)
        issuer = subject if quality == "self_signed" else self._ca
        made = certificates.server(subject, issuer, names, EXPIRED if quality == "expired" else GOOD)
        return self._server_key.pem() + der.pem(CERTIFICATE, made)

    def environment(self) -> dict[str, str]:
        """Environment variables with which programs trust it, and nobody else."""
        path = os.path.join(self._files(), "ca.pem")
        return dict.fromkeys(TRUST, path)

    def file(self, names: tuple[str, ...], quality: Quality = "good") -> str:
        """The path of a file with what `certificate` gives."""
        self._count += 1
        path = os.path.join(self._files(), f"server{self._count}.pem")
        _write(path, self.certificate(names, quality))
        return path

    def _files(self) -> str:
        if self._folder is None:
            self._folder = tempfile.mkdtemp(prefix="packetsim-")
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
            _write(os.path.join(self._folder, "ca.pem"), self.pem())
        return self._folder


@lru_cache(maxsize=64)
def _key(seed: int, owner: str) -> PrivateKey:
    """The key of an owner: always the same for one seed, and so remembered."""
    return make_key(Random(f"{seed}/{owner}"))


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
