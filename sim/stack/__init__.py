"""One host's TCP/IP. Sans-IO and clock-free: frames and the time go in, frames and the next deadline come out.

May import wire and tracing. Start with `ip.py`, which ties the parts together: `interfaces.py` (addresses),
`routes.py` (longest-prefix match), `neighbours.py` (ARP), `reassembly.py` and `fragments.py`, `icmp.py`, `udp.py`.
`outside.py` says what a stack asks of the device it lives in; `alarms.py` keeps its deadlines.
"""
