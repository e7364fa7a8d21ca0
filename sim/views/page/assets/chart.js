// One chart: lines, dots or bars over time, with axes, a hair at the time shown and the values there.

import { el, replace, svg } from "./dom.js";
import { countUpTo, duration, firstWhere, short, tickTime, ticks } from "./numbers.js";

const HEIGHT = 150;
const LEFT = 56;
const RIGHT = 10;
const TOP = 8;
const BOTTOM = 20;
const BAR = 4; // px that a bar is wide
const MOST_POINTS = 4000;

export class Chart {
  /** `lines`: {name, tone, kind: "step", "dots", "crosses" or "bars", points(from, to, count)} */
  constructor(model, title, unit, lines) {
    this.model = model;
    this.unit = unit;
    this.lines = lines;
    this.keys = lines.map((line) => el("span", { class: `key t${line.tone}` }, line.name, " ", el("b", {})));
    this.svg = svg("svg", { role: "img", "aria-label": title, height: HEIGHT });
    this.box = el("figure", { class: "chart" }, el("figcaption", {}, el("h3", {}, title), this.keys), this.svg);
    this.svg.addEventListener("click", (event) => model.goto(Math.round(this.timeAt(event))));
    this.svg.addEventListener("wheel", (event) => {
      event.preventDefault();
      model.zoomAround(this.timeAt(event), Math.exp(event.deltaY * 0.002));
    }, { passive: false });
  }

  timeAt(event) {
    const x = event.clientX - this.svg.getBoundingClientRect().left;
    return this.from + ((x - LEFT) / (this.width - LEFT - RIGHT)) * (this.to - this.from);
  }

  paint() {
    const { from, to, time } = this.model;
    this.width = this.box.clientWidth;
    if (!this.width) return;
    const key = `${from} ${to} ${this.width} ${this.model.film.length}`;
    if (key !== this.key) {
      this.key = key;
      [this.from, this.to] = [from, to];
      this.paintAll();
    }
    const x = this.x(time);
    const inside = x >= LEFT && x <= this.width - RIGHT;
    this.hair.setAttribute("visibility", inside ? "visible" : "hidden");
    this.hair.setAttribute("x1", x);
    this.hair.setAttribute("x2", x);
    this.paintValues(time);
  }

  x(time) {
    return LEFT + ((time - this.from) / (this.to - this.from)) * (this.width - LEFT - RIGHT);
  }

