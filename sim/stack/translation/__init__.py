"""Translation of addresses and ports, and the firewall: what a gateway does to packets on their way through it.

`flows` says what a packet belongs to, `connections` remembers it, `mappings` and `ports` choose the outside address of
what leaves, `translator` decides about new connections, `rewriting` changes the bytes, `firewall` says who may pass.
Read RFC 4787 (UDP), RFC 5382 (TCP) and RFC 5508 (ICMP) first. Like the rest of the stack it knows neither links nor a
clock: bytes and `now` in, bytes out.
"""
