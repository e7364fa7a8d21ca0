// Flows: the frames of a TCP connection, of UDP between two ports, of a ping; and where TCP's numbers begin.

import { u32 } from "./bytes.js";

const indexes = new WeakMap();

/** The index of a film's flows, brought up to date: {flows: Map of key to {key, rows}, starts: Map}. */
export function flowIndex(film) {
  let index = indexes.get(film);
  if (!index) indexes.set(film, (index = { read: 0, flows: new Map(), starts: new Map() }));
  for (; index.read < film.length; index.read++) {
    const row = index.read, about = film.brief(row);
    if (!about.flow) continue;
    const flow = index.flows.get(about.flow);
    if (flow) flow.rows.push(row);
    else index.flows.set(about.flow, { key: about.flow, rows: [row] });
    if (about.tcp) noteStart(index.starts, film.frame(row), about, row);
  }
  return index;
}

/** Remember where the numbers of a direction begin: at its SYN, else before the first that is seen of it. */
function noteStart(starts, bytes, about, row) {
  const at = about.tcp, isSyn = bytes[at + 13] & 2;
  const key = direction(about), known = starts.get(key);
  const seq = u32(bytes, at + 4);
  if (!known) starts.set(key, [[row, isSyn ? seq : (seq - 1) >>> 0]]);
  else if (isSyn && known[known.length - 1][1] !== seq) known.push([row, seq]);
}

function direction({ source, destination, ports }) {
  return `${source}:${ports[0]}>${destination}:${ports[1]}`;
}

/** {seq, ack}: what TCP's numbers of a frame are counted from; null for what is no TCP. */
export function conversationBase(film, row) {
  const about = film.brief(row);
  if (!about.tcp) return null;
  const { starts } = flowIndex(film);
  const back = { source: about.destination, destination: about.source, ports: [about.ports[1], about.ports[0]] };
  const seq = lastBefore(starts.get(direction(about)), row);
  const ack = lastBefore(starts.get(direction(back)), row);
  const number = u32(film.frame(row), about.tcp + 8);
  return { seq: seq === null ? 0 : seq, ack: ack === null ? (number - 1) >>> 0 : ack };
}

function lastBefore(known, row) {
  if (!known) return null;
  let found = known[0][1];
  for (const [at, seq] of known) if (at <= row) found = seq;
  return found;
}

/** Flows by when they begin. */
export function allFlows(film) {
  return [...flowIndex(film).flows.values()];
}
