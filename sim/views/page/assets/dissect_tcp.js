// TCP's header and options (RFC 9293 3.1), with Wireshark's names.

import { checksum, hex, hexNumber, u16, u32 } from "./bytes.js";
import { dissectPayload } from "./dissect_payload.js";
import { CutShort, Layer, hex16, yesNo } from "./layer.js";

const FLAGS = [
  ["ae", "Accurate ECN", 8], ["cwr", "Congestion Window Reduced", 7], ["ece", "ECN-Echo", 6], ["urg", "Urgent", 5],
  ["ack", "Acknowledgment", 4], ["push", "Push", 3], ["reset", "Reset", 2], ["syn", "Syn", 1], ["fin", "Fin", 0],
];
const SHORT = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"];

/** `SYN, ACK`, in Wireshark's order. */
export function flagNames(flags) {
  return SHORT.filter((_, bit) => flags & (1 << bit)).join(", ") || "<None>";
}

export function dissectTcp(found, { bytes, at, end, source, quoted }) {
  const layer = new Layer(bytes, "tcp", "Transmission Control Protocol", at, 20);
  found.layers.push(layer);
  const ports = [u16(bytes, at), u16(bytes, at + 2)];
  if (quoted && end - at < 20) {
    layer.size = 8;
    layer.title = `Transmission Control Protocol, Src Port: ${ports[0]}, Dst Port: ${ports[1]}`;
    layer.u16("tcp.srcport", "Source Port", at);
    layer.u16("tcp.dstport", "Destination Port", at + 2);
    layer.u32("tcp.seq_raw", "Sequence Number (raw)", at + 4);
    return;
  }
  layer.need(at, 20, end);
  const header = (bytes[at + 12] >> 4) * 4, flags = u16(bytes, at + 12) & 0xfff;
  const numbers = { seq: u32(bytes, at + 4), ack: u32(bytes, at + 8) };
  const base = quoted ? null : found.relative;
  const shown = base ? { seq: (numbers.seq - base.seq) >>> 0, ack: (numbers.ack - base.ack) >>> 0 } : numbers;
  const size = Math.max(end - at - header, 0);
  layer.size = header;
  layer.title = `Transmission Control Protocol, Src Port: ${ports[0]}, Dst Port: ${ports[1]}, Seq: ${shown.seq}${flags & 16 ? `, Ack: ${shown.ack}` : ""}, Len: ${size}`;
  layer.u16("tcp.srcport", "Source Port", at);
  layer.u16("tcp.dstport", "Destination Port", at + 2);
  layer.add("tcp.len", "TCP Segment Len", size, at + 12, 1);
  if (base) layer.add("tcp.seq", "Sequence Number", shown.seq, at + 4, 4, `${shown.seq} (relative)`);
  layer.u32("tcp.seq_raw", "Sequence Number (raw)", at + 4);
  if (base && flags & 16) layer.add("tcp.ack", "Acknowledgment Number", shown.ack, at + 8, 4, `${shown.ack} (relative)`);
  layer.u32("tcp.ack_raw", "Acknowledgment number (raw)", at + 8);
  layer.bits("tcp.hdr_len", "Header Length", header, at + 12, 1, (length) => `${length} bytes (${length / 4})`);
  const word = layer.add("tcp.flags", "Flags", flags, at + 12, 2, `${hexNumber(flags, 3)} (${flagNames(flags)})`);
  for (const [key, name, bit] of FLAGS) {
    layer.bits(`tcp.flags.${key}`, name, (flags >> bit) & 1, bit > 7 ? at + 12 : at + 13, 1, yesNo, word);
  }
  layer.u16("tcp.window_size_value", "Window", at + 14);
  layer.u16("tcp.checksum", "Checksum", at + 16, (sum) => hex16(sum) + (quoted ? "" : verdict(bytes, at, end, source)));
  layer.u16("tcp.urgent_pointer", "Urgent Pointer", at + 18);
  if (header < 20) throw new CutShort(`TCP: data offset ${header}`);
  layer.need(at, header, end);
  const words = header > 20 ? dissectOptions(layer, at + 20, at + header) : [];
  if (quoted) return;
  if (size) layer.lazy("tcp.payload", "TCP payload", at + header, size, `(${size} bytes)`, () => hex(bytes, at + header, Math.min(end, bytes.length)));
  found.protocol = "TCP";
  const ack = flags & 16 ? ` Ack=${shown.ack}` : "";
  found.info = [`${ports[0]} → ${ports[1]} [${flagNames(flags & 255)}] Seq=${shown.seq}${ack} Win=${u16(bytes, at + 14)} Len=${size}`, ...words].join(" ");
  if (size) dissectPayload(found, bytes, at + header, end, ports, true, null);
}

