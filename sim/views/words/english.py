"""Explanations in English: what a device did, and why. The device's name stands before the sentence."""

from __future__ import annotations

from typing import Final

SWITCH: Final = {
    "repeat": "is a hub and knows no addresses, so it repeats the frame on {0:its only other port|its # other ports}",
    "learn": "sees a frame from {0} come in at {1}, and learns that this address lives there",
    "move": "had {0} in its table behind {1}, but now hears it at {2}, so it corrects the entry",
    "table-full": "cannot learn {0}: its table is full ({1:# address|# addresses}), so frames to it will be flooded",
    "expire": "forgets that {0} lives behind {1}: it has heard nothing from that address for the ageing time",
    "forget": "forgets what it had learned behind {0} ({1:# address|# addresses}): that port has gone down",
    "flood.broadcast": "floods it to {1:# other port|# other ports}: {destination} is the broadcast address, everybody is meant",
    "flood.multicast": "floods it to {1:# other port|# other ports}: {destination} is a multicast address, "
    "and a switch cannot know who belongs to that group",
    "flood.unknown": "has not learned {destination}, so it floods it to {1:# port|# ports}",
    "flood": "floods it to {1:# other port|# other ports} ({0})",
    "forward": "has learned that {destination} lives behind {0}, so it sends it there and nowhere else",
    "filter": "has learned that {destination} lives behind {0}, where the frame came from, so it sends it nowhere",
}
ROUTER: Final = {
    "route.0.0.0.0/0 via * dev *": "has no better route for the destination than its default route, "
    "so the packet goes to the gateway {*1} by way of {*2}",
    "route.* via * dev *": "finds {*1} to be the longest prefix in its routing table that fits the destination: "
    "the next hop is {*2}, by way of {*3}",
    "route.* direct dev *": "finds that the destination is in {*1}, the network at its own interface {*2}: "
    "no router is needed from here on",
    "route": "chooses the route {0}",
    "arp-ask": "does not know the MAC address of {0}, so it asks everybody on {1} who has it (ARP)",
    "arp-probe": "has had no sign of {0} for a while, so it asks, at the MAC address it knows, "
    "whether it is still there (ARP on {1})",
    "arp-learn": "learns that {0} has the MAC address {1}, and keeps that in its ARP table ({2})",
    "arp-fail": "gives up: nobody on {1} has answered the ARP requests for {0}",
    "fragment": "cuts the packet into {0:# fragment|# fragments}: at most {1} bytes may go onward in one piece",
    "reassemble": "now has all {0:fragment|# fragments} and puts them together to a packet with {1:# byte|# bytes} of payload",
    "conflict": "sees {1} use {0}, which is its own address: two stations cannot both have it",
    "icmp-error.ICMP time to live exceeded (about * > * *)": "tells {*1} that its packet to {*2} has used up its time to live",
    "icmp-error.ICMP reassembly time exceeded (about * > * *)": "tells {*1} that fragments of its packet to {*2} "
    "have not come in time",
    "icmp-error.ICMP network unreachable (about * > * *)": "tells {*1} that it has no route to {*2}",
    "icmp-error.ICMP host unreachable (about * > * *)": "tells {*1} that it cannot reach the host {*2}",
    "icmp-error.ICMP port unreachable (about * > * *)": "tells {*1} that the {*3} port at {*2} cannot be reached",
    "icmp-error.ICMP communication prohibited (about * > * *)": "tells {*1} that its packet to {*2} is not allowed through",
    "icmp-error.ICMP fragmentation needed mtu=* (about * > * *)": "tells {*2} that its packet to {*3} is too long "
    "and may not be cut: the next link carries {*1} bytes",
    "icmp-error": "tells the sender: {0}",
    "translate.source * * an error about a packet of a known connection": "replaces {1} by {2} in the packet that the "
    "ICMP error quotes, so that its reader knows it again as its own",
    "translate.destination * * an error about a packet of a known connection": "replaces {1} by {2} in the packet that "
    "the ICMP error quotes, so that its reader knows it again as its own",
    "translate.source * * *": "replaces the source {1} by {2} (address translation: {3})",
    "translate.destination * * *": "replaces the destination {1} by {2} (address translation: {3})",
    "translate": "replaces {1} by {2} ({3})",
    "judge.policy *": "lets it pass: no rule of its firewall applies, and its policy says {1}",
    "judge": "lets it pass: {0} of its firewall says {1}",
}
HOST: Final = {
    "deliver.ARP request": "takes it in: it is asked for its own address, and answers with its MAC address",
    "deliver.ARP reply": "takes it in: an ARP reply of a neighbour that it has in its ARP table",
    "deliver.ARP: * is not free, somebody *": "takes it in: {*1}, which it would like to have, is not free, since somebody {*2}",
    "deliver.ICMP echo request": "takes it in: a ping to an address of its own",
    "deliver.ICMP echo reply": "takes it in: the answer to a ping of its own",
    "deliver.ICMP error": "takes it in: an ICMP error about a packet that it has sent itself",
    "deliver.TCP port *, TIME-WAIT": "takes it in at TCP port {*1}, for a connection that is over and waits "
    "for what may still be on the way (TIME-WAIT)",
    "deliver.TCP port *": "takes it in: a connection or a listening program has TCP port {*1}",
    "deliver.UDP port *": "takes it in: a program has UDP port {*1} open",
    "deliver.raw socket, *": "takes it in: a program has a raw socket for {*1}",
    "deliver": "takes it in: {0}",
    "ignore.not its MAC address": "ignores it: {destination} is not its MAC address, the frame is for somebody else",
    "ignore.asks for somebody else": "ignores it: the ARP request asks for somebody else's address",
    "ignore.an answer to no question of ours": "ignores it: an ARP reply from somebody for whom it has not asked",
    "ignore.our own ARP packet came back": "ignores it: this is an ARP packet of its own that has come back",
    "ignore.nobody awaits this echo reply": "ignores it: no program awaits this echo reply",
    "ignore.an echo request to many is not answered": "ignores it: a ping to many is not answered",
    "ignore.an error about a packet that was not ours": "ignores it: an ICMP error about a packet that it has not sent",
    "ignore": "ignores it: {0}",
    "wait.the other fragments": "keeps this fragment and waits for the others",
    "wait.a SYN from inside that crosses this one: nobody has asked for it": "holds this SYN from outside back for a "
    "moment, since nobody inside has asked for it: a SYN from inside may be about to cross it",
    "wait": "keeps it and waits for {0}",
    "origin": "wants to send: {0}",
    "dhcp": "{0}",
}
TCP: Final = {
    "tcp-state.* * CLOSED LISTEN": "listens on TCP port {0} for connections",
    "tcp-state.* * CLOSED SYN-SENT": "opens a connection from its port {0} to port {1}: it sends a SYN, "
    "the first step of the handshake (SYN-SENT)",
    "tcp-state.* * LISTEN SYN-RECEIVED": "listens on port {0} and has got a SYN: it answers with SYN and ACK, "
    "the second step of the handshake (SYN-RECEIVED)",
    "tcp-state.* * SYN-SENT SYN-RECEIVED": "has got a SYN while its own was on the way: both sides open at once (SYN-RECEIVED)",
    "tcp-state.* * SYN-SENT ESTABLISHED": "has got the other side's SYN and ACK, and acknowledges it, the third step: "
    "the connection of its port {0} is open (ESTABLISHED)",
    "tcp-state.* * SYN-RECEIVED ESTABLISHED": "has got the acknowledgment of its SYN, and the handshake is complete: "
    "the connection of its port {0} is open (ESTABLISHED)",
    "tcp-state.* * SYN-RECEIVED FIN-WAIT-1": "has got the acknowledgment of its SYN, and closes its side at once (FIN-WAIT-1)",
    "tcp-state.* * SYN-RECEIVED CLOSE-WAIT": "has got the acknowledgment of its SYN together with a FIN: "
    "the other side sends nothing more (CLOSE-WAIT)",
    "tcp-state.* * ESTABLISHED FIN-WAIT-1": "closes its side of the connection: a FIN follows its last data (FIN-WAIT-1)",
    "tcp-state.* * ESTABLISHED CLOSE-WAIT": "has got a FIN: the other side sends nothing more, while it may still send itself "
    "(CLOSE-WAIT)",
    "tcp-state.* * FIN-WAIT-1 FIN-WAIT-2": "has got the acknowledgment of its FIN, and waits for that of the other side "
    "(FIN-WAIT-2)",
    "tcp-state.* * FIN-WAIT-1 CLOSING": "has got a FIN before the acknowledgment of its own: both sides close at once (CLOSING)",
    "tcp-state.* * FIN-WAIT-1 TIME-WAIT": "has got the other side's FIN and the acknowledgment of its own: both are done, "
    "and it waits for what may still be on the way (TIME-WAIT)",
    "tcp-state.* * FIN-WAIT-2 TIME-WAIT": "has got the other side's FIN: both are done, "
    "and it waits for what may still be on the way (TIME-WAIT)",
    "tcp-state.* * CLOSE-WAIT LAST-ACK": "closes its side as well: a FIN follows its last data, "
    "and only its acknowledgment is missing (LAST-ACK)",
    "tcp-state.* * CLOSING TIME-WAIT": "has got the acknowledgment of its FIN: both sides are done, "
    "and it waits for what may still be on the way (TIME-WAIT)",
    "tcp-state.* * LAST-ACK CLOSED": "is done with the connection of its port {0}: the other side has its FIN, "
    "or it has given up waiting (CLOSED)",
    "tcp-state.* * TIME-WAIT CLOSED": "forgets the connection of its port {0}: nothing of it can be on the way any more (CLOSED)",
    "tcp-state.* * SYN-SENT CLOSED": "gives up opening the connection from its port {0} to port {1} (CLOSED)",
    "tcp-state.* * * CLOSED": "has lost the connection of its port {0}, by a reset, an abort or a timeout ({2} becomes CLOSED)",
    "tcp-state": "TCP port {0}: {2} becomes {3}",
    "retransmit.timeout": "sends a segment again: its acknowledgment has not come before the retransmission timeout",
    "retransmit.fast retransmit": "sends a segment again without waiting for the timeout: "
    "what was sent after it has been acknowledged, so it must be lost",
    "retransmit.tail loss probe": "sends its last segment again to find out whether it was lost: "
    "nothing follows it that could show so (tail loss probe)",
    "retransmit.path MTU": "sends a segment again in smaller pieces: it was too long for a link on the way",
    "retransmit": "sends it again ({0})",
}
LOSSES: Final = {
    "drop.queue full": "drops it: the queue of the port it should leave by is full",
    "drop.CoDel drop": "drops it from its queue: frames have been waiting there for too long (CoDel)",
    "drop.RED early drop": "drops it by chance before its queue is full, so that senders slow down in time (RED)",
    "drop.RED forced drop": "drops it: its queue has been too long on average (RED)",
    "drop.pushed out by a newer frame": "drops it from its queue to make room for a newer frame",
    "drop.longer than the token bucket": "drops it: it is longer than the token bucket of the port is deep",
    "drop.loss": "has sent it, but the link loses it by chance",
    "drop.burst loss": "has sent it, but the link loses it in a burst of losses",
    "drop.link down": "cannot get it through: the link is down",
    "drop.exceeds link MTU": "cannot send it: it is longer than the link's MTU",
    "drop.partition": "has sent it, but the network is partitioned: what is for the other side is lost",
    "drop.TTL expired": "drops it: its time to live is used up, one hop more and it would be 0",
    "drop.no route": "drops it: it has no route to the destination that could be used now",
    "drop.no route for the segment": "cannot answer: it has no route back to the sender",
    "drop.no route for the echo reply": "cannot answer the ping: it has no route back to the sender",
    "drop.no route for the ICMP error": "cannot tell the sender: it has no route back",
    "drop.host unreachable": "drops it: the next hop has not answered any ARP request",
    "drop.ARP queue full": "drops it: too many packets wait for the answer to one ARP request",
    "drop.neighbour table full": "drops it: its ARP table is full, and the entry it waited for had to go",
    "drop.port unreachable": "drops it: no program has that UDP port open",
    "drop.connection refused": "drops it: nobody listens on that TCP port",
    "drop.no such connection": "drops it: the TCP segment belongs to no connection that it knows",
    "drop.backlog full": "drops it: too many connections wait to be accepted",
    "drop.receive buffer full": "drops it: the program reads too slowly, and its receive buffer is full",
    "drop.fragmentation needed": "drops it: the packet is too long for the next link and says that it may not be cut",
    "drop.bad IPv4 checksum": "drops it: the checksum of the IP header is wrong",
    "drop.malformed *": "drops it: this is no sound {*1}",
    "drop.martian address": "drops it: it carries an address that cannot come in from a link (a martian)",
    "drop.not its IP address": "drops it: the frame was for its MAC address, but the packet is not for its IP address",
    "drop.unknown EtherType": "drops it: it does not know what this EtherType carries",
    "drop.unknown protocol": "drops it: nobody here takes this IP protocol",
    "drop.unknown ICMP type": "drops it: it does not know this ICMP type",
    "drop.unknown ARP operation": "drops it: this is neither an ARP request nor a reply",
    "drop.runt frame": "drops it: it is too short for an Ethernet header",
    "drop.multicast source address": "drops it: its source {source} is a group, and a group cannot send",
    "drop.reserved for the link itself": "drops it: {destination} is reserved for the link itself, and stops at a switch",
    "drop.duplicate fragment": "drops it: it has this fragment already",
    "drop.overlapping fragments": "drops it: the fragments overlap, which an honest sender does not do",
    "drop.reassembly timeout": "drops it: the other fragments have not come in time",
    "drop.reassembly memory full": "drops it: too many fragments wait for others",
    "drop.NAT filtering": "drops it: nobody inside has asked this sender for it (NAT filtering)",
    "drop.NAT ports exhausted": "drops it: no port is left for another mapping",
    "drop.NAT hairpin off": "drops it: it came from inside for an inside host's outside address, and hairpinning is off",
    "drop.NAT: belongs to no connection": "drops it: it belongs to no connection and begins none that could be translated",
    "drop.connection table full": "drops it: its table of connections is full",
    "drop.another connection has these ports": "drops it: another connection has these addresses and ports already",
    "drop.unsolicited SYN": "drops it: nobody inside has asked for this connection",
    "drop.firewall policy *": "drops it: no rule of its firewall lets it pass, and this is its policy {*1}",
    "drop.firewall rule *": "drops it: rule {*1} of its firewall forbids it",
    "drop": "drops it: {0}",
    "altered.corrupted": "has sent it, but bits change on the link",
    "altered.duplicated": "has sent it once, but the link delivers it twice",
    "altered.held back": "has sent it, but the link holds it back, so that later frames may overtake it",
    "altered": "has sent it, but on the way it is {0}",
}
CIRCUMSTANCES: Final = {
    "link.* up": "sees the link at {0} come up",
    "link.* down": "sees the link at {0} go down",
    "link": "sees the link at {0} go {1}",
    "power.up": "is switched on",
    "power.down": "is switched off, and forgets all that it has learned",
    "power": "is switched {0}",
    "step": "step {0}: {1}",
}
ENGLISH: Final[dict[str, str]] = {**SWITCH, **ROUTER, **HOST, **TCP, **LOSSES, **CIRCUMSTANCES}