  paintAll() {
    const { svg: root, width } = this;
    const count = Math.max(1, Math.floor((width - LEFT - RIGHT) / BAR));
    this.data = this.lines.map((line) => line.points(this.from, this.to, count));
    const { low, high } = this.range();
    this.y = (value) => HEIGHT - BOTTOM - ((value - low) / (high - low || 1)) * (HEIGHT - TOP - BOTTOM);
    root.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    root.setAttribute("width", width);
    const parts = [];
    for (const value of ticks(low, high, 4)) {
      const y = this.y(value);
      parts.push(svg("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: y, y2: y }), svg("text", { class: "tick", x: LEFT - 6, y: y + 4, "text-anchor": "end" }, this.format(value)));
    }
    const times = ticks(this.from, this.to, (width - LEFT) / 100), step = times.length > 1 ? times[1] - times[0] : this.to - this.from;
    for (const time of times) {
      const text = svg("text", { class: "tick", x: this.x(time), y: HEIGHT - 5, "text-anchor": this.x(time) > width - 40 ? "end" : "middle" }, tickTime(time, step));
      parts.push(svg("line", { class: "grid", x1: this.x(time), x2: this.x(time), y1: HEIGHT - BOTTOM, y2: HEIGHT - BOTTOM + 4 }), text);
    }
    this.lines.forEach((line, index) => parts.push(this.drawn(line, this.data[index])));
    this.hair = svg("line", { class: "hair", y1: TOP, y2: HEIGHT - BOTTOM });
    parts.push(this.hair);
    replace(root, parts);
  }

  /** The least and the greatest value in sight; zero is in it, unless that would hide all there is. */
  range() {
    let low = Infinity, high = -Infinity;
    this.data.forEach(({ times, values }) => {
      const first = Math.max(0, countUpTo(times, this.from) - 1);
      for (let i = first; i < times.length && times[i] <= this.to; i++) {
        low = Math.min(low, values[i]);
        high = Math.max(high, values[i]);
      }
    });
    if (low > high) [low, high] = [0, 1];
    if (low > 0 && (this.lines[0].kind !== "dots" || this.unit !== "bytes")) low = 0;
    if (high === low) high = low + 1;
    return { low, high: high + (high - low) * 0.06 };
  }

  drawn(line, { times, values, width }) {
    const first = Math.max(0, countUpTo(times, this.from) - 1);
    const last = Math.min(times.length, countUpTo(times, this.to) + 1);
    const x = (i) => Math.min(Math.max(this.x(times[i]), LEFT), this.width - RIGHT).toFixed(1);
    const y = (i) => this.y(values[i]).toFixed(1);
    if (line.kind === "bars") {
      let d = "";
      for (let i = 0; i < times.length; i++) {
        if (values[i]) d += `M${this.x(times[i]).toFixed(1)} ${this.y(0).toFixed(1)}V${y(i)}H${(this.x(times[i] + width) - 0.6).toFixed(1)}V${this.y(0).toFixed(1)}Z`;
      }
      return svg("path", { class: `bars t${line.tone}`, d });
    }
    if (line.kind === "step") return svg("path", { class: `line t${line.tone}`, d: this.steps(times, values, first, last) });
    const step = Math.max(1, Math.ceil((last - first) / MOST_POINTS));
    let d = "";
    for (let i = first; i < last; i += line.kind === "dots" ? step : 1) {
      if (times[i] < this.from || times[i] > this.to) continue;
      d += line.kind === "dots" ? `M${x(i)} ${y(i)}h0` : `M${x(i) - 3} ${y(i) - 3}l6 6m0 -6l-6 6`;
    }
    return svg("path", { class: `${line.kind} t${line.tone}`, d });
  }

  /** A line that keeps each value until the next; of many in one pixel the lowest and the highest. */
  steps(times, values, first, last) {
    let d = "", at = -1, low = 0, high = 0, before = null;
    const flush = () => {
      if (at >= 0 && low !== high) d += `V${this.y(low).toFixed(1)}V${this.y(high).toFixed(1)}V${this.y(before).toFixed(1)}`;
    };
    for (let i = first; i < last; i++) {
      const x = Math.min(Math.max(this.x(times[i]), LEFT), this.width - RIGHT);
      if (before === null) d = `M${x.toFixed(1)} ${this.y(values[i]).toFixed(1)}`;
      else if (Math.floor(x) !== at) {
        flush();
        d += `H${x.toFixed(1)}V${this.y(values[i]).toFixed(1)}`;
        low = high = values[i];
      }
      low = Math.min(low, values[i]);
      high = Math.max(high, values[i]);
      at = Math.floor(x);
      before = values[i];
    }
    flush();
    return before === null ? "" : `${d}H${Math.min(this.width - RIGHT, this.x(Math.min(this.to, this.model.film.end))).toFixed(1)}`;
  }

  paintValues(time) {
    this.lines.forEach((line, index) => {
      const { times, values, width } = this.data[index];
      const i = width ? firstWhere(0, times.length, (place) => times[place] > time) - 1 : countUpTo(times, time) - 1;
      this.keys[index].lastChild.textContent = i >= 0 && line.kind !== "crosses" ? this.format(values[i], true) : "";
    });
  }

  format(value, withUnit = false) {
    if (this.unit === "ns") return duration(value);
    return short(value) + (withUnit && this.unit ? ` ${this.unit}` : "");
  }
}