function verdict(bytes, at, end, [from, width]) {
  if (end > bytes.length) return " [unverified]";
  const pseudo = 0xffff & ~checksum(bytes, from, from + 2 * width, 6 + end - at);
  return checksum(bytes, at, end, pseudo) ? " [incorrect]" : " [correct]";
}

/** The options as fields; returns them as words for the line. */
function dissectOptions(layer, from, end) {
  const bytes = layer.bytes, words = [];
  const all = layer.add("tcp.options", "Options", hex(bytes, from, end), from, end - from, `(${end - from} bytes)`);
  for (let at = from; at < end; ) {
    const kind = bytes[at];
    if (kind === 0) {
      layer.add("tcp.options.eol", "TCP Option - End of Option List (EOL)", 0, at, 1, "", all);
      break;
    }
    if (kind === 1) {
      layer.add("tcp.options.nop", "TCP Option - No-Operation (NOP)", 1, at, 1, "", all);
      at += 1;
      continue;
    }
    const length = at + 1 < end ? bytes[at + 1] : 0;
    if (length < 2 || at + length > end) throw new CutShort(`TCP: option ${kind} of length ${length}`);
    words.push(...dissectOption(layer, all, kind, at, length));
    at += length;
  }
  return words;
}

function dissectOption(layer, all, kind, at, length) {
  const bytes = layer.bytes;
  if (kind === 2 && length === 4) {
    layer.u16("tcp.options.mss_val", "Maximum segment size", at + 2, (value) => `${value} bytes`, all);
    return [`MSS=${u16(bytes, at + 2)}`];
  }
  if (kind === 3 && length === 3) {
    layer.u8("tcp.options.wscale.shift", "Window scale", at + 2, (shift) => `${shift} (multiply by ${2 ** shift})`, all);
    return [`WS=${2 ** bytes[at + 2]}`];
  }
  if (kind === 4 && length === 2) {
    layer.add("tcp.options.sack_perm", "SACK permitted", 1, at, 2, "", all);
    return ["SACK_PERM"];
  }
  if (kind === 8 && length === 10) {
    layer.u32("tcp.options.timestamp.tsval", "Timestamp value", at + 2, String, all);
    layer.u32("tcp.options.timestamp.tsecr", "Timestamp echo reply", at + 6, String, all);
    return [`TSval=${u32(bytes, at + 2)} TSecr=${u32(bytes, at + 6)}`];
  }
  if (kind === 5 && length % 8 === 2) {
    const words = [];
    for (let edge = at + 2; edge < at + length; edge += 8) {
      layer.u32("tcp.options.sack_le", "SACK left edge", edge, String, all);
      layer.u32("tcp.options.sack_re", "SACK right edge", edge + 4, String, all);
      words.push(`SLE=${u32(bytes, edge)} SRE=${u32(bytes, edge + 4)}`);
    }
    return words;
  }
  layer.add("tcp.options.unknown", `TCP Option ${kind}`, hex(bytes, at, at + length), at, length, `(${length} bytes)`, all);
  return [`option-${kind}`];
}
