"""A web server: HTTP/1.1 (RFC 9110, 9112) on h11, over TCP or TLS, an ordinary asyncio program.

`sites.py` is what is served where, `answers.py` what one request gets (without any I/O), with `bodies.py`, `files.py`,
`ranges.py` and `validators.py` below it; `connection.py` carries requests and answers over one connection, and
`server.py` listens.
"""
