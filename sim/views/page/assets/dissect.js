// A whole frame, layer by layer, with Wireshark's names, and the line that sums it up. It never throws: bytes that
// break their protocol's rules become a "Malformed Packet" with the reason.

import { checksum, hex, hexNumber, ipv4, ipv6, mac, u16 } from "./bytes.js";
import { dissectArp, dissectIcmp } from "./dissect_control.js";
import { dissectData, dissectPayload } from "./dissect_payload.js";
import { dissectTcp } from "./dissect_tcp.js";
import { CutShort, Layer, hex16, named, yesNo } from "./layer.js";

const TYPES = { 0x0800: "IPv4", 0x0806: "ARP", 0x8100: "802.1Q Virtual LAN", 0x88a8: "802.1ad", 0x86dd: "IPv6", 0x88cc: "LLDP" };
const PROTOCOLS = { 1: "ICMP", 2: "IGMP", 4: "IPIP", 6: "TCP", 17: "UDP", 41: "IPv6", 47: "GRE", 58: "ICMPv6", 89: "OSPF IGP" };
const ECN = ["Not ECN-Capable Transport", "ECN-Capable Transport codepoint '01'", "ECN-Capable Transport codepoint '10'", "Congestion Experienced"];
const MAXIMUM_LENGTH_FIELD = 1500;

/**
 * {layers, info, protocol}: `info` is Wireshark's column of that name. `relative` counts TCP's numbers from a start;
 * `size` is how many bytes the frame has, of which only the first may be here.
 */
export function dissect(bytes, relative = null, size = bytes.length) {
  const found = { layers: [], info: "", protocol: "Ethernet", relative };
  try {
    dissectEthernet(found, bytes, 0, size);
  } catch (error) {
    if (!(error instanceof CutShort)) throw error;
    const last = found.layers[found.layers.length - 1];
    const at = last ? last.at : 0;
    const layer = new Layer(bytes, "_ws.malformed", "Malformed Packet", at, bytes.length - at);
    layer.title = bytes.length < size ? "[Packet size limited during capture]" : `[Malformed Packet: ${error.message}]`;
    found.layers.push(layer);
    found.info = found.info ? `${found.info} ${layer.title}` : layer.title;
  }
  return found;
}

export function dissectEthernet(found, bytes, at, limit) {
  const layer = new Layer(bytes, "eth", "Ethernet II", at, 14);
  found.layers.push(layer);
  layer.need(at, 14);
  const source = mac(bytes, at + 6), destination = mac(bytes, at);
  layer.title = `Ethernet II, Src: ${source}, Dst: ${destination}`;
  const to = layer.add("eth.dst", "Destination", destination, at, 6);
  address(layer, to, bytes, at);
  const from = layer.add("eth.src", "Source", source, at + 6, 6);
  address(layer, from, bytes, at + 6);
  let type = u16(bytes, at + 12);
  found.info = `${source} → ${destination}`;
  if (type <= MAXIMUM_LENGTH_FIELD) {
    layer.name = "IEEE 802.3 Ethernet";
    layer.title = `IEEE 802.3 Ethernet, Src: ${source}, Dst: ${destination}`;
    layer.u16("eth.len", "Length", at + 12);
    dissectData(found, bytes, at + 14, Math.min(at + 14 + type, limit));
    return;
  }
  layer.u16("eth.type", "Type", at + 12, typeName);
  let next = at + 14;
  while (type === 0x8100 || type === 0x88a8) {
    const tag = new Layer(bytes, "vlan", "802.1Q Virtual LAN", next, 4);
    found.layers.push(tag);
    tag.need(next, 4);
    const control = u16(bytes, next);
    tag.title = `802.1Q Virtual LAN, PRI: ${control >> 13}, DEI: ${(control >> 12) & 1}, ID: ${control & 4095}`;
    tag.bits("vlan.priority", "Priority", control >> 13, next, 2);
    tag.bits("vlan.dei", "DEI", (control >> 12) & 1, next, 2);
    tag.bits("vlan.id", "ID", control & 4095, next, 2);
    tag.u16("vlan.etype", "Type", next + 2, typeName);
    type = u16(bytes, next + 2);
    next += 4;
  }
  if (type === 0x0800) dissectIpv4(found, bytes, next, limit);
  else if (type === 0x0806) dissectArp(found, bytes, next);
  else if (type === 0x86dd) dissectIpv6(found, bytes, next, limit);
  else {
    found.info = `Ethertype ${hexNumber(type, 4)}`;
    dissectData(found, bytes, next, limit);
  }
}

