"""DHCP (RFC 2131): who gives addresses away, who asks for one, and the relay between them.

`client.py`, `server.py` and `relay.py` are the protocol, without I/O and without a clock: values and `now` in, what to
do and the next deadline out. `client_daemon.py`, `server_daemon.py` and `relay_daemon.py` run them on a host or a
router. They are no programs over `socket` like the other services: a client has to send before it has an address, and
a server to answer it, so both work below IP, over packet sockets, as dhclient and dhcpd do.
"""
