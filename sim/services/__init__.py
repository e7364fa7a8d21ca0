"""Programs for hosts. May import userland and wire.

Servers are ordinary programs: they use Python's own `socket` and `asyncio`, import nothing of the simulator, and run as
well on a real machine. Each is a function that serves until it is interrupted: `echo.serve(port=7)`.
`sim/lab/servers.py` knows them by the names that they have in a topology. What a protocol says is apart from the
sockets where that is more than a line: `http_server/answers.py`, `smtp_sink.Session`, `ntp_server.reply`.

`http_client.fetch` and `throughput/client.measure` are clients of the same sort: steps of a scenario run them.

`ping.py`, `traceroute.py`, `datagrams.py` and `streams.py`, which scenarios use by the thousand, are driven by events
instead, on `userland/machine.py`.
"""
