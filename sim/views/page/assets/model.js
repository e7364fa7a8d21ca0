// What the reader looks at: the time, the opened frame, the filter, the panel... and who wants to know when it changes.

import { compile } from "./filter.js";
import { countUpTo, firstWhere } from "./numbers.js";

export class Model {
  constructor(film) {
    this.film = film;
    this.time = 0;
    this.row = -1; // the opened frame
    this.device = -1; // the node whose tables are shown
    this.flow = ""; // of the ladder
    this.filter = "";
    this.problem = null; // what is wrong with the filter: {word, values}
    this.journey = 0; // the root whose frames alone are shown, 0 for all
    this.panel = "frame";
    [this.from, this.to] = busyPart(film); // the part of the run that scrubber and charts show
    this.playing = false;
    this.follows = false; // plays on at the end, for a run that goes on
    this.netSpeed = 0; // and how fast that goes on, in seconds per second; 0 while it stands still
    this.speed = 0; // ns of the run per second, 0: as it suits
    this.pace = 0; // the speed at which time runs, where it was chosen for the reader
    this.skips = true; // quiet times are passed over
    this.language = "en";
    this.theme = "light";
    this.visible = film.order;
    this.listeners = [];
    this.eventTimes = null;
    this.test = null;
  }

  /** Call `listener(model, changed)` whenever one of `names` has changed; with all of them it is called at once. */
  on(names, listener) {
    this.listeners.push([names.split(" "), listener]);
    listener(this, new Set(names.split(" ")));
  }

  set(changes) {
    const changed = new Set();
    for (const [name, value] of Object.entries(changes)) {
      if (this[name] === value) continue;
      this[name] = value;
      changed.add(name);
    }
    if (changed.has("filter") || changed.has("journey")) {
      this.choose();
      changed.add("visible");
    }
    this.tell(changed);
  }

  tell(changed) {
    if (!changed.size) return;
    for (const [names, listener] of this.listeners) {
      if (names.some((name) => changed.has(name))) listener(this, changed);
    }
  }

  /** Take more of a run that goes on. */
  append(part) {
    const film = this.film, whole = this.from === 0 && this.to >= film.end;
    film.append(part);
    this.choose();
    const changed = new Set(["film", "visible"]);
    if (whole) {
      this.to = Math.max(film.end, 1);
      changed.add("to");
    }
    this.tell(changed);
  }

  /** Which frames the filter and the journey let through. */
  choose() {
    const film = this.film;
    const { test, problem } = compile(this.filter);
    this.problem = problem;
    if (!problem) this.test = test;
    const passes = this.test, root = this.journey;
    this.visible = passes || root
      ? film.order.filter((row) => (!root || film.root[row] === root) && (!passes || passes(film, row)))
      : film.order;
    this.eventTimes = null;
  }

  /** Whether a frame is among the visible ones. */
  shows(row) {
    return (!this.journey || this.film.root[row] === this.journey) && (!this.test || this.test(this.film, row));
  }

  get isFiltered() {
    return this.visible !== this.film.order;
  }

  /** How many of the visible frames have started at `time`. */
  started(time = this.time) {
    const { start } = this.film, rows = this.visible;
    return firstWhere(0, rows.length, (i) => start[rows[i]] > time);
  }

  /** The place of a row among the visible ones, or of the one after where it would be. */
  placeOf(row) {
    const { rank } = this.film, rows = this.visible;
    return firstWhere(0, rows.length, (i) => rank[rows[i]] >= rank[row]);
  }

  // -- moving

  goto(time) {
    this.set({ time: Math.min(Math.max(time, 0), this.film.end), playing: false });
  }

  open(row, more = {}) {
    if (row < 0 || row >= this.film.length) return;
    const flow = this.film.brief(row).flow;
    this.set({ row, time: this.film.start[row], playing: false, ...(flow ? { flow } : {}), ...more });
  }

  /** To the next visible frame, or back to the one before (`by` -1). */
  stepFrame(by) {
    const rows = this.visible;
    const here = this.row >= 0 && this.film.start[this.row] === this.time ? this.placeOf(this.row) : -1;
    const stands = here >= 0 && rows[here] === this.row;
    const place = stands ? here + by : by > 0 ? this.startedBefore() : this.startedBefore() - 1;
    if (place >= 0 && place < rows.length) this.open(rows[place]);
    else this.goto(by > 0 ? this.film.end : 0);
  }

  startedBefore() {
    const { start } = this.film, rows = this.visible, time = this.time;
    return firstWhere(0, rows.length, (i) => start[rows[i]] >= time);
  }

  /** To the next instant at which something happens: a frame leaves, arrives or is dropped, a link or device changes. */
  stepEvent(by) {
    const times = this.events();
    const after = countUpTo(times, this.time);
    const index = by > 0 ? after : firstWhere(0, times.length, (i) => times[i] >= this.time) - 1;
    this.goto(index < 0 ? 0 : index >= times.length ? this.film.end : times[index]);
  }

  events() {
    if (this.eventTimes) return this.eventTimes;
    const film = this.film, times = [];
    for (const row of this.visible) {
      times.push(film.start[row]);
      if (film.arrival[row] >= 0) times.push(film.arrival[row]);
    }
    for (const death of film.deaths) if (death.row < 0 || this.shows(death.row)) times.push(death.time);
    for (const change of film.changes) times.push(change.time);
    const sorted = Float64Array.from(times).sort();
    return (this.eventTimes = sorted.filter((time, i) => i === 0 || time !== sorted[i - 1]));
  }

  /** The part of the run that is shown, at least a microsecond of it. */
  zoom(from, to) {
    const end = Math.max(this.film.end, 1);
    const span = Math.min(Math.max(to - from, 1000), end);
    const left = Math.min(Math.max(from, 0), end - span);
    this.set({ from: left, to: left + span });
  }

  /** Zoom by a factor, with `time` staying where it is. */
  zoomAround(time, factor) {
    this.zoom(time - (time - this.from) * factor, time + (this.to - time) * factor);
  }
}

const NEARLY_ALL = 0.95, MUCH_LESS = 0.2;

/** All of a run; or where nearly all of its frames are, if that is a small part of it. */
function busyPart(film) {
  const { order, start, end } = film;
  const last = order.length ? start[order[Math.floor((order.length - 1) * NEARLY_ALL)]] : end;
  return last > 0 && last < end * MUCH_LESS ? [0, Math.min(last * 1.15, end)] : [0, Math.max(end, 1)];
}
