// ARP (RFC 826) and ICMP (RFC 792), with Wireshark's names.

import { checksum, ipv4, mac, u16, u32 } from "./bytes.js";
import { dissectData } from "./dissect_payload.js";
import { CutShort, Layer, hex16, named } from "./layer.js";

const ICMP_TYPES = {
  0: "Echo (ping) reply", 3: "Destination unreachable", 4: "Source quench", 5: "Redirect", 8: "Echo (ping) request",
  9: "Router advertisement", 10: "Router solicitation", 11: "Time-to-live exceeded", 12: "Parameter problem",
  13: "Timestamp request", 14: "Timestamp reply",
};
const UNREACHABLE = {
  0: "Network unreachable", 1: "Host unreachable", 2: "Protocol unreachable", 3: "Port unreachable",
  4: "Fragmentation needed", 5: "Source route failed", 6: "Destination network unknown", 7: "Destination host unknown",
  9: "Network administratively prohibited", 10: "Host administratively prohibited",
  13: "Communication administratively filtered",
};
const EXCEEDED = { 0: "Time to live exceeded in transit", 1: "Fragment reassembly time exceeded" };
const QUOTING = [3, 4, 5, 11, 12];

export function dissectArp(found, bytes, at) {
  const layer = new Layer(bytes, "arp", "Address Resolution Protocol", at, 28);
  found.layers.push(layer);
  found.protocol = "ARP";
  layer.need(at, 28);
  const operation = u16(bytes, at + 6);
  const word = { 1: "request", 2: "reply" }[operation] || `operation ${operation}`;
  layer.title = `Address Resolution Protocol (${word})`;
  layer.u16("arp.hw.type", "Hardware type", at, named({ 1: "Ethernet" }));
  layer.u16("arp.proto.type", "Protocol type", at + 2, (type) => (type === 0x0800 ? "IPv4 (0x0800)" : hex16(type)));
  layer.u8("arp.hw.size", "Hardware size", at + 4);
  layer.u8("arp.proto.size", "Protocol size", at + 5);
  if (bytes[at + 4] !== 6 || bytes[at + 5] !== 4) throw new CutShort(`ARP: address lengths ${bytes[at + 4]} and ${bytes[at + 5]}`);
  layer.u16("arp.opcode", "Opcode", at + 6, named({ 1: "request", 2: "reply" }));
  const sender = { mac: mac(bytes, at + 8), ip: ipv4(bytes, at + 14) };
  const target = { mac: mac(bytes, at + 18), ip: ipv4(bytes, at + 24) };
  layer.add("arp.src.hw_mac", "Sender MAC address", sender.mac, at + 8, 6);
  layer.add("arp.src.proto_ipv4", "Sender IP address", sender.ip, at + 14, 4);
  layer.add("arp.dst.hw_mac", "Target MAC address", target.mac, at + 18, 6);
  layer.add("arp.dst.proto_ipv4", "Target IP address", target.ip, at + 24, 4);
  if (sender.ip === target.ip) found.info = `ARP Announcement for ${sender.ip} (${sender.mac})`;
  else if (operation === 1 && sender.ip === "0.0.0.0") found.info = `Who has ${target.ip}? (ARP Probe)`;
  else if (operation === 1) found.info = `Who has ${target.ip}? Tell ${sender.ip}`;
  else if (operation === 2) found.info = `${sender.ip} is at ${sender.mac}`;
  else found.info = `ARP operation ${operation} ${sender.ip} → ${target.ip}`;
}

export function dissectIcmp(found, { bytes, at, end, quoted }, dissectQuoted) {
  const layer = new Layer(bytes, "icmp", "Internet Control Message Protocol", at, 8);
  found.layers.push(layer);
  layer.need(at, 8, end);
  const type = bytes[at], code = bytes[at + 1];
  layer.u8("icmp.type", "Type", at, (number) => `${number} (${ICMP_TYPES[number] || "Unknown"})`);
  layer.u8("icmp.code", "Code", at + 1, (number) => codeText(type, number));
  layer.u16("icmp.checksum", "Checksum", at + 2, (sum) =>
    hex16(sum) + (quoted ? "" : end > bytes.length ? " [unverified]" : ` [${checksum(bytes, at, end) ? "incorrect" : "correct"}]`));
  let info = ICMP_TYPES[type] || `ICMP type ${type}`;
  if (type === 0 || type === 8) {
    layer.u16("icmp.ident", "Identifier (BE)", at + 4, (id) => `${id} (${hex16(id)})`);
    layer.u16("icmp.seq", "Sequence Number (BE)", at + 6, (number) => `${number} (${hex16(number)})`);
    info += ` id=${hex16(u16(bytes, at + 4))}, seq=${u16(bytes, at + 6)}`;
  } else if (type === 3 && code === 4) {
    layer.u16("icmp.mtu", "MTU of next hop", at + 6);
    info += ` (${codeText(type, code)}, MTU ${u16(bytes, at + 6)})`;
  } else {
    if (type === 5) layer.add("icmp.redir_gw", "Gateway Address", ipv4(bytes, at + 4), at + 4, 4);
    else layer.add("icmp.unused", "Unused", u32(bytes, at + 4), at + 4, 4);
    const why = codeText(type, code);
    if (QUOTING.includes(type)) info += ` (${why})`;
  }
  layer.title = `Internet Control Message Protocol`;
  if (!quoted) {
    const ttl = bytes[layer.at - (found.layers[found.layers.length - 2] || { size: 20 }).size + 8];
    found.protocol = "ICMP";
    found.info = type === 0 || type === 8 ? `${info}, ttl=${ttl}` : info;
  }
  if (QUOTING.includes(type) && end - at >= 28) {
    const { info: own, protocol } = found;
    dissectQuoted(found, bytes, at + 8, end, true);
    Object.assign(found, { info: own, protocol }); // the line is about the error
  }
  else dissectData(found, bytes, at + 8, end);
}

function codeText(type, code) {
  const names = type === 3 ? UNREACHABLE : type === 11 ? EXCEEDED : {};
  return names[code] ? `${names[code]}` + (type === 3 || type === 11 ? "" : ` (${code})`) : String(code);
}
