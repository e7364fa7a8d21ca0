// A frame at a glance, from fixed places in its bytes: which protocol, between whom, of which flow. No field is read
// twice here: this runs over every different frame of a recording, dissect.js over those that somebody looks at.

import { ipv4, ipv6, mac, u16, u32 } from "./bytes.js";

const IP_NAMES = { 1: "ICMP", 2: "IGMP", 6: "TCP", 17: "UDP", 47: "GRE", 58: "ICMPv6", 89: "OSPF", 132: "SCTP" };
const HTTP = /^(GET|POST|PUT|HEAD|DELETE|OPTIONS|PATCH|CONNECT|TRACE) \S|^HTTP\/1/; // as dissect_payload.js has it, nearly

/** The protocols in the order of legends and menus. */
export const PROTOCOLS = ["ARP", "ICMP", "TCP", "UDP", "DNS", "DHCP", "HTTP", "TLS", "other"];

/**
 * {protocol, source, destination, flow, ports, tcp}: `flow` is the same text in both directions, "" for what belongs
 * to none; `tcp` is where its header begins, 0 for what is none.
 */
export function brief(bytes) {
  if (bytes.length < 14) return plain("Ethernet", "", "");
  let at = 12;
  while ((u16(bytes, at) === 0x8100 || u16(bytes, at) === 0x88a8) && bytes.length >= at + 6) at += 4;
  const type = u16(bytes, at);
  at += 2;
  if (type === 0x0806 && bytes.length >= at + 28) return plain("ARP", ipv4(bytes, at + 14), ipv4(bytes, at + 24));
  if (type === 0x0800 && bytes.length >= at + 20) return briefIpv4(bytes, at);
  if (type === 0x86dd && bytes.length >= at + 40) {
    return plain(IP_NAMES[bytes[at + 6]] || "IPv6", ipv6(bytes, at + 8), ipv6(bytes, at + 24));
  }
  return plain(type === 0x0806 ? "ARP" : "Ethernet", mac(bytes, 6), mac(bytes, 0));
}

function plain(protocol, source, destination) {
  return { protocol, source, destination, flow: "", ports: null, tcp: 0 };
}

function briefIpv4(bytes, at) {
  const source = ipv4(bytes, at + 12), destination = ipv4(bytes, at + 16);
  const inner = at + (bytes[at] & 15) * 4;
  const protocol = bytes[at + 9];
  if (u16(bytes, at + 6) & 0x1fff) return plain("IPv4", source, destination); // a later fragment has no ports
  if (protocol === 1) return briefIcmp(bytes, inner, source, destination);
  if ((protocol !== 6 && protocol !== 17) || bytes.length < inner + 8) {
    return plain(IP_NAMES[protocol] || "IPv4", source, destination);
  }
  const ports = [u16(bytes, inner), u16(bytes, inner + 2)];
  const name = protocol === 6 ? segment(bytes, inner, ports, at + u16(bytes, at + 2)) : datagram(ports);
  const ends = [`${source}:${ports[0]}`, `${destination}:${ports[1]}`].sort();
  const flow = `${protocol === 6 ? "TCP" : "UDP"} ${ends.join(" ")}`;
  return { protocol: name, source, destination, flow, ports, tcp: protocol === 6 ? inner : 0 };
}

function briefIcmp(bytes, inner, source, destination) {
  const found = plain("ICMP", source, destination);
  if ((bytes[inner] === 0 || bytes[inner] === 8) && bytes.length >= inner + 8) {
    found.flow = `ICMP ${[source, destination].sort().join(" ")} id ${u16(bytes, inner + 4)}`;
  }
  return found;
}

function datagram(ports) {
  if (ports.includes(53)) return "DNS";
  if (ports.includes(67) || ports.includes(68)) return "DHCP";
  if (ports.includes(123)) return "NTP";
  if (ports.includes(4789) || ports.includes(8472)) return "VXLAN";
  return "UDP";
}

function segment(bytes, at, ports, end) {
  const from = at + (bytes[at + 12] >> 4) * 4;
  if (from >= Math.min(end, bytes.length)) return "TCP";
  if (ports.includes(53)) return "DNS";
  const first = bytes[from];
  if (first >= 20 && first <= 23 && bytes[from + 1] === 3 && end - from > 5) return "TLS";
  if (first >= 65 && first <= 90 && HTTP.test(String.fromCharCode(...bytes.subarray(from, from + 12)))) return "HTTP";
  return "TCP";
}

/** What legends call it: one of PROTOCOLS. */
export function family(protocol) {
  if (protocol === "ICMPv6") return "ICMP";
  if (protocol === "NTP" || protocol === "VXLAN") return "UDP";
  return PROTOCOLS.includes(protocol) ? protocol : "other";
}

/** The numbers of a TCP header that begins at `at` and whose packet ends at `end`. */
export function segmentNumbers(bytes, at) {
  const ip = at - 20;
  return {
    seq: u32(bytes, at + 4),
    ack: u32(bytes, at + 8),
    flags: bytes[at + 13],
    window: u16(bytes, at + 14),
    header: (bytes[at + 12] >> 4) * 4,
    ip,
  };
}
