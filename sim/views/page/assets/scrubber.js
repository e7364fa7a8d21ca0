// The scrubber: how many frames there were when, what was dropped, what changed, where steps began; and a hand on it.

import { family } from "./brief.js";
import { el, oncePerPicture } from "./dom.js";
import { clock, countUpTo, firstWhere, tickTime, ticks } from "./numbers.js";
import { word } from "./words.js";

const TOP = 16; // px for the marks above the histogram
const AXIS = 18; // and for the times below it
const WHOLE = 7; // and for the strip that shows which part of the run this is
const BUTTONS = 76; // px at the right of the axis that buttons take
const NEAR = 6;

export class Scrubber {
  constructor(model, box, tip) {
    this.model = model;
    this.tip = tip;
    this.box = box;
    this.canvas = el("canvas", { tabindex: "0", role: "slider", id: "scrubber", "aria-valuemin": "0" });
    const zoom = (text, name, action) => el("button", { type: "button", class: "icon", "data-title": name, onclick: action }, text);
    this.part = el("div", { class: "part" },
      zoom("−", "zoomOut", () => model.zoomAround(model.time, 2)), zoom("+", "zoomIn", () => model.zoomAround(model.time, 0.5)), zoom("⤢", "zoomAll", () => model.zoom(0, model.film.end)));
    box.append(this.canvas, this.part);
    this.draw = oncePerPicture(() => this.paint());
    new ResizeObserver(() => this.draw()).observe(box);
    model.on("time visible from to film theme language row", () => this.draw());
    model.on("from to time playing", () => this.follow());
    this.listen();
  }

  /** While time runs through a part of the run, the part goes with it. */
  follow() {
    const { time, from, to, playing } = this.model;
    if (!playing || time <= to || to - from >= this.model.film.end) return;
    this.model.zoom(time, time + (to - from));
  }

  timeAt(x) {
    const { from, to } = this.model;
    return from + ((to - from) * x) / Math.max(this.width, 1);
  }

  xOf(time) {
    const { from, to } = this.model;
    return ((time - from) / (to - from)) * this.width;
  }

