"""The mail sink, with smtplib as the client."""

from __future__ import annotations

import smtplib
import socket
from collections.abc import Callable
from email.message import EmailMessage
from functools import partial
from typing import Any

import pytest

import sim
from sim.lab.nodes import LabHost
from sim.services import smtp_sink
from sim.services.smtp_sink import Session
from tests.services.loopback import served

DOTS = ".one dot\n..two dots\n.\nand after\n"


class Pair:
    def __init__(self, **settings: Any) -> None:
        net = self.net = sim.Network()
        self.client: LabHost = net.host("client", "10.0.0.1/24")
        mail: LabHost = net.host("mail", "10.0.0.25/24")
        net.link(self.client, mail, delay="1ms")
        self.service = mail.serve(partial(smtp_sink.serve, **settings), name="smtp")

    def run(self, program: Callable[[], Any]) -> Any:
        return self.client.run(program)


def letter(subject: str = "Hello", text: str = DOTS) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "ann@a.test", "bob@b.test, carl@c.test", subject
    message.set_content(text)
    return message


def test_a_mail_is_told_in_a_line() -> None:
    pair = Pair()

    def program() -> dict[str, Any]:
        with smtplib.SMTP("mail") as client:
            return client.send_message(letter("Grüße\tan alle"))

    assert pair.run(program) == {}
    (line,) = pair.service.stdout.splitlines()
    assert line.startswith("mail from <ann@a.test> to <bob@b.test>, <carl@c.test>, ")
    assert line.endswith(" bytes: Grüße an alle")


def test_several_mails_over_one_connection_and_extensions() -> None:
    pair = Pair(max_size=5_000)

    def program() -> list[Any]:
        with smtplib.SMTP("mail") as client:
            client.ehlo()
            found: list[Any] = [client.has_extn("pipelining"), client.esmtp_features["size"], client.noop()[0]]
            for _ in range(3):
                client.sendmail("ann@a.test", ["bob@b.test"], "Subject: x\n\nhi")
            found.append(client.verify("bob")[0])
            found.append(client.rset()[0])
            return found

    assert pair.run(program) == [True, "5000", 250, 252, 250]
    assert pair.service.stdout == "mail from <ann@a.test> to <bob@b.test>, 18 bytes: x\n" * 3


def test_mail_for_others_is_refused() -> None:
    pair = Pair(domains=["b.test"])

    def program() -> Any:
        with smtplib.SMTP("mail") as client:
            return client.sendmail("ann@a.test", ["bob@B.test", "eve@c.test"], "hi")

    refused = pair.run(program)
    assert list(refused) == ["eve@c.test"]
    assert refused["eve@c.test"][0] == 550
    assert "to <bob@B.test>, " in pair.service.stdout


def test_a_mail_that_is_too_large() -> None:
    pair = Pair(max_size=1_000)

    def program() -> list[int]:
        found = []
        with smtplib.SMTP("mail") as client:
            for hello in (client.ehlo, client.helo):  # with helo it does not say the size beforehand
                hello()
                try:
                    client.sendmail("a@a.test", ["b@b.test"], "x" * 2_000)
                except smtplib.SMTPResponseException as error:
                    found.append(error.smtp_code)
        return found

    assert pair.run(program) == [552, 552]
    assert pair.service.stdout == ""


def dialogue(*lines: str, **settings: Any) -> list[str]:
    session = Session("mail", settings.get("domains", []), settings.get("max_size", 1_000))
    return [session.receive(f"{line}\r\n".encode())[:3] for line in lines]


@pytest.mark.parametrize(
    ("lines", "codes"),
    [
        (["MAIL FROM:<a@a>"], ["503"]),
        (["EHLO"], ["501"]),
        (["HELO x", "RCPT TO:<b@b>"], ["250", "503"]),
        (["HELO x", "MAIL FROM:a@a"], ["250", "501"]),
        (["HELO x", "MAIL FROM:<>", "MAIL FROM:<a@a>"], ["250", "250", "503"]),
        (["HELO x", "mail from:<>", "rcpt to:<>"], ["250", "250", "501"]),
        (["HELO x", "MAIL FROM:<a@a>", "DATA"], ["250", "250", "503"]),
        (["HELO x", "MAIL FROM:<a@a> SIZE=2000"], ["250", "552"]),
        (["HELO x", "MAIL FROM:<a@a> FOO=1"], ["250", "555"]),
        (["HELO x", "MAIL FROM:<@r1,@r2:a@a>", "RCPT TO:<b@b>", "DATA", ".", "QUIT"],
         ["250", "250", "250", "354", "250", "221"]),
        (["NOOP", "HELP", "VRFY bob", "RSET", "EXPN all"], ["250", "214", "252", "250", "500"]),
        (["FOO"] * 20, ["500"] * 19 + ["421"]),
    ],
)  # fmt: skip
def test_replies(lines: list[str], codes: list[str]) -> None:
    assert dialogue(*lines) == codes


def test_dots_are_taken_away_again() -> None:
    session = Session("mail", [], 1_000)
    for line in ("HELO x", "MAIL FROM:<a@a>", "RCPT TO:<b@b>", "DATA", "..", "...x", ".y", "."):
        session.receive(f"{line}\r\n".encode())
    assert session.mails == [f"mail from <a@a> to <b@b>, {len('.') + len('..x') + len('y') + 6} bytes: "]


def test_a_line_without_an_end_ends_the_connection() -> None:
    pair = Pair()

    def program() -> bytes:
        with socket.create_connection(("mail", 25)) as connection:
            connection.recv(1000)
            try:
                connection.sendall(b"x" * 500_000)
                return connection.recv(1000)
            except ConnectionError:
                return b""

    assert pair.run(program) == b""


@pytest.mark.slow
def test_runs_on_a_real_machine() -> None:
    with served("smtp_sink") as port, smtplib.SMTP("127.0.0.1", port) as client:
        assert client.send_message(letter()) == {}
