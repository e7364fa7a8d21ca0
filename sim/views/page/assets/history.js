// The tables of devices at any time: changes in order, with checkpoints, so that no look has to begin at the start.

import { countUpTo } from "./numbers.js";

const EVERY = 128; // changes between two checkpoints

/** The history of one node's tables: from a checkpoint to any time in at most `EVERY` changes. */
export class History {
  constructor() {
    this.times = [];
    this.list = []; // [time, node, table, key, row or null]
    this.checkpoints = [];
    this.last = new Map();
  }

  add(change) {
    if (this.list.length % EVERY === 0) this.checkpoints.push(copy(this.last));
    this.list.push(change);
    this.times.push(change[0]);
    apply(this.last, change);
  }

  /** {tables: Map of table to Map of key to row, changed: changes of the last instant, time of it or null}. */
  at(time) {
    const count = countUpTo(this.times, time);
    if (!count) return { tables: new Map(), changed: [], time: null };
    const checkpoint = Math.floor((count - 1) / EVERY);
    const tables = copy(this.checkpoints[checkpoint]);
    for (let i = checkpoint * EVERY; i < count; i++) apply(tables, this.list[i]);
    let first = count - 1;
    while (first > 0 && this.times[first - 1] === this.times[count - 1]) first--;
    return { tables, changed: this.list.slice(first, count), time: this.times[count - 1] };
  }

  next(time) {
    const place = countUpTo(this.times, time);
    return place < this.times.length ? this.times[place] : null;
  }

  previous(time) {
    let place = countUpTo(this.times, time) - 1;
    while (place >= 0 && this.times[place] >= time) place--;
    return place >= 0 ? this.times[place] : null;
  }
}

function copy(tables) {
  return new Map([...tables].map(([name, rows]) => [name, new Map(rows)]));
}

function apply(tables, [, , name, key, row]) {
  let rows = tables.get(name);
  if (!rows) tables.set(name, (rows = new Map()));
  if (row === null) rows.delete(key);
  else rows.set(key, row);
}

const known = new WeakMap();

/** The histories of all nodes of a film, brought up to date. */
export function histories(film) {
  let index = known.get(film);
  if (!index) known.set(film, (index = { read: 0, nodes: new Map() }));
  for (; index.read < film.tables.length; index.read++) {
    const change = film.tables[index.read];
    if (!index.nodes.has(change[1])) index.nodes.set(change[1], new History());
    index.nodes.get(change[1]).add(change);
  }
  return index.nodes;
}
