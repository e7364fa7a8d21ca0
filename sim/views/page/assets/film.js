// A recording as columns, and the indexes that everything else asks. `append` takes more of it, for a run that goes on.
//
// A *row* is a place in the columns of frames, in the order of ids. A frame is on its link from `start` to `arrival`.

import { fromBase64, fromHex } from "./bytes.js";
import { brief } from "./brief.js";
import { countUpTo, firstWhere } from "./numbers.js";

const BLOCK = 256;
const NEVER_SENT = -1;

export class Film {
  constructor(data) {
    this.name = data.name || "";
    this.seed = data.seed;
    this.digest = data.digest || "";
    this.passed = data.passed === undefined ? null : data.passed;
    this.sampled = data.sampled || null;
    this.map = data.map || "";
    this.nodes = data.nodes;
    this.ports = data.ports;
    this.links = data.links;
    this.columns = data.columns || {};
    this.sentences = {}; // texts by language, as `notes.sentence` counts them
    this.end = 0;
    this.id = [];
    this.start = [];
    this.arrival = [];
    this.port = [];
    this.cause = [];
    this.bytes = [];
    this.lost = new Map();
    this.received = new Map();
    this.copies = new Set();
    this.root = []; // per row: the id of the root of its journey
    this.children = new Map(); // rows by the id of what caused them
    this.rows = new Map(); // row by id
    this.order = []; // rows by start
    this.rank = []; // per row: its place in `order`
    this.latest = []; // per block of `order`: the last arrival in it, and in all blocks up to it
    this.latestSoFar = [];
    this.blobs = [];
    this.sizes = []; // bytes of each blob: more than are here where only the beginning was kept
    this.briefs = [];
    this.notes = { time: [], about: [], node: [], kind: [], detail: [], sentence: [] };
    this.notesAbout = new Map(); // indexes of notes by what they are about
    this.origins = new Map(); // index of the note by the root's id
    this.deaths = []; // {time, row, node, reason, lost}, by time
    this.deathTimes = [];
    this.deathOf = new Map(); // of a frame, by its row
    this.changes = []; // links and devices that went up or down: {time, kind, link or node, up}
    this.tables = [];
    this.steps = [];
    this.series = [];
    this.nodeNumbers = new Map(this.nodes.map((node, index) => [node.name, index]));
    this.labelled = new Map(this.nodes.map((node, index) => [node.label === undefined ? node.name : node.label, index])); // as the map calls them
    this.portLinks = new Array(this.ports.length).fill(-1);
    this.links.forEach((link, index) => link.ends.forEach((port) => {
      if (port >= 0) this.portLinks[port] = index;
    }));
    this.append(data);
  }

  get length() {
    return this.id.length;
  }

  /** Take more rows, in the form of the data itself; every part may be missing. */
  append(part) {
    if (part.blobs) this.addBlobs(part.blobs);
    const first = this.length;
    if (part.frames) this.addFrames(part.frames);
    if (part.sentences) this.addSentences(part.sentences);
    if (part.notes) this.addNotes(part.notes);
    if (part.tables) for (const change of part.tables) this.tables.push(change);
    if (part.steps) this.takeSteps(part.steps);
    if (part.series) this.takeSeries(part.series);
    if (part.end !== undefined) this.end = Math.max(this.end, part.end);
    this.sort(first);
  }

  addBlobs({ lengths, sizes, data }) {
    const all = fromBase64(data);
    let at = 0;
    lengths.forEach((length, index) => {
      this.blobs.push(all.subarray(at, at + length));
      this.sizes.push(sizes ? sizes[index] : length);
      at += length;
    });
  }

  addSentences(sentences) {
    for (const [language, texts] of Object.entries(sentences)) {
      const known = this.sentences[language] || (this.sentences[language] = []);
      for (const text of texts) known.push(text);
    }
  }