  listen() {
    const { canvas, model } = this;
    let held = null;
    const move = (event) => {
      const box = canvas.getBoundingClientRect();
      const x = event.clientX - box.left;
      if (held === "time") model.goto(Math.round(this.timeAt(x)));
      else if (held === "whole") {
        const span = model.to - model.from;
        const middle = (x / this.width) * model.film.end;
        model.zoom(middle - span / 2, middle + span / 2);
      } else this.hover(event, x);
    };
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      const y = event.clientY - canvas.getBoundingClientRect().top;
      held = y > this.height - WHOLE - 2 && this.isZoomed ? "whole" : "time";
      this.tip.hide();
      move(event);
    });
    canvas.addEventListener("pointermove", move);
    canvas.addEventListener("pointerup", () => (held = null));
    canvas.addEventListener("pointercancel", () => (held = null));
    canvas.addEventListener("pointerleave", () => this.tip.hide());
    canvas.addEventListener("dblclick", () => model.zoom(0, model.film.end));
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      const x = event.clientX - canvas.getBoundingClientRect().left;
      if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
        const by = ((event.deltaX || event.deltaY) / this.width) * (model.to - model.from);
        model.zoom(model.from + by, model.to + by);
      } else model.zoomAround(this.timeAt(x), Math.exp(event.deltaY * 0.002));
    }, { passive: false });
    canvas.addEventListener("keydown", (event) => this.key(event));
  }

  key(event) {
    const { model } = this;
    const part = (model.to - model.from) / 20;
    const moves = { PageUp: model.time - part, PageDown: model.time + part, ArrowUp: model.time - part / 10, ArrowDown: model.time + part / 10, Home: 0, End: model.film.end };
    if (moves[event.key] === undefined) return;
    model.goto(Math.round(moves[event.key]));
    event.preventDefault();
    event.stopPropagation();
  }

  get isZoomed() {
    return this.model.to - this.model.from < this.model.film.end * 0.999;
  }

  hover(event, x) {
    const { film, language } = this.model;
    const near = this.nearest(x);
    const time = near ? near.time : this.timeAt(x);
    const lines = near ? [near.text] : [];
    this.tip.show(event, `${clock(time)} s`, ...lines, near ? "" : word(language, "filterCount", { count: film.started(time), all: film.length }));
  }

  /** What is marked beside the pointer. */
  nearest(x) {
    let best = null, least = NEAR;
    const look = (time, text) => {
      const away = Math.abs(this.xOf(time) - x);
      if (away < least) [best, least] = [{ time, text }, away];
    };
    const { film, language, from, to } = this.model;
    for (const death of film.died(from - 1, to)) look(death.time, `× ${film.nodeName(death.node)}: ${death.reason}`);
    for (const change of film.changes) look(change.time, changeText(film, change, language));
    for (const step of film.steps) if (step.started !== null) look(step.started, `${step.number}. ${stepName(step)}`);
    return best;
  }

  paint() {
    const { canvas, box } = this;
    this.width = box.clientWidth;
    this.height = box.clientHeight;
    if (!this.width || !this.height) return;
    const ratio = devicePixelRatio || 1;
    if (canvas.width !== Math.round(this.width * ratio) || canvas.height !== Math.round(this.height * ratio)) {
      canvas.width = Math.round(this.width * ratio);
      canvas.height = Math.round(this.height * ratio);
    }
    const pen = canvas.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, this.width, this.height);
    const style = getComputedStyle(canvas);
    this.colour = (name) => style.getPropertyValue(`--${name}`).trim();
    pen.font = "11px system-ui, sans-serif";
    this.paintAxis(pen);
    this.paintDensity(pen);
    this.paintMarks(pen);
    this.paintNow(pen);
    this.paintWhole(pen);
    this.tell();
  }

  get floor() {
    return this.height - AXIS - WHOLE;
  }

  paintAxis(pen) {
    const { from, to } = this.model;
    const found = ticks(from, to, this.width / 110);
    const step = found.length > 1 ? found[1] - found[0] : to - from;
    pen.fillStyle = this.colour("soft");
    pen.strokeStyle = this.colour("rule");
    pen.lineWidth = 1;
    pen.textBaseline = "top";
    for (const time of found) {
      const x = Math.round(this.xOf(time)) + 0.5;
      pen.beginPath();
      pen.moveTo(x, TOP);
      pen.lineTo(x, this.floor + 4);
      pen.stroke();
      const text = tickTime(time, step), width = pen.measureText(text).width;
      if (x + width / 2 > this.width - BUTTONS) continue;
      pen.textAlign = x < width / 2 ? "left" : x > this.width - width / 2 ? "right" : "center";
      pen.fillText(text, Math.min(Math.max(x, 1), this.width - 1), this.floor + 5);
    }
    pen.beginPath();
    pen.moveTo(0, this.floor + 0.5);
    pen.lineTo(this.width, this.floor + 0.5);
    pen.stroke();
  }

  /** Bars of two pixels, coloured by what most of their frames are; those that the filter hides stand behind in grey. */
  paintDensity(pen) {
    const { model } = this;
    const wide = 3, count = Math.ceil(this.width / wide);
    const all = model.isFiltered ? this.bins(model.film.order, count) : null;
    const seen = this.bins(model.visible, count);
    const highest = Math.max(1, ...(all || seen).map((bin) => bin.total));
    const room = this.floor - TOP - 2;
    const height = (total) => (total ? Math.max(2, room * Math.sqrt(total / highest)) : 0);
    if (all) {
      pen.fillStyle = this.colour("faint");
      all.forEach((bin, i) => pen.fillRect(i * wide, this.floor - height(bin.total), wide - 1, height(bin.total)));
    }
    seen.forEach((bin, i) => {
      if (!bin.total) return;
      const whole = height(bin.total);
      let y = this.floor;
      for (const [name, number] of bin.parts) {
        const part = (whole * number) / bin.total;
        pen.fillStyle = this.colour(`p-${name}`);
        pen.fillRect(i * wide, y - part, wide - 1, part);
        y -= part;
      }
    });
  }

  bins(rows, count) {
    const { film, from, to } = this.model;
    const bins = Array.from({ length: count }, () => ({ total: 0, parts: new Map() }));
    const first = firstWhere(0, rows.length, (i) => film.start[rows[i]] >= from);
    const scale = count / (to - from);
    for (let i = first; i < rows.length && film.start[rows[i]] <= to; i++) {
      const bin = bins[Math.min(count - 1, Math.floor((film.start[rows[i]] - from) * scale))];
      const name = family(film.brief(rows[i]).protocol);
      bin.total++;
      bin.parts.set(name, (bin.parts.get(name) || 0) + 1);
    }
    return bins;
  }

  paintMarks(pen) {
    const { film, from, to } = this.model;
    pen.textBaseline = "middle";
    pen.textAlign = "left";
    let free = -1;
    for (const step of film.steps) {
      if (step.started === null || step.started < from || step.started > to) continue;
      const x = Math.round(this.xOf(step.started)) + 0.5;
      pen.strokeStyle = pen.fillStyle = this.colour(step.passed ? "soft" : "bad");
      pen.beginPath();
      pen.moveTo(x, 2);
      pen.lineTo(x, this.floor);
      pen.globalAlpha = 0.45;
      pen.stroke();
      pen.globalAlpha = 1;
      if (x > free) {
        const text = String(step.number);
        pen.fillText(text, x + 3, 7);
        free = x + 8 + pen.measureText(text).width;
      }
    }
    pen.fillStyle = this.colour("bad");
    let last = -9;
    for (const time of film.deathTimes.slice(countUpTo(film.deathTimes, from - 1), countUpTo(film.deathTimes, to))) {
      const x = Math.round(this.xOf(time));
      if (x - last < 2) continue;
      last = x;
      pen.fillRect(x - 1, TOP - 4, 2, 7);
    }
    for (const change of film.changes) {
      const x = this.xOf(change.time);
      if (x < 0 || x > this.width) continue;
      pen.fillStyle = this.colour(change.up ? "good" : "warn");
      pen.beginPath();
      pen.moveTo(x, TOP - 5);
      pen.lineTo(x + 5, TOP);
      pen.lineTo(x, TOP + 5);
      pen.lineTo(x - 5, TOP);
      pen.fill();
    }
  }

  paintNow(pen) {
    const x = Math.round(this.xOf(this.model.time)) + 0.5;
    if (x < -8 || x > this.width + 8) return;
    const inside = Math.min(Math.max(x, 1.5), this.width - 1.5);
    pen.strokeStyle = pen.fillStyle = this.colour("accent");
    pen.lineWidth = 2;
    pen.beginPath();
    pen.moveTo(inside, TOP - 6);
    pen.lineTo(inside, this.floor + 2);
    pen.stroke();
    pen.beginPath();
    pen.arc(inside, TOP - 6, 4.5, 0, 7);
    pen.fill();
  }

  paintWhole(pen) {
    if (!this.isZoomed) return;
    const { from, to, film } = this.model;
    const y = this.height - WHOLE + 2;
    pen.fillStyle = this.colour("faint");
    pen.fillRect(0, y, this.width, 3);
    pen.fillStyle = this.colour("accent");
    const left = (from / film.end) * this.width;
    pen.fillRect(left, y - 1, Math.max(((to - from) / film.end) * this.width, 6), 5);
  }

  tell() {
    const { canvas, model } = this;
    canvas.setAttribute("aria-label", word(model.language, "scrubber"));
    canvas.setAttribute("aria-valuemax", String(model.film.end));
    canvas.setAttribute("aria-valuenow", String(Math.round(model.time)));
    canvas.setAttribute("aria-valuetext", `${clock(model.time)} s`);
  }
}

export function stepName(step) {
  return step.name || step.kind;
}

export function changeText(film, change, language) {
  if (change.kind === "power") return word(language, "powerChange", { node: film.nodeName(change.node), state: word(language, change.up ? "on" : "off") });
  const link = `${film.nodeName(change.node)}:${change.port}`;
  return word(language, "linkChange", { link, state: word(language, change.up ? "up" : "down") });
}

