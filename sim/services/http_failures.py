"""Why a web client got nothing, in a few words that stay the same."""

from __future__ import annotations

import socket
import ssl
from urllib.parse import urlsplit

import h11


def describe(error: Exception, doing: str, url: str) -> str:
    """The error that was raised while `doing` something for a URL, in words: "connection refused", "timeout", ..."""
    if isinstance(error, socket.gaierror):
        host = urlsplit(url).hostname or url
        if error.errno == getattr(socket, "EAI_AGAIN", -3):
            return f"no name server answers for {host}"
        return f"name not known: {host}"
    if isinstance(error, UnicodeError):
        return f"name not known: {urlsplit(url).hostname or url}"  # a label of 64 characters
    if isinstance(error, ssl.SSLCertVerificationError):
        words = error.verify_message.replace("self signed", "self-signed")  # as OpenSSL 3 spells it
        return f"certificate verify failed: {words}"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {(error.reason or str(error)).lower().replace('_', ' ')}"
    if isinstance(error, TimeoutError) and error.errno is None:
        return f"timeout while {doing}" if doing else "timeout"
    if isinstance(error, OSError):
        return (error.strerror or str(error)).lower()
    if isinstance(error, h11.ProtocolError):
        return f"the answer is not HTTP: {error}" if "complete" not in str(error) else f"cut short: {error}"
    return str(error)