  addFrames(frames) {
    for (let i = 0; i < frames.id.length; i++) {
      const row = this.length, id = frames.id[i], cause = frames.cause[i];
      this.rows.set(id, row);
      this.id.push(id);
      this.start.push(frames.start[i]);
      this.arrival.push(frames.arrival[i]);
      this.port.push(frames.port[i]);
      this.cause.push(cause);
      this.bytes.push(frames.bytes[i]);
      const parent = this.rows.get(cause);
      this.root.push(cause === 0 ? id : parent === undefined ? cause : this.root[parent]);
      if (cause !== 0) {
        const siblings = this.children.get(cause);
        if (siblings) siblings.push(row);
        else this.children.set(cause, [row]);
      }
      this.end = Math.max(this.end, frames.start[i]);
    }
    for (const [id, reason] of Object.entries(frames.lost || {})) this.lost.set(Number(id), reason);
    for (const [id, blob] of Object.entries(frames.received || {})) this.received.set(Number(id), blob);
    for (const id of frames.copies || []) this.copies.add(id);
  }

  addNotes(notes) {
    const kept = this.notes;
    for (let i = 0; i < notes.time.length; i++) {
      const index = kept.time.length;
      kept.time.push(notes.time[i]);
      kept.about.push(notes.about[i]);
      kept.node.push(notes.node[i]);
      kept.kind.push(notes.kind[i]);
      kept.detail.push(readable(notes.detail[i]));
      kept.sentence.push(notes.sentence ? notes.sentence[i] : -1);
      const about = this.notesAbout.get(notes.about[i]);
      if (about) about.push(index);
      else this.notesAbout.set(notes.about[i], [index]);
      this.takeNote(index);
    }
    this.deaths.sort((a, b) => a.time - b.time);
    this.deathTimes = this.deaths.map((death) => death.time);
    this.changes.sort((a, b) => a.time - b.time);
  }

  takeNote(index) {
    const { time, about, node, kind, detail } = this.notes;
    if (kind[index] === "drop") {
      const row = this.rows.get(about[index]);
      const lost = row !== undefined && this.lost.has(about[index]);
      const reason = String(detail[index]);
      const death = { time: time[index], row: row === undefined ? -1 : row, node: node[index], reason, lost };
      this.deaths.push(death);
      if (row !== undefined) this.deathOf.set(row, death);
    } else if (kind[index] === "origin") {
      this.origins.set(about[index], index);
    } else if (kind[index] === "link") {
      const [port, state] = detail[index];
      const number = this.ports.findIndex((one) => one.node === node[index] && one.name === port);
      const link = number < 0 ? -1 : this.portLinks[number];
      this.changes.push({ time: time[index], kind: "link", link, node: node[index], port, up: state === "up" });
    } else if (kind[index] === "power") {
      this.changes.push({ time: time[index], kind: "power", link: -1, node: node[index], up: detail[index] === "up" });
    }
  }

  /** Steps that are there already are given again when they have ended. */
  takeSteps(steps) {
    for (const step of steps) {
      const at = this.steps.findIndex((one) => one.number === step.number);
      if (at < 0) this.steps.push(step);
      else this.steps[at] = step;
    }
  }

  takeSeries(series) {
    for (const one of series) {
      const known = this.series.find((other) => other.subject === one.subject && other.name === one.name);
      if (!known) {
        this.series.push({ ...one, times: [...one.times], values: [...one.values] });
        continue;
      }
      for (let i = 0; i < one.times.length; i++) {
        known.times.push(one.times[i]);
        known.values.push(one.values[i]);
      }
    }
  }

