// DNS messages (RFC 1035 4), with Wireshark's names.

import { hex, ipv4, ipv6, latin1, u16 } from "./bytes.js";
import { CutShort, Layer, hex16, named } from "./layer.js";

const TYPES = {
  1: "A", 2: "NS", 5: "CNAME", 6: "SOA", 12: "PTR", 15: "MX", 16: "TXT", 28: "AAAA", 33: "SRV", 41: "OPT", 43: "DS",
  46: "RRSIG", 48: "DNSKEY", 65: "HTTPS", 252: "AXFR", 255: "ANY", 257: "CAA",
};
const RCODES = ["No error", "Format error", "Server failure", "No such name", "Not implemented", "Refused"];
const OPCODES = { 0: "Standard query", 1: "Inverse query", 2: "Server status request", 4: "Zone change notification", 5: "Dynamic update" };
const SECTIONS = [["Answers", "resp"], ["Authoritative nameservers", "auth"], ["Additional records", "add"]];
const FARTHEST = 255;

/** False where it cannot be a DNS message: nothing has been written then. */
export function dissectDns(found, bytes, at, end) {
  const flags = u16(bytes, at + 2);
  const isResponse = flags >> 15;
  const counts = [0, 1, 2, 3].map((index) => u16(bytes, at + 4 + 2 * index));
  if (counts[0] > 8) return false;
  const layer = new Layer(bytes, "dns", "Domain Name System", at, end - at);
  found.layers.push(layer);
  found.protocol = "DNS";
  layer.title = `Domain Name System (${isResponse ? "response" : "query"})`;
  layer.u16("dns.id", "Transaction ID", at, hex16);
  flagFields(layer, at, flags, isResponse);
  ["Questions", "Answer RRs", "Authority RRs", "Additional RRs"].forEach((name, index) => {
    layer.u16(`dns.count.${["queries", "answers", "auth_rr", "add_rr"][index]}`, name, at + 4 + 2 * index);
  });
  const opcode = OPCODES[(flags >> 11) & 15] || `Opcode ${(flags >> 11) & 15}`;
  found.info = `${opcode}${isResponse ? " response" : ""} ${hex16(u16(bytes, at))}`;
  if (isResponse && flags & 15) found.info += ` ${RCODES[flags & 15] || `Rcode ${flags & 15}`}`;
  let next = at + 12;
  if (counts[0]) next = questions(found, layer, counts[0], at, next, end);
  SECTIONS.forEach(([title], section) => {
    const count = counts[section + 1];
    if (!count) return;
    const group = layer.add("", title, "", next, 0, "");
    for (let i = 0; i < count; i++) {
      const from = next;
      next = record(found, layer, group, at, next, end, section);
      group.size += next - from;
    }
  });
  return true;
}

function flagFields(layer, at, flags, isResponse) {
  const bit = (place) => (flags >> place) & 1;
  const all = layer.u16("dns.flags", "Flags", at + 2, hex16);
  const show = (yes, no) => (value) => (value ? yes : no);
  layer.bits("dns.flags.response", "Response", isResponse, at + 2, 2, show("Message is a response", "Message is a query"), all);
  layer.bits("dns.flags.opcode", "Opcode", (flags >> 11) & 15, at + 2, 2, named(OPCODES), all);
  if (isResponse) layer.bits("dns.flags.authoritative", "Authoritative", bit(10), at + 2, 2, show("Server is an authority for domain", "Server is not an authority for domain"), all);
  layer.bits("dns.flags.truncated", "Truncated", bit(9), at + 2, 2, show("Message is truncated", "Message is not truncated"), all);
  layer.bits("dns.flags.recdesired", "Recursion desired", bit(8), at + 2, 2, show("Do query recursively", "Don't do query recursively"), all);
  if (isResponse) {
    layer.bits("dns.flags.recavail", "Recursion available", bit(7), at + 2, 2, show("Server can do recursive queries", "Server can't do recursive queries"), all);
    layer.bits("dns.flags.rcode", "Reply code", flags & 15, at + 2, 2, (code) => `${RCODES[code] || "Unknown"} (${code})`, all);
  }
}

