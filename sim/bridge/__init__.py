"""The only edge with the real world: virtual time held to the wall clock, and doors through which frames come and go.

May import engine, links, userland and lab. Start with `realtime.py`, which paces an engine and watches its doors;
`tap.py` is the first door, a port of the network whose cable ends in a TAP device of the Linux kernel.
"""
