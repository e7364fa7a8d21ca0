"""What joins devices: ports, links, and what may happen to a frame on the way. May import engine and tracing.

Start with `port.py` and `channel.py` (one direction of a link); `link.py` joins two channels, `rules.py` says what a
rule answers, `impairments.py` holds the rules that a topology can name, `queues/` the queue disciplines.
"""
