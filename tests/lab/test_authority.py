"""The lab's certificate authority, judged by OpenSSL: by its command, and by Python's `ssl`."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import subprocess
import urllib.error
import urllib.request
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest

import sim
from sim.lab.authority import der
from sim.lab.authority.authority import Authority
from sim.lab.authority.certificates import SHA256_WITH_RSA
from sim.lab.authority.rsa import SIEVE, is_prime, make_key
from sim.services.http_server.server import serve

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")


def openssl(*arguments: str, data: str = "") -> str:
    return subprocess.run(["openssl", *arguments], input=data, capture_output=True, text=True, check=True).stdout


def test_der() -> None:
    assert der.integer(0) == b"\2\1\0"
    assert der.integer(127) == b"\2\1\x7f"
    assert der.integer(128) == b"\2\2\0\x80"
    assert der.identifier(SHA256_WITH_RSA).hex() == "06092a864886f70d01010b"
    assert der.octets(bytes(127))[:2] == b"\4\x7f"
    assert der.octets(bytes(128))[:3] == b"\4\x81\x80"
    assert der.octets(bytes(256))[:4] == b"\4\x82\1\0"
    assert der.set_of(b"\2", b"\1") == b"\x31\2\1\2"


def test_primes() -> None:
    small = [n for n in range(13, 5000, 2) if all(n % d for d in range(3, int(n**0.5) + 1, 2))]
    assert [n for n in range(13, 5000, 2) if is_prime(n)] == small
    assert not is_prime(3_215_031_751)  # passes with the bases 2, 3, 5 and 7
    assert is_prime(2**127 - 1)
    assert not is_prime((2**61 - 1) * (2**31 - 1))
    assert SIEVE < 2**256


@needs_openssl
def test_openssl_takes_its_keys_and_signatures(tmp_path: Path) -> None:
    key = make_key(Random(3))
    assert key.modulus.bit_length() == 2048
    (tmp_path / "key.pem").write_text(key.pem())
    assert "ok" in openssl("rsa", "-in", str(tmp_path / "key.pem"), "-check", "-noout")
    openssl("rsa", "-in", str(tmp_path / "key.pem"), "-pubout", "-out", str(tmp_path / "public.pem"))
    (tmp_path / "message").write_bytes(b"hello")
    (tmp_path / "signature").write_bytes(key.sign(b"hello"))
    verify = ["dgst", "-sha256", "-verify", "public.pem", "-signature", "signature", "message"]
    assert (
        subprocess.run(["openssl", *verify], cwd=tmp_path, capture_output=True, check=True).stdout == b"Verified OK\n"
    )


@pytest.mark.slow
@needs_openssl
def test_openssl_accepts_what_it_signs(tmp_path: Path) -> None:
    authority = Authority(1)
    ca, server = tmp_path / "ca.pem", tmp_path / "server.pem"
    ca.write_text(authority.pem())
    server.write_text(authority.certificate(("web.test", "*.corp.test", "10.0.0.1")))
    strict = ("verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", str(ca))
    assert openssl(*strict, str(server)).endswith("OK\n")
    for name in ("web.test", "a.corp.test"):
        assert openssl(*strict, "-verify_hostname", name, str(server)).endswith("OK\n")
    assert openssl(*strict, "-verify_ip", "10.0.0.1", str(server)).endswith("OK\n")
    for bad in (("-verify_hostname", "corp.test"), ("-verify_ip", "10.0.0.2")):
        assert subprocess.run(["openssl", *strict, *bad, str(server)], capture_output=True, check=False).returncode
    server.write_text(authority.certificate(("web.test",), "expired"))
    told = subprocess.run(["openssl", *strict, str(server)], capture_output=True, text=True, check=False)
    assert "certificate has expired" in told.stderr
    text = openssl("x509", "-in", str(ca), "-noout", "-text")
    assert "CA:TRUE" in text
    assert "Certificate Sign, CRL Sign" in text


@pytest.mark.slow
def test_it_comes_from_the_seed() -> None:
    one, same, other = Authority(1), Authority(1), Authority(2)
    assert one.pem() == same.pem() != other.pem()
    assert one.certificate(("a",)) == same.certificate(("a",)) != one.certificate(("b",))
    sizes = {len(Authority(seed).certificate(("web.test",)).split("-----")[6]) for seed in (1, 2)}
    assert len(sizes) == 1  # so that the lengths of a run are the same with every seed


def test_its_files_are_gone_with_it() -> None:
    authority = Authority(1)
    folder = os.path.dirname(authority.file(("a",)))
    assert sorted(os.listdir(folder)) == ["ca.pem", "server1.pem"]
    assert os.stat(folder).st_mode & 0o777 == 0o700
    del authority
    assert not os.path.exists(folder)


# -- in a network


def secure_pair(quality: Any = "good") -> sim.Network:
    """`client`, and `web` with HTTPS on port 443."""
    net = sim.Network(seed=1)
    net.link(net.host("client", "10.0.0.1/24"), net.host("web", "10.0.0.2/24"), delay="1ms", bandwidth="100Mbps")
    file = net.authority.file(("web", "10.0.0.2"), quality)
    net["web"].serve(partial(serve, 443, body="secret", certificate=file), name="https")  # type: ignore[union-attr]
    return net


def ask(url: str) -> str:
    try:
        with urllib.request.urlopen(url) as answer:
            content: bytes = answer.read()
            return content.decode()
    except urllib.error.URLError as error:
        return str(getattr(error.reason, "verify_message", error.reason)).replace("self signed", "self-signed")


@pytest.mark.parametrize(
    ("quality", "url", "expected"),
    [
        ("good", "https://web/", "secret"),
        ("good", "https://10.0.0.2/", "secret"),
        ("expired", "https://web/", "certificate has expired"),
        ("self_signed", "https://web/", "self-signed certificate"),
    ],
)
def test_programs_trust_it_without_being_told(quality: str, url: str, expected: str) -> None:
    net = secure_pair(quality)
    client: Any = net["client"]
    assert client.run(ask, url) == expected


def test_two_programs_do_not_share_what_urllib_remembers() -> None:
    """Its opener keeps the proxies of the environment, and the certificates, from its first use on."""
    net = secure_pair()
    client: Any = net["client"]
    lost = client.spawn(ask, "https://web/", environment={"https_proxy": "http://10.0.0.2:1"})
    found = client.spawn(ask, "https://web/")
    net.run(until="5s")
    assert "refused" in lost.result()
    assert found.result() == "secret"
    assert client.run(lambda: getattr(urllib.request, "_opener")) is None  # noqa: B009


def test_a_program_that_trusts_somebody_else_does_not(tmp_path: Path) -> None:
    other = tmp_path / "ca.pem"
    other.write_text(Authority(99).pem())
    net = secure_pair()
    client: Any = net["client"]
    process = client.spawn(ask, "https://web/", environment={"SSL_CERT_FILE": str(other)})
    net.run(until="5s")
    assert process.result() == "unable to get local issuer certificate"


def test_without_it_a_program_trusts_nobody_of_the_real_machine(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Neither the list of the real OpenSSL, nor what the real environment says."""
    (tmp_path / "ca.pem").write_text(Authority(1).pem())
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    net = sim.Network()
    host: Any = net.host("a", "10.0.0.1/24")
    assert host.run(lambda: len(ssl.create_default_context().get_ca_certs())) == 0
    assert len(ssl.create_default_context().get_ca_certs()) == 1


