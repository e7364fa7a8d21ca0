// A flow as its two ends see it: each message once, however many links it crosses, and what is remarkable about it.
//
// Read RFC 9293 3.3.2 and Wireshark's "TCP Analysis" first. The same in Python: sim/views/exchange.py, dialogue.py.

import { u16, u32 } from "./bytes.js";
import { flowIndex } from "./flows.js";
import { isSamePacket } from "./journeys.js";

const FIN = 1, SYN = 2, RST = 4, ACK = 16;
const cache = new WeakMap();

/** {client, server, messages, states, isTcp} of a flow, made once; null if there is no such flow. */
export function conversation(film, key) {
  let made = cache.get(film);
  if (!made || made.length !== film.length) cache.set(film, (made = { length: film.length, flows: new Map() }));
  if (!made.flows.has(key)) made.flows.set(key, build(film, key));
  return made.flows.get(key);
}

function build(film, key) {
  const flow = flowIndex(film).flows.get(key);
  if (!flow) return null;
  const rows = withTranslated(film, flow);
  const messages = gather(film, rows);
  const client = messages.find((one) => one.forward), server = messages.find((one) => !one.forward);
  const nodes = { client: client ? client.node : -1, server: server ? server.node : -1 };
  if (nodes.server < 0 && messages.length) nodes.server = film.receiver(messages[0].rows[messages[0].rows.length - 1]);
  if (nodes.client < 0 && messages.length) nodes.client = film.receiver(messages[0].rows[messages[0].rows.length - 1]);
  for (const message of messages) follow(film, message, message.forward ? nodes.server : nodes.client);
  const isTcp = film.brief(flow.rows[0]).tcp > 0;
  if (isTcp) analyse(film, messages);
  return { key, ...nodes, messages, isTcp, states: isTcp ? statesOf(film, messages, nodes) : { client: [], server: [] } };
}

/** [row, forward] of the flow's frames, with those to which a gateway has given other addresses or ports. */
function withTranslated(film, flow) {
  const { flows } = flowIndex(film);
  const first = film.brief(flow.rows[0]);
  const clients = new Map([[flow.key, end(first)]]); // who sends forward, by the key of each translated flow
  const waiting = [flow.key], found = [];
  while (waiting.length) {
    const key = waiting.pop();
    for (const row of flows.get(key).rows) {
      const forward = end(film.brief(row)) === clients.get(key);
      found.push([row, forward]);
      const near = film.children.get(film.id[row]) || [];
      const parent = film.rows.get(film.cause[row]);
      for (const other of parent === undefined ? near : [...near, parent]) {
        const about = film.brief(other);
        if (!about.flow || clients.has(about.flow) || !flows.has(about.flow)) continue;
        if (!(near.includes(other) ? isSamePacket(film, row, other) : isSamePacket(film, other, row))) continue;
        clients.set(about.flow, forward ? end(about) : `${about.destination}:${about.ports ? about.ports[1] : ""}`);
        waiting.push(about.flow);
      }
    }
  }
  return found.sort((a, b) => a[0] - b[0]);
}

function end({ source, ports }) {
  return `${source}:${ports ? ports[0] : ""}`;
}

/** Frames of one packet, hop by hop, as one message. */
function gather(film, rows) {
  const of = new Map(), messages = [];
  for (const [row, forward] of rows) {
    const parent = film.rows.get(film.cause[row]);
    let message = parent === undefined ? undefined : of.get(parent);
    if (!message || message.forward !== forward || message.node === film.sender(row)) {
      message = { forward, node: film.sender(row), sent: film.start[row], arrived: null, lost: null, rows: [], last: row, marks: [] };
      messages.push(message);
    }
    message.rows.push(row);
    of.set(row, message);
  }
  return messages.sort((a, b) => a.sent - b.sent || a.rows[0] - b.rows[0]);
}

/** Where a message got to. */
function follow(film, message, end) {
  for (const row of message.rows) {
    const id = film.id[row];
    const drop = (film.notesAbout.get(id) || []).find((index) => film.notes.kind[index] === "drop");
    const reason = film.lost.has(id) ? film.lost.get(id) : drop === undefined ? null : String(film.notes.detail[drop]);
    if (reason === null && film.receiver(row) === end && film.wasSent(row)) {
      if (message.arrived === null) [message.arrived, message.last, message.lost] = [film.arrival[row], row, null];
    } else if (reason !== null && message.arrived === null) {
      const where = film.lost.has(id) ? film.sender(row) : film.receiver(row);
      message.lost = `${film.nodeName(where)}: ${reason}`;
      message.died = drop === undefined ? film.start[row] : film.notes.time[drop];
    }
  }
}

// -- TCP

function analyse(film, messages) {
  const sides = [side(), side()];
  for (const message of messages) {
    const here = sides[message.forward ? 0 : 1], there = sides[message.forward ? 1 : 0];
    read(film, message, here, there);
    judge(message, here, there);
  }
}

