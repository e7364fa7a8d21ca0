"""What a device can note about the frame it is handling. A note is `(time, subject, node, kind, detail)`.

`subject` is the id of the transmission being handled (0: none), `node` the index of who notes. The detail of each
kind stands beside it; it is text, an int, bytes (an address), or a tuple of these, so that a trace can be stored and
explained with no simulation at hand.
"""

from __future__ import annotations

from typing import Final

REPEAT: Final = 1  # ports: how many a hub repeats to
LEARN: Final = 2  # (mac, port): a switch now knows where a MAC address lives
MOVE: Final = 3  # (mac, old port, new port): it was learned elsewhere before
TABLE_FULL: Final = 4  # (mac, size): no room, so the address stays unknown
EXPIRE: Final = 5  # (mac, port): not heard for the ageing time
FORGET: Final = 6  # (port, count): the port went down, and what was learned there with it
FLOOD: Final = 7  # (why, ports): why is "broadcast", "multicast" or "unknown"
FORWARD: Final = 8  # port: a switch sends by a learned address
FILTER: Final = 9  # port: a switch keeps a frame whose destination lives where it came from
ROUTE: Final = 10  # the route's text: a router (or a host with something to send) has chosen it
ARP_ASK: Final = 11  # (address, interface): a question to everybody, which has to be answered first
ARP_LEARN: Final = 12  # (address, mac, interface)
ARP_FAIL: Final = 13  # (address, interface): nobody answered
DELIVER: Final = 14  # what took it: "icmp echo request", "udp port 53", ...
IGNORE: Final = 15  # why: a frame that is not for this host, which is no loss
FRAGMENT: Final = 16  # (fragments, mtu)
REASSEMBLE: Final = 17  # (fragments, bytes)
ICMP_ERROR: Final = 18  # the error this node now sends, as text
DROP: Final = 19  # the reason
LINK: Final = 20  # (port, "up" or "down")
POWER: Final = 21  # "up" or "down"
STEP: Final = 22  # (number, text): a step of the scenario begins
ALTERED: Final = 23  # what an impairment did to a frame in flight: "corrupted", "duplicated", "delayed"
ORIGIN: Final = 24  # what a program or a step wants to send: the root of a journey, whose subject is its id
CONFLICT: Final = 25  # (address, mac): someone else uses an address of ours (RFC 5227)
WAIT: Final = 26  # for what: a fragment for the rest of its datagram
TCP_STATE: Final = 27  # (local port, remote port, old state, new state)
RETRANSMIT: Final = 28  # why: "timeout", "fast retransmit", "tail loss probe", "path MTU"
TRANSLATE: Final = 29  # (what: "source", "destination" or "error", old end, new end, why), all as text
JUDGE: Final = 30  # (rule: "rule 3" or "policy", its text): a firewall lets a packet pass
ARP_PROBE: Final = 31  # (address, interface): a question to a neighbour that is known: whether it is still there
DHCP: Final = 40  # what a DHCP client or server decided, as text that follows its name

NAMES: Final[dict[int, str]] = {
    REPEAT: "repeat",
    LEARN: "learn",
    MOVE: "move",
    TABLE_FULL: "table-full",
    EXPIRE: "expire",
    FORGET: "forget",
    FLOOD: "flood",
    FORWARD: "forward",
    FILTER: "filter",
    ROUTE: "route",
    ARP_ASK: "arp-ask",
    ARP_LEARN: "arp-learn",
    ARP_FAIL: "arp-fail",
    DELIVER: "deliver",
    IGNORE: "ignore",
    FRAGMENT: "fragment",
    REASSEMBLE: "reassemble",
    ICMP_ERROR: "icmp-error",
    DROP: "drop",
    LINK: "link",
    POWER: "power",
    STEP: "step",
    ALTERED: "altered",
    ORIGIN: "origin",
    CONFLICT: "conflict",
    WAIT: "wait",
    TCP_STATE: "tcp-state",
    RETRANSMIT: "retransmit",
    TRANSLATE: "translate",
    JUDGE: "judge",
    ARP_PROBE: "arp-probe",
    DHCP: "dhcp",
}
