// What TCP and UDP carry: DNS, DHCP, HTTP, TLS, NTP, VXLAN by port or by look; everything else is data.

import { ascii, hex, latin1, u16, u32 } from "./bytes.js";
import { dissectDhcp } from "./dissect_dhcp.js";
import { dissectDns } from "./dissect_dns.js";
import { Layer, hex16, named } from "./layer.js";

const RECORDS = { 20: "Change Cipher Spec", 21: "Alert", 22: "Handshake", 23: "Application Data" };
const HANDSHAKES = {
  0: "Hello Request", 1: "Client Hello", 2: "Server Hello", 4: "New Session Ticket", 8: "Encrypted Extensions",
  11: "Certificate", 12: "Server Key Exchange", 13: "Certificate Request", 14: "Server Hello Done",
  15: "Certificate Verify", 16: "Client Key Exchange", 20: "Finished",
};
const VERSIONS = { 0x0301: "TLS 1.0", 0x0302: "TLS 1.1", 0x0303: "TLS 1.2", 0x0304: "TLS 1.3" };
const LINE = /^(GET|POST|PUT|HEAD|DELETE|OPTIONS|PATCH|CONNECT|TRACE) (\S+)(?: (HTTP\/[\d.]+))?(?:\r\n|$)|^(HTTP\/[\d.]+) (\d{3}) ?([^\r\n]*)(?:\r\n|$)/;
const LONGEST_HEADER = 16384;

export function dissectPayload(found, bytes, at, limit, ports, isStream, dissectFrame) {
  const end = Math.min(limit, bytes.length); // the rest may not be here
  if (at >= end) {
    dissectData(found, bytes, at, limit);
    return;
  }
  if (ports.includes(53)) {
    const from = isStream ? at + 2 : at; // RFC 7766 8: a length stands before it
    if (end - from >= 12 && dissectDns(found, bytes, from, isStream ? Math.min(end, from + u16(bytes, at)) : end)) return;
  } else if (!isStream && (ports[1] === 67 || ports[1] === 68)) {
    if (dissectDhcp(found, bytes, at, end)) return;
  } else if (!isStream && ports.includes(123) && end - at >= 48) {
    dissectNtp(found, bytes, at, end);
    return;
  } else if (!isStream && (ports[1] === 4789 || ports[1] === 8472) && end - at >= 22) {
    dissectVxlan(found, bytes, at, end, dissectFrame);
    return;
  } else if (isStream && dissectHttp(found, bytes, at, end)) return;
  else if (isStream && bytes[at] >= 20 && bytes[at] <= 23 && bytes[at + 1] === 3 && end - at > 5) {
    dissectTls(found, bytes, at, end);
    return;
  }
  dissectData(found, bytes, at, limit);
}

export function dissectData(found, bytes, at, limit) {
  if (at >= limit) return;
  const end = Math.min(limit, bytes.length);
  const layer = new Layer(bytes, "data", "Data", at, limit - at);
  layer.title = `Data (${limit - at} bytes)`;
  const most = Math.min(end, at + 32);
  layer.lazy("data.data", "Data", at, end - at, hex(bytes, at, most) + (most < end ? "…" : ""), () => hex(bytes, at, end));
  layer.lazy("data.text", "Text", at, end - at, ascii(bytes, at, Math.min(end, at + 64)) + (at + 64 < end ? "…" : ""), () => latin1(bytes, at, end));
  layer.add("data.len", "Length", limit - at, at, limit - at);
  found.layers.push(layer);
}

