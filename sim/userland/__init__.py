"""What a program on a host sees. May import stack and engine.

The services are written on `machine.py`: the stack, the clock, and a way to say what begins a journey. `sockets.py` is
Python's own socket API over a host's stack; below it `ends.py` makes streams and datagrams alike, `option_table.py`
and the two files beside it know the options, `addresses.py` reads `(host, port)`.
"""
