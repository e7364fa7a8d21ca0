"""Bytes to values and back, one file per protocol; pure functions that know nobody.

Every protocol file has the same words: a value class, `parse(bytes) -> value` (raises `WireError`) and
`emit(value) -> bytes` (raises `ValueError` for a value no header can hold). A value has `fields()` for a table, and
`summary()` for a line. `ethernet.py` also has peek functions, which read one field of a frame at its fixed offset and
make no object: hubs and switches need nothing more.

It holds `ethernet` (with 802.1Q tags), `arp`, `ipv4`, `icmpv4`, `udp`, `tcp`, the `checksum` of them all, `addresses`
between text and bytes, and `decode`, which walks a whole frame and never raises. Addresses are `bytes` everywhere:
6 for a MAC, 4 for IPv4, 16 for IPv6.

It may import nothing of ours but `sim.errors`. Start with `arp.py`, the shortest, then `ipv4.py`. mypyc compiles this
folder where it can, so the classes are plain ones with typed `__init__` and `__slots__`.
"""