function typeName(type) {
  return `${TYPES[type] || "Unknown"} (${hexNumber(type, 4)})`;
}

function address(layer, parent, bytes, at) {
  layer.add("eth.addr", "Address", mac(bytes, at), at, 6, mac(bytes, at), parent);
  const group = bytes[at] & 1, local = (bytes[at] >> 1) & 1;
  layer.add("eth.lg", "LG bit", local, at, 3, local ? "Locally administered address" : "Globally unique address", parent);
  layer.add("eth.ig", "IG bit", group, at, 3, group ? "Group address (multicast/broadcast)" : "Individual address (unicast)", parent);
}

export function dissectIpv4(found, bytes, at, limit, quoted = false) {
  const layer = new Layer(bytes, "ip", "Internet Protocol Version 4", at, 20);
  found.layers.push(layer);
  layer.need(at, 20, limit);
  const header = (bytes[at] & 15) * 4;
  const total = u16(bytes, at + 2);
  const source = ipv4(bytes, at + 12), destination = ipv4(bytes, at + 16);
  layer.size = header;
  layer.title = `Internet Protocol Version 4, Src: ${source}, Dst: ${destination}`;
  layer.bits("ip.version", "Version", bytes[at] >> 4, at, 1);
  layer.bits("ip.hdr_len", "Header Length", header, at, 1, (size) => `${size} bytes (${size / 4})`);
  const tos = bytes[at + 1];
  const services = layer.add("ip.dsfield", "Differentiated Services Field", tos, at + 1, 1, hexNumber(tos, 2));
  layer.bits("ip.dsfield.dscp", "Differentiated Services Codepoint", tos >> 2, at + 1, 1, String, services);
  layer.bits("ip.dsfield.ecn", "Explicit Congestion Notification", tos & 3, at + 1, 1, (code) => `${ECN[code]} (${code})`, services);
  layer.u16("ip.len", "Total Length", at + 2);
  layer.u16("ip.id", "Identification", at + 4, (id) => `${hex16(id)} (${id})`);
  const word = u16(bytes, at + 6);
  const flags = layer.add("ip.flags", "Flags", word >> 13, at + 6, 1, `${hexNumber(word >> 13, 1)}${word & 0x4000 ? ", Don't fragment" : ""}${word & 0x2000 ? ", More fragments" : ""}`);
  layer.bits("ip.flags.rb", "Reserved bit", word >> 15, at + 6, 1, yesNo, flags);
  layer.bits("ip.flags.df", "Don't fragment", (word >> 14) & 1, at + 6, 1, yesNo, flags);
  layer.bits("ip.flags.mf", "More fragments", (word >> 13) & 1, at + 6, 1, yesNo, flags);
  const offset = (word & 0x1fff) * 8;
  layer.bits("ip.frag_offset", "Fragment Offset", offset, at + 6, 2);
  layer.u8("ip.ttl", "Time to Live", at + 8);
  const protocol = bytes[at + 9];
  layer.u8("ip.proto", "Protocol", at + 9, named(PROTOCOLS));
  const rest = header >= 20 && at + header <= limit ? checksum(bytes, at, at + header) : 0xffff;
  layer.u16("ip.checksum", "Header Checksum", at + 10, (sum) => `${hex16(sum)} [${rest ? "incorrect" : "correct"}]`);
  layer.add("ip.src", "Source Address", source, at + 12, 4);
  layer.add("ip.dst", "Destination Address", destination, at + 16, 4);
  if (header < 20) throw new CutShort(`IPv4: header length ${header}`);
  if (header > 20) {
    layer.need(at, header, limit);
    layer.add("ip.options", "Options", hex(bytes, at + 20, at + header), at + 20, header - 20, `(${header - 20} bytes)`);
  }
  if (!quoted) {
    found.protocol = "IPv4";
    found.info = `${PROTOCOLS[protocol] || `Protocol ${protocol}`} ${source} → ${destination}`;
    if (total < header || at + total > limit) throw new CutShort(`IPv4: total length ${total} of ${limit - at}`);
  }
  const end = Math.min(at + total, limit);
  const inner = { bytes, at: at + header, end: Math.max(end, at + header), source: [at + 12, 4], protocol, quoted };
  if (offset || word & 0x2000) {
    if (!quoted) found.info = `Fragmented IP protocol (proto=${PROTOCOLS[protocol] || protocol} ${protocol}, off=${offset}, ID=${hex(bytes, at + 4, at + 6)})`;
    const { info: line, protocol: column } = found;
    if (offset) dissectData(found, bytes, inner.at, inner.end);
    else dissectTransport(found, { ...inner, quoted: true }); // its checksum and length speak of the whole packet
    Object.assign(found, { info: line, protocol: column });
    return;
  }
  dissectTransport(found, inner);
}