@pytest.mark.slow
def test_lengths_and_times_of_two_runs_are_equal() -> None:
    def digest() -> str:
        net = secure_pair()
        client: Any = net["client"]
        client.run(ask, "https://web/")
        return net.trace.digest(payload=False)

    assert len({digest() for _ in range(6)}) == 1


@pytest.mark.slow
@needs_openssl
def test_the_command_of_openssl_agrees_on_tls_with_it(tmp_path: Path) -> None:
    from tests.services.loopback import served

    authority = Authority(1)
    (tmp_path / "ca.pem").write_text(authority.pem())
    (tmp_path / "server.pem").write_text(authority.certificate(("web.test",)))
    with served("http_server.server", body="x", certificate=str(tmp_path / "server.pem")) as port:
        target = ("-connect", f"127.0.0.1:{port}", "-servername", "web.test", "-verify_hostname", "web.test")
        told = openssl("s_client", *target, "-CAfile", str(tmp_path / "ca.pem"), "-verify_return_error", data="Q\n")
        assert "Verify return code: 0 (ok)" in told
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
            context.maximum_version = version
            with (
                socket.create_connection(("127.0.0.1", port)) as plain,
                context.wrap_socket(plain, server_hostname="web.test") as secure,
            ):
                certificate = secure.getpeercert()
                assert certificate is not None
                assert certificate["subjectAltName"] == (("DNS", "web.test"),)