function side() {
  return { initial: null, next: 0, acknowledged: 0, window: 0, duplicates: 0, scale: null, sent: new Set() };
}

function unwrap(number, near) {
  const away = (((number - near + 0x80000000) % 0x100000000) + 0x100000000) % 0x100000000;
  return near + away - 0x80000000;
}

function read(film, message, here, there) {
  const bytes = film.frame(message.rows[0]), at = film.brief(message.rows[0]).tcp;
  const header = (bytes[at + 12] >> 4) * 4;
  const flags = bytes[at + 13];
  const ip = ipStart(bytes);
  message.flags = flags;
  message.length = Math.max(ip + u16(bytes, ip + 2) - at - header, 0);
  if (here.initial === null) {
    here.initial = flags & SYN ? u32(bytes, at + 4) : (u32(bytes, at + 4) - 1) >>> 0;
    here.next = flags & SYN ? 0 : 1;
  }
  if (flags & ACK && there.initial === null) {
    there.initial = (u32(bytes, at + 8) - 1) >>> 0;
    there.next = 1;
  }
  message.seq = unwrap(u32(bytes, at + 4) - here.initial, here.next);
  message.ack = flags & ACK && there.initial !== null ? unwrap(u32(bytes, at + 8) - there.initial, there.next) : 0;
  message.end = message.seq + message.length + (flags & SYN ? 1 : 0) + (flags & FIN ? 1 : 0);
  message.blocks = [];
  readOptions(bytes, at + 20, at + header, (kind, place, size) => {
    if (kind === 3 && flags & SYN) here.scale = Math.min(bytes[place], 14);
    if (kind !== 5 || there.initial === null) return;
    for (let edge = place; edge + 8 <= place + size; edge += 8) {
      message.blocks.push([0, 4].map((by) => unwrap(u32(bytes, edge + by) - there.initial, there.next)));
    }
  });
  const scales = here.scale !== null && there.scale !== null && !(flags & SYN);
  message.window = u16(bytes, at + 14) * (scales ? 2 ** here.scale : 1);
}

function ipStart(bytes) {
  let at = 14;
  while (u16(bytes, at - 2) === 0x8100 || u16(bytes, at - 2) === 0x88a8) at += 4;
  return at;
}

function readOptions(bytes, at, end, take) {
  while (at < end && bytes[at] !== 0) {
    if (bytes[at] === 1) {
      at += 1;
      continue;
    }
    const size = bytes[at + 1];
    if (size < 2 || at + size > end) return;
    take(bytes[at], at + 2, size - 2);
    at += size;
  }
}

function judge(message, here, there) {
  const { flags, marks } = message;
  if (flags & RST) marks.push({ sort: "bad", word: "reset" });
  if (message.end > message.seq && !(flags & RST)) {
    if (message.seq < here.next && here.sent.has(message.seq)) {
      marks.push({ sort: "again", word: "retransmission" });
      message.isAgain = true;
    }
    here.sent.add(message.seq);
    here.next = Math.max(here.next, message.end);
  }
  if (!(flags & ACK) || flags & RST) return;
  const isEmpty = message.end === message.seq;
  if (isEmpty && message.ack === here.acknowledged && there.next > message.ack && (message.window === here.window || message.blocks.length)) {
    here.duplicates += 1;
    marks.push({ sort: "soft", word: "duplicateAck", values: { n: here.duplicates } });
  } else if (message.ack > here.acknowledged) here.duplicates = 0;
  if (message.blocks.length) marks.push({ sort: "sack", word: "sack", values: { blocks: message.blocks.map((edges) => edges.join("–")).join(" ") } });
  if (message.window === 0 && !(flags & SYN)) marks.push({ sort: "bad", word: "zeroWindow" });
  here.window = message.window;
  here.acknowledged = Math.max(here.acknowledged, message.ack);
}

/** {client, server}: [{time, state}] as the two hosts have noted them. */
function statesOf(film, messages, { client, server }) {
  const first = messages[0] && film.brief(messages[0].rows[0]), far = messages[0] && film.brief(messages[0].rows[messages[0].rows.length - 1]);
  if (!first) return { client: [], server: [] };
  const own = messages[0].forward ? first.ports : [...first.ports].reverse();
  const other = messages[0].forward ? far.ports : [...far.ports].reverse();
  const since = messages[0].sent, until = messages[messages.length - 1].sent;
  const of = (node, [local, remote]) => {
    const found = [];
    const { kind, node: nodes, time, detail } = film.notes;
    for (let i = 0; i < kind.length; i++) {
      if (kind[i] !== "tcp-state" || nodes[i] !== node || detail[i][0] !== local) continue;
      if (detail[i][1] !== remote && detail[i][1] !== 0) continue;
      if (detail[i][1] === 0 && time[i] > since) continue;
      if (time[i] > until && detail[i][3] === "SYN-SENT") break;
      found.push({ time: time[i], state: String(detail[i][3]) });
    }
    return found;
  };
  return { client: of(client, own), server: of(server, [...other].reverse()) };
}
