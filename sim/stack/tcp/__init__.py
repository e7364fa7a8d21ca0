"""TCP (RFC 9293), sans-IO and clock-free, split by direction and topic. Read in this order:

`states` (the table of states) and `block` (what a connection remembers), then `incoming` (what a segment does), `acks`
(what its acknowledgement does), `text` (what its data does), `acknowledging` (when to answer) and `outgoing` (what may
be sent). `recovery`, `rack` and `undo` deal with losses, `congestion` decides how much may be in flight, `timeouts`
does what is due. `connection`, `listener` and `sockets` are what programs hold, `layer` finds the connection of a
segment.

Times are ns, windows bytes, congestion windows segments. Sequence numbers are counted on beyond 32 bits inside (see
`sequence`), so that an ordinary `<` compares them.
"""
