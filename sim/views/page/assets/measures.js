// What charts compute from the frames: sequence numbers, round trips, throughput, drops.

import { conversation } from "./conversation.js";
import { flowIndex } from "./flows.js";
import { countUpTo, firstWhere } from "./numbers.js";

/** {sent, again, acknowledged}: {times, values} of the bytes that the busier end has sent, and of what came back. */
export function sequencePoints(film, flow) {
  const talk = conversation(film, flow);
  const cached = talk && talk.sequence;
  if (cached) return cached;
  const found = { sent: columns(), again: columns(), acknowledged: columns() };
  if (!talk) return found;
  let forward = 0, back = 0;
  for (const message of talk.messages) {
    if (message.forward) forward += message.length;
    else back += message.length;
  }
  const way = forward >= back;
  for (const message of talk.messages) {
    if (message.forward === way && message.length) push(message.isAgain ? found.again : found.sent, message.sent, message.seq);
    else if (message.forward !== way && message.arrived !== null && message.flags & 16) push(found.acknowledged, message.arrived, message.ack);
  }
  found.acknowledged = sorted(found.acknowledged);
  talk.sequence = found;
  return found;
}

function columns() {
  return { times: [], values: [] };
}

function push(to, time, value) {
  to.times.push(time);
  to.values.push(value);
}

function sorted({ times, values }) {
  const order = times.map((_, i) => i).sort((a, b) => times[a] - times[b]);
  return { times: order.map((i) => times[i]), values: order.map((i) => values[i]) };
}

/** From sending data to its acknowledgment, for what was sent once only (Karn). */
export function roundTrips(film, flow) {
  const talk = conversation(film, flow);
  const found = columns();
  if (!talk) return found;
  for (const way of [true, false]) {
    const waiting = [];
    for (const message of [...talk.messages].filter((one) => one.forward === way || one.arrived !== null).sort((a, b) => moment(a, way) - moment(b, way))) {
      if (message.forward === way && message.end > message.seq && !message.isAgain) waiting.push(message);
      else if (message.forward !== way && message.flags & 16) {
        let newest = null;
        while (waiting.length && waiting[0].end <= message.ack) newest = waiting.shift();
        if (newest && newest.end === message.ack) push(found, message.arrived, message.arrived - newest.sent);
      }
    }
  }
  return sorted(found);
}

function moment(message, way) {
  return message.forward === way ? message.sent : message.arrived;
}

/** {names, rates(index, from, to, count)}: bits per second as bars, of a flow by direction, else of a port, or of all links
 * together, which has no name. */
export function throughputBins(film, flow, port) {
  if (flow) {
    const talk = conversation(film, flow);
    const [client, server] = talk ? [film.nodeName(talk.client), film.nodeName(talk.server)] : ["", ""];
    const ways = [true, false].map((way) => {
      const found = columns();
      for (const message of talk ? talk.messages : []) {
        if (message.forward === way && message.arrived !== null) push(found, message.arrived, film.size(message.last));
      }
      return sorted(found);
    });
    return { names: [`${client} → ${server}`, `${server} → ${client}`], rates: (index, from, to, count) => sums(ways[index], from, to, count, 8e9) };
  }
  const found = columns();
  for (const row of film.order) {
    if (film.wasSent(row) && (port < 0 || film.port[row] === port)) push(found, film.arrival[row], film.size(row));
  }
  const all = sorted(found);
  return { names: [port < 0 ? null : film.portName(port)], rates: (_, from, to, count) => sums(all, from, to, count, 8e9) };
}

/** Sums of values in `count` equal parts of time, times `factor` per ns: {times, values, width}. */
function sums({ times, values }, from, to, count, factor) {
  const width = (to - from) / count, bins = new Array(count).fill(0);
  const first = firstWhere(0, times.length, (i) => times[i] >= from);
  for (let i = first; i < times.length && times[i] <= to; i++) bins[Math.min(count - 1, Math.floor((times[i] - from) / width))] += values[i];
  return { times: bins.map((_, i) => from + i * width), values: bins.map((sum) => (factor ? (sum * factor) / width : sum)), width };
}

export function dropBins(film, flow, port, from, to, count) {
  const rows = flow ? new Set((flowIndex(film).flows.get(flow) || { rows: [] }).rows) : null;
  const found = columns();
  const first = countUpTo(film.deathTimes, from - 1);
  for (let i = first; i < film.deaths.length && film.deathTimes[i] <= to; i++) {
    const { row, time } = film.deaths[i];
    if (rows && !rows.has(row)) continue;
    if (port >= 0 && (row < 0 || film.port[row] !== port)) continue;
    push(found, time, 1);
  }
  return sums(found, from, to, count, 0);
}
