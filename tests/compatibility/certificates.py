#!/usr/bin/env python3
"""Makes the certificates of one run of the probes: an authority, and a server that it vouches for.

python -m tests.compatibility.certificates FOLDER

Writes `ca.pem` and `server.pem`, certificate and key. Ed25519: its signatures have one size, so that the lengths of a
TLS handshake repeat.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID

NAMES = ("server", "localhost")
ADDRESS = "127.0.0.1"
VALID = timedelta(days=7)


def make(folder: Path) -> None:
    """Write both files."""
    authority, key = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    issuer = _name("authority of the probes")
    root = (
        _certificate(issuer, issuer, authority, authority)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(authority, None)
    )
    others = [*[x509.DNSName(name) for name in NAMES], x509.IPAddress(ip_address(ADDRESS))]
    server = (
        _certificate(_name(NAMES[0]), issuer, key, authority)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.SubjectAlternativeName(others), critical=False)
        .sign(authority, None)
    )
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "ca.pem").write_bytes(root.public_bytes(pem))
    (folder / "server.pem").write_bytes(server.public_bytes(pem) + secret)


def _name(text: str) -> Any:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _certificate(subject: Any, issuer: Any, key: Any, issuer_key: Any) -> Any:
    """What both have, among it what names their keys (RFC 5280 4.2.1.1 and 4.2.1.2)."""
    now = datetime.now(UTC)
    public = issuer_key.public_key()
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + VALID)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(public), critical=False)
    )


def _usage(signs_certificates: bool) -> Any:
    """What a key is for (RFC 5280 4.2.1.3)."""
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


if __name__ == "__main__":
    make(Path(sys.argv[1]))
