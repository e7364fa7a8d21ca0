"""DNS as a program: a server of names (`server.serve`) that answers from zones, and by asking others when it may.

zone.py       one zone: which records a name has, what lies below a cut, what a wildcard stands for
authority.py  all zones of a server: RFC 1034 4.3.2
cache.py      what was learned from others, and for how long
exchange.py   one question to one server, by UDP and, where that is too short, by TCP
replies.py    what a server's reply means to who asked it
recursion.py  from the root to the answer: RFC 1034 5.3.3
answering.py  bytes of a query in, bytes of the response out
server.py     the sockets
"""