function questions(found, layer, count, base, from, end) {
  const group = layer.add("", "Queries", "", from, 0, "");
  let at = from;
  for (let i = 0; i < count; i++) {
    const [name, next] = readName(layer, base, at, end);
    layer.need(next, 4, end);
    const type = typeName(u16(layer.bytes, next));
    const one = layer.add("dns.qry", name || "<Root>", name, at, next + 4 - at, `type ${type}`, group);
    layer.add("dns.qry.name", "Name", name, at, next - at, name || "<Root>", one);
    layer.u16("dns.qry.type", "Type", next, (value) => `${typeName(value)} (${value})`, one);
    layer.u16("dns.qry.class", "Class", next + 2, (value) => (value === 1 ? "IN (0x0001)" : hex16(value)), one);
    found.info += ` ${type} ${name || "<Root>"}`;
    at = next + 4;
  }
  group.size = at - from;
  return at;
}

function typeName(type) {
  return TYPES[type] || `TYPE${type}`;
}

function record(found, layer, group, base, at, end, section) {
  const bytes = layer.bytes;
  const [name, next] = readName(layer, base, at, end);
  layer.need(next, 10, end);
  const type = u16(bytes, next), length = u16(bytes, next + 8);
  layer.need(next + 10, length, end);
  const place = next + 10;
  const [key, label, value, shown] = recordData(layer, base, type, place, length, end);
  const one = layer.add("dns.rr", name || "<Root>", name, at, place + length - at, `type ${typeName(type)}${shown ? `, ${shown}` : ""}`, group);
  layer.add("dns.resp.name", "Name", name, at, next - at, name || "<Root>", one);
  layer.u16("dns.resp.type", "Type", next, (number) => `${typeName(number)} (${number})`, one);
  if (type !== 41) {
    layer.u16("dns.resp.class", "Class", next + 2, (number) => (number === 1 ? "IN (0x0001)" : hex16(number)), one);
    layer.u32("dns.resp.ttl", "Time to live", next + 4, (seconds) => `${seconds} (${seconds} seconds)`, one);
  }
  layer.u16("dns.resp.len", "Data length", next + 8, String, one);
  if (length) layer.add(key, label, value, place, length, shown, one);
  if (section === 0) found.info += ` ${typeName(type)}${shown ? ` ${shown}` : ""}`;
  return place + length;
}

/** [key, name, value, text] of a record's data. */
function recordData(layer, base, type, at, length, end) {
  const bytes = layer.bytes;
  const nameAt = (place) => readName(layer, base, place, end)[0];
  if (type === 1 && length === 4) return withText("dns.a", "Address", ipv4(bytes, at));
  if (type === 28 && length === 16) return withText("dns.aaaa", "AAAA Address", ipv6(bytes, at));
  if (type === 2) return withText("dns.ns", "Name Server", nameAt(at));
  if (type === 5) return withText("dns.cname", "CNAME", nameAt(at));
  if (type === 12) return withText("dns.ptr.domain_name", "Domain Name", nameAt(at));
  if (type === 6) return withText("dns.soa.mname", "Primary name server", nameAt(at));
  if (type === 15 && length > 2) return withText("dns.mx.mail_exchange", "Mail Exchange", nameAt(at + 2), `${u16(bytes, at)} ${nameAt(at + 2)}`);
  if (type === 33 && length > 6) return withText("dns.srv.target", "Target", nameAt(at + 6), `${nameAt(at + 6)}:${u16(bytes, at + 4)}`);
  if (type === 16 && length) return withText("dns.txt", "TXT", latin1(bytes, at + 1, at + Math.min(length, 1 + bytes[at])));
  return withText("dns.data", "Data", hex(bytes, at, at + length), length ? `(${length} bytes)` : "");
}

function withText(key, name, value, text = value) {
  return [key, name, value, text];
}

/** A name and the place after it; a pointer leads back only, so that none leads in a circle (RFC 1035 4.1.4). */
function readName(layer, base, at, end) {
  const bytes = layer.bytes, labels = [];
  let after = -1, size = 0, from = at;
  for (;;) {
    layer.need(at, 1, end);
    const length = bytes[at];
    if (length === 0) return [labels.join("."), after < 0 ? at + 1 : after];
    if ((length & 0xc0) === 0xc0) {
      layer.need(at, 2, end);
      const target = base + (u16(bytes, at) & 0x3fff);
      if (target >= from) throw new CutShort("DNS: a name points to what does not stand before it");
      if (after < 0) after = at + 2;
      at = from = target;
      continue;
    }
    size += length + 1;
    if (length & 0xc0 || size > FARTHEST) throw new CutShort("DNS: a name is too long");
    layer.need(at + 1, length, end);
    labels.push(latin1(bytes, at + 1, at + 1 + length));
    at += length + 1;
  }
}