function dissectIpv6(found, bytes, at, limit) {
  const layer = new Layer(bytes, "ipv6", "Internet Protocol Version 6", at, 40);
  found.layers.push(layer);
  found.protocol = "IPv6";
  layer.need(at, 40);
  const source = ipv6(bytes, at + 8), destination = ipv6(bytes, at + 24), protocol = bytes[at + 6];
  layer.title = `Internet Protocol Version 6, Src: ${source}, Dst: ${destination}`;
  layer.bits("ipv6.version", "Version", bytes[at] >> 4, at, 1);
  layer.u16("ipv6.plen", "Payload Length", at + 4);
  layer.u8("ipv6.nxt", "Next Header", at + 6, named(PROTOCOLS));
  layer.u8("ipv6.hlim", "Hop Limit", at + 7);
  layer.add("ipv6.src", "Source Address", source, at + 8, 16);
  layer.add("ipv6.dst", "Destination Address", destination, at + 24, 16);
  found.info = `${PROTOCOLS[protocol] || `Next header ${protocol}`} ${source} → ${destination}`;
  const end = Math.min(at + 40 + u16(bytes, at + 4), limit);
  dissectTransport(found, { bytes, at: at + 40, end, source: [at + 8, 16], protocol, quoted: false });
}

/** `inner`: where the payload of an IP packet is, and which addresses belong to its pseudo header. */
function dissectTransport(found, inner) {
  const { bytes, at, end, protocol, quoted } = inner;
  if (quoted && end - at < 8) return;
  if (protocol === 1) dissectIcmp(found, inner, dissectIpv4);
  else if (protocol === 6) dissectTcp(found, inner);
  else if (protocol === 17) dissectUdp(found, inner);
  else dissectData(found, bytes, at, end);
}

function dissectUdp(found, inner) {
  const { bytes, at, end, quoted } = inner;
  const layer = new Layer(bytes, "udp", "User Datagram Protocol", at, 8);
  found.layers.push(layer);
  layer.need(at, 8, end);
  const ports = [u16(bytes, at), u16(bytes, at + 2)], length = u16(bytes, at + 4);
  layer.title = `User Datagram Protocol, Src Port: ${ports[0]}, Dst Port: ${ports[1]}`;
  layer.u16("udp.srcport", "Source Port", at);
  layer.u16("udp.dstport", "Destination Port", at + 2);
  layer.u16("udp.length", "Length", at + 4);
  layer.u16("udp.checksum", "Checksum", at + 6, (sum) => hex16(sum) + (quoted ? "" : checksumWord(inner, sum, length)));
  found.protocol = "UDP";
  found.info = `${ports[0]} → ${ports[1]} Len=${Math.max(length - 8, 0)}`;
  if (length < 8 || (at + length > end && !quoted)) throw new CutShort(`UDP: length ${length} of ${end - at}`);
  dissectPayload(found, bytes, at + 8, Math.min(at + length, end), ports, false, dissectEthernet);
}

function checksumWord({ bytes, at, source, protocol }, sum, length) {
  if (sum === 0) return " [none]";
  if (at + length > bytes.length) return " [unverified]";
  const [from, width] = source;
  const pseudo = 0xffff & ~checksum(bytes, from, from + 2 * width, protocol + length);
  return checksum(bytes, at, at + length, pseudo) ? " [incorrect]" : " [correct]";
}