  /** Put the rows from `first` on into the order of their starts. Only the tail that they touch is sorted again. */
  sort(first) {
    if (first === this.length) return;
    let earliest = Infinity;
    for (let row = first; row < this.length; row++) {
      earliest = Math.min(earliest, this.start[row]);
      this.order.push(row);
    }
    const from = firstWhere(0, first, (i) => this.start[this.order[i]] > earliest);
    const tail = this.order.splice(from);
    tail.sort((a, b) => this.start[a] - this.start[b] || a - b);
    for (const row of tail) {
      this.rank[row] = this.order.length;
      this.order.push(row);
    }
    for (let block = Math.floor(from / BLOCK); block * BLOCK < this.order.length; block++) {
      let latest = -Infinity;
      for (let i = block * BLOCK; i < Math.min(this.order.length, (block + 1) * BLOCK); i++) {
        latest = Math.max(latest, this.arrival[this.order[i]]);
      }
      this.latest[block] = latest;
      this.latestSoFar[block] = Math.max(latest, block ? this.latestSoFar[block - 1] : -Infinity);
    }
  }

  // -- what is asked

  /** How many frames have started at or before `time`, as a place in `order`. */
  started(time) {
    return firstWhere(0, this.order.length, (i) => this.start[this.order[i]] > time);
  }

  /** Rows of the frames that are on their links at `time`, by start. A frame that has just arrived still counts. */
  flying(time) {
    const found = [];
    for (let i = this.started(time) - 1; i >= 0; i--) {
      const block = Math.floor(i / BLOCK);
      if (this.latestSoFar[block] < time) break;
      if (this.latest[block] < time) {
        i = block * BLOCK;
        continue;
      }
      const row = this.order[i];
      if (this.arrival[row] >= time) found.push(row);
    }
    return found.reverse();
  }

  /** Drops with `from` < time <= `to`. */
  died(from, to) {
    return this.deaths.slice(countUpTo(this.deathTimes, from), countUpTo(this.deathTimes, to));
  }

  frame(row) {
    return this.blobs[this.bytes[row]];
  }

  /** How many bytes the frame has, whether they are all here or not. */
  size(row) {
    return this.sizes[this.bytes[row]];
  }

  /** The bytes that arrived: others than were sent if something happened on the way. */
  arrived(row) {
    const other = this.received.get(this.id[row]);
    return other === undefined ? this.frame(row) : this.blobs[other];
  }

  arrivedSize(row) {
    const other = this.received.get(this.id[row]);
    return other === undefined ? this.size(row) : this.sizes[other];
  }

  /** What kind of frame it is, and between whom: see brief.js. */
  brief(row) {
    const blob = this.bytes[row];
    return this.briefs[blob] || (this.briefs[blob] = brief(this.blobs[blob]));
  }

  wasSent(row) {
    return this.arrival[row] !== NEVER_SENT;
  }

  sender(row) {
    return this.ports[this.port[row]].node;
  }

  /** The node at the other end of the link, -1 if there is none. */
  receiver(row) {
    const peer = this.ports[this.port[row]].peer;
    return peer < 0 ? -1 : this.ports[peer].node;
  }

  link(row) {
    return this.portLinks[this.port[row]];
  }

  nodeName(node) {
    return node < 0 ? "" : this.nodes[node].name;
  }

  /** The name of a node as the map writes it. */
  nodeLabel(node) {
    return node < 0 ? "" : this.nodes[node].label === undefined ? this.nodes[node].name : this.nodes[node].label;
  }

  portName(port) {
    return port < 0 ? "" : `${this.nodes[this.ports[port].node].name}:${this.ports[port].name}`;
  }

  /** The state at `time` of links and devices whose state has changed by then: Map of index to "up" or not. */
  stateAt(time) {
    const links = new Map(), nodes = new Map();
    for (const change of this.changes) {
      if (change.time > time) break;
      if (change.kind === "link") links.set(change.link, change.up);
      else nodes.set(change.node, change.up);
    }
    return { links, nodes };
  }
}

/** A note's detail with addresses as bytes. */
function readable(detail) {
  if (Array.isArray(detail)) return detail.map(readable);
  if (detail !== null && typeof detail === "object" && typeof detail.hex === "string") return fromHex(detail.hex);
  return detail;
}
