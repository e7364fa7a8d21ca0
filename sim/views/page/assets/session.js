// What is known of the network that runs: its state, its links and consoles; and what can be asked of it.

import { Connection } from "./connection.js";
import { Film } from "./film.js";

const GATHER = 120; // ms for which parts are gathered before the page is drawn anew
const SHOWN = 30e9; // ns of the run that the scrubber shows, unless the reader wants something else
const KEPT_TEXT = 20000; // characters of a console

export class Session {
  constructor(path) {
    this.path = path;
    this.connection = "connecting"; // its state
    this.now = 0;
    this.state = "running";
    this.speed = 1;
    this.lag = 0;
    this.missed = 0;
    this.letGo = 0;
    this.links = [];
    this.dark = new Set();
    this.busy = new Set();
    this.consoles = new Map();
    this.can = {};
    this.verbs = {};
    this.positions = new Map();
    this.error = "";
    this.parts = [];
    this.timer = 0;
    this.listeners = [];
    this.window = null; // what the scrubber shows by our doing
  }

  /** Begin, once the page stands. */
  begin(model) {
    this.model = model;
    this.window = [model.from, model.to];
    this.server = new Connection(this.path, (message) => this.take(message), (state) => this.set({ connection: state }));
  }

  on(names, listener) {
    this.listeners.push([names.split(" "), listener]);
    listener();
  }

  set(changes) {
    Object.assign(this, changes);
    this.tell(Object.keys(changes));
  }

  tell(changed) {
    for (const [names, listener] of this.listeners) if (names.some((name) => changed.includes(name))) listener();
  }

  /** Ask the network for something. Who follows it is shown what comes of that, and not what was before. */
  ask(message) {
    if (this.model && this.model.follows && message.move === undefined) this.model.set({ time: this.model.film.end });
    if (!this.server) return Promise.reject(new Error("offline"));
    return this.server.ask(message);
  }

  take(message) {
    if (message.film) this.replace(message.film, message.live);
    else if (message.console !== undefined) this.hear(message.console, message.text);
    else if (message.positions) this.move(message.positions);
    else if (message.error !== undefined) this.set({ error: message.error });
    else {
      if (message.add) this.parts.push(message.add);
      this.clock(message);
    }
  }

  clock(message) {
    const { now, state, speed, lag, missed, letGo, dark, busy, links } = message;
    const changes = {};
    if (now !== undefined) Object.assign(changes, { now, state, speed, lag, missed, letGo });
    if (dark) changes.dark = new Set(dark);
    if (busy) changes.busy = new Set(busy);
    if (this.model && now !== undefined) this.model.netSpeed = state === "running" ? speed : 0;
    if (links) {
      for (const { link, ...rest } of links) {
        this.links[link] = rest;
        this.model.film.links[link].text = rest.text;
      }
      changes.links = this.links;
    }
    this.set(changes);
    if (!this.timer) this.timer = setTimeout(() => this.flush(), GATHER);
  }

  hear(node, text) {
    this.consoles.set(node, ((this.consoles.get(node) || "") + text).slice(-KEPT_TEXT));
    this.tell(["consoles"]);
  }

  move(positions) {
    for (const [node, place] of Object.entries(positions)) {
      if (place === null) this.positions.delete(node);
      else this.positions.set(node, place);
    }
    this.tell(["positions"]);
  }

  /** All there is so far, at the beginning, and when the oldest part of a long run was let go. */
  replace(data, live) {
    const { model } = this;
    const opened = model.row < 0 ? -1 : model.film.id[model.row];
    Object.assign(model.film, new Film(data));
    this.parts = [];
    this.links = live.links;
    live.links.forEach((link, index) => (model.film.links[index].text = link.text));
    this.consoles = new Map(Object.entries(live.consoles));
    this.positions = new Map(Object.entries(live.positions));
    this.set({ can: live.can, verbs: live.verbs, ...clockOf(live), dark: new Set(live.dark), busy: new Set(live.busy) });
    this.tell(["links", "consoles", "positions"]);
    model.row = model.film.rows.get(opened) ?? -1;
    this.flush();
  }

  /** Let the page have what has been gathered. */
  flush() {
    clearTimeout(this.timer);
    this.timer = 0;
    const { model } = this;
    for (const part of this.parts) model.film.append(part);
    const something = this.parts.length;
    this.parts = [];
    model.film.end = Math.max(this.now, model.film.end);
    const [from, to] = this.window;
    const ours = (model.from === from && model.to === to) || (model.from === 0 && model.to >= to);
    if (something || model.film.end === this.now) model.append({ end: this.now });
    if (ours) {
      const end = Math.max(model.film.end, 1);
      this.window = [Math.max(0, end - SHOWN), end];
      model.set({ from: this.window[0], to: this.window[1] });
    } else this.window = [-1, -1];
    if (model.follows && !model.playing) model.set({ playing: true });
  }
}

function clockOf({ now, state, speed, lag, missed, letGo }) {
  return { now, state, speed, lag, missed, letGo };
}
