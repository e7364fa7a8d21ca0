"""A certificate for `localhost` and `web`, signed by itself until 2120, and its key: worth nothing, and for tests only.

Ed25519, whose signatures have one size.
"""

from __future__ import annotations

import os
import ssl
import tempfile

PEM = """\
-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIOpJsUOmhJCDNIQuqrtEcuBW+WkMA+hbmjLimnsc1FrR
-----END PRIVATE KEY-----
-----BEGIN CERTIFICATE-----
MIIBGTCBzKADAgECAgEBMAUGAytlcDAOMQwwCgYDVQQDDAN3ZWIwIBcNMjAwMTAx
MDAwMDAwWhgPMjEyMDAxMDEwMDAwMDBaMA4xDDAKBgNVBAMMA3dlYjAqMAUGAytl
cAMhABFRUKniS4hhjRmaUJL+8zMajE6zXQ8IV2cqkAi4VHWIo00wSzAZBgNVHREE
EjAQgglsb2NhbGhvc3SCA3dlYjAPBgNVHRMBAf8EBTADAQH/MB0GA1UdDgQWBBTl
6jjFMl61IwrhBTmbh3MIylD7HTAFBgMrZXADQQCl4dzxELGaS4Vmfmld//DbYBr4
lW9BphS0was81rGjXQnMRT3dPfHXdL47q2a9ZrFI1po49bQQyS+gjfxkxO0L
-----END CERTIFICATE-----
"""


def server_context() -> ssl.SSLContext:
    """Of a server that shows the certificate."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    number, path = tempfile.mkstemp()
    with open(number, "w", encoding="ascii") as file:
        file.write(PEM)
    context.load_cert_chain(path)
    os.unlink(path)
    return context


def client_context() -> ssl.SSLContext:
    """Of a client that trusts it, and nobody else."""
    return ssl.create_default_context(cadata=PEM[PEM.index("-----BEGIN CERT") :])