function dissectHttp(found, bytes, at, end) {
  const first = bytes[at];
  if (first < 65 || first > 90) return false;
  const text = latin1(bytes, at, Math.min(end, at + LONGEST_HEADER));
  const line = LINE.exec(text);
  if (!line) return false;
  const layer = new Layer(bytes, "http", "Hypertext Transfer Protocol", at, end - at);
  found.layers.push(layer);
  found.protocol = "HTTP";
  found.info = line[0].trimEnd();
  const top = layer.add("http", "Start line", line[0].trimEnd(), at, line[0].length, found.info);
  if (line[1]) {
    layer.add("http.request.method", "Request Method", line[1], at, line[1].length, line[1], top);
    layer.add("http.request.uri", "Request URI", line[2], at + line[1].length + 1, line[2].length, line[2], top);
    if (line[3]) layer.add("http.request.version", "Request Version", line[3], at + line[1].length + line[2].length + 2, line[3].length, line[3], top);
  } else {
    layer.add("http.response.version", "Response Version", line[4], at, line[4].length, line[4], top);
    layer.add("http.response.code", "Status Code", Number(line[5]), at + line[4].length + 1, 3, line[5], top);
    layer.add("http.response.phrase", "Response Phrase", line[6], at + line[4].length + 5, line[6].length, line[6], top);
  }
  let from = line[0].length;
  while (from < text.length) {
    const next = text.indexOf("\r\n", from);
    if (next < 0 || next === from) break;
    const colon = text.indexOf(":", from);
    const inside = colon > 0 && colon < next;
    const name = inside ? text.slice(from, colon) : "";
    const value = inside ? text.slice(colon + 1, next).trim() : text.slice(from, next);
    layer.add(headerKey(name), name || "Header", value, at + from, next - from);
    from = next + 2;
  }
  const body = text.startsWith("\r\n", from) ? from + 2 : text.length;
  if (at + body < end && body < text.length) {
    const size = end - at - body;
    layer.lazy("http.file_data", "File Data", at + body, size, `${size} bytes`, () => latin1(bytes, at + body, end));
    layer.size = body;
    dissectData(found, bytes, at + body, end);
  }
  return true;
}

function headerKey(name) {
  return name ? `http.${name.toLowerCase().replaceAll("-", "_")}` : "http.line";
}

function dissectTls(found, bytes, at, end) {
  const names = [];
  found.protocol = "TLS";
  while (end - at > 5 && RECORDS[bytes[at]] && bytes[at + 1] === 3) {
    const length = u16(bytes, at + 3);
    const layer = new Layer(bytes, "tls", "Transport Layer Security", at, Math.min(length + 5, end - at));
    found.layers.push(layer);
    layer.u8("tls.record.content_type", "Content Type", at, named(RECORDS));
    layer.u16("tls.record.version", "Version", at + 1, (version) => `${VERSIONS[version] || "Unknown"} (${hex16(version)})`);
    layer.u16("tls.record.length", "Length", at + 3);
    let name = RECORDS[bytes[at]];
    if (bytes[at] === 22 && HANDSHAKES[bytes[at + 5]]) {
      name = HANDSHAKES[bytes[at + 5]];
      layer.u8("tls.handshake.type", "Handshake Type", at + 5, named(HANDSHAKES));
    }
    layer.title = `Transport Layer Security: ${name}`;
    names.push(name);
    at += length + 5;
  }
  found.info = names.join(", ") || "Continuation Data";
}

function dissectNtp(found, bytes, at, end) {
  const layer = new Layer(bytes, "ntp", "Network Time Protocol", at, end - at);
  const modes = { 1: "symmetric active", 2: "symmetric passive", 3: "client", 4: "server", 5: "broadcast" };
  const flags = bytes[at];
  layer.title = `Network Time Protocol (NTP Version ${(flags >> 3) & 7}, ${modes[flags & 7] || flags & 7})`;
  layer.bits("ntp.flags.li", "Leap Indicator", flags >> 6, at, 1);
  layer.bits("ntp.flags.vn", "Version number", (flags >> 3) & 7, at, 1);
  layer.bits("ntp.flags.mode", "Mode", flags & 7, at, 1, named(modes));
  layer.u8("ntp.stratum", "Peer Clock Stratum", at + 1);
  ["Reference", "Origin", "Receive", "Transmit"].forEach((name, index) => {
    const place = at + 16 + 8 * index;
    const text = `${u32(bytes, place)}.${String(Math.floor((u32(bytes, place + 4) / 2 ** 32) * 1e9)).padStart(9, "0")}`;
    layer.add(`ntp.${["reftime", "org", "rec", "xmt"][index]}`, `${name} Timestamp`, text, place, 8);
  });
  found.layers.push(layer);
  found.protocol = "NTP";
  found.info = layer.title.replace("Network Time Protocol (", "").slice(0, -1);
}

function dissectVxlan(found, bytes, at, end, dissectFrame) {
  const layer = new Layer(bytes, "vxlan", "Virtual eXtensible Local Area Network", at, 8);
  found.layers.push(layer);
  layer.u16("vxlan.flags", "Flags", at, hex16);
  layer.add("vxlan.vni", "VXLAN Network Identifier (VNI)", u32(bytes, at + 4) >>> 8, at + 4, 3);
  dissectFrame(found, bytes, at + 8, end);
}
