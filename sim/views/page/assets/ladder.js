// The ladder: two ends, time running down, an arrow for each message between them.

import { conversation } from "./conversation.js";
import { family } from "./brief.js";
import { flagNames } from "./dissect_tcp.js";
import { el, replace, svg } from "./dom.js";
import { allFlows, flowIndex } from "./flows.js";
import { countUpTo, duration } from "./numbers.js";
import { readSent } from "./reading.js";
import { word } from "./words.js";

const MOST = 250; // messages drawn at once, around the time shown
const GAP = 19; // px between two instants where time is not to scale
const TOP = 56;
const SIDE = 128; // px left and right of the two ends: room for the longest state and a time beside each other
const NARROW_SIDE = 96; // where what is said between the ends needs the room
const WIDE = 570;
const LEAST = 12; // px between two labels on one side
const CHARACTER = 6.7; // px that a character of a label is wide
const MOST_FLOWS = 1000;
const TALLEST = 30000;
const STATES = ["CLOSED", "LISTEN", "SYN-SENT", "SYN-RECEIVED", "ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2", "CLOSE-WAIT", "CLOSING", "LAST-ACK", "TIME-WAIT"];

export class LadderView {
  constructor(model, panel) {
    this.model = model;
    this.toScale = false;
    this.stretch = 1;
    this.choice = el("select", { id: "flow", "data-label": "flow", onchange: () => model.set({ flow: this.choice.value }) });
    this.scale = el("button", { type: "button", id: "scale", onclick: () => this.setScale(!this.toScale) });
    this.zoomers = [["+", "zoomIn", 1.6], ["−", "zoomOut", 1 / 1.6]].map(([text, name, by]) => el("button", { type: "button", class: "icon", "data-title": name, onclick: () => {
      this.stretch *= by;
      this.key = "";
      this.paint();
    } }, text));
    this.part = el("p", { class: "soft part" });
    this.body = el("div", { class: "ladder", tabindex: "0" });
    replace(panel, el("div", { class: "choose" }, this.choice, this.scale, this.zoomers), this.part, this.body);
    this.panel = panel;
    new ResizeObserver(() => {
      if (Math.abs((this.width || 0) - this.body.clientWidth) > 8) this.paint();
    }).observe(this.body);
    model.on("flow film panel language", () => this.paint());
    model.on("time row", () => this.move());
  }

  setScale(toScale) {
    this.toScale = toScale;
    this.key = "";
    this.paint();
  }

  fill() {
    const { film } = this.model;
    if (this.filled === film.length) return;
    this.filled = film.length;
    const flows = allFlows(film).slice(0, MOST_FLOWS);
    replace(this.choice, flows.map((flow) => el("option", { value: flow.key }, `${flowName(film, flow)} (${flow.rows.length})`)));
    if (!this.model.flow && flows.length) this.model.flow = (flows.find((flow) => flow.key.startsWith("TCP")) || flows[0]).key;
  }

  paint() {
    const { model } = this;
    const { film, language } = model;
    if (model.panel !== "ladder") return null;
    this.fill();
    this.scale.textContent = word(language, this.toScale ? "compact" : "toScale");
    for (const button of this.zoomers) button.hidden = !this.toScale;
    if (!flowIndex(film).flows.has(model.flow)) return replace(this.body, el("p", { class: "empty" }, word(language, "noFlows")));
    this.choice.value = model.flow;
    const talk = conversation(film, model.flow);
    this.talk = talk;
    const first = this.windowStart(talk);
    const key = `${model.flow} ${film.length} ${first} ${language} ${this.body.clientWidth} ${this.toScale} ${this.stretch}`;
    if (key === this.key) return this.mark();
    this.key = key;
    this.first = first;
    this.shown = talk.messages.slice(first, first + MOST);
    this.part.textContent = talk.messages.length > MOST
      ? word(language, "messagesPart", { from: first + 1, to: first + this.shown.length, all: talk.messages.length })
      : word(language, "segments", { n: talk.messages.length });
    this.draw();
    return this.mark();
  }

  windowStart(talk) {
    const { messages } = talk;
    if (messages.length <= MOST) return 0;
    const here = messages.findLastIndex((message) => message.sent <= this.model.time);
    const step = Math.floor(MOST / 2);
    return Math.max(0, Math.min(Math.floor(here / step) * step - Math.floor(step / 2), messages.length - MOST));
  }

  /** When time goes on: another part of a long flow, the line of now, the opened message. */
  move() {
    if (this.model.panel !== "ladder" || !this.talk) return;
    if (this.windowStart(this.talk) !== this.first) this.paint();
    else this.mark();
  }

  draw() {
    const { film } = this.model;
    this.width = Math.max(this.body.clientWidth, 300);
    this.left = this.width < WIDE ? Math.min(NARROW_SIDE, this.width * 0.25) : SIDE;
    this.right = this.width - this.left;
    this.rule();
    const height = this.y(Infinity) + 30;
    const root = svg("svg", { width: this.width, height, viewBox: `0 0 ${this.width} ${height}`, role: "img", "aria-label": word(this.model.language, "ladder") });
    for (const [x, node, anchor] of [[this.left, this.talk.client, "middle"], [this.right, this.talk.server, "middle"]]) {
      root.append(svg("line", { class: "life", x1: x, x2: x, y1: TOP - 20, y2: height - 8 }), svg("text", { class: "end", x, y: 18, "text-anchor": anchor }, film.nodeName(node) || "?"), svg("text", { class: "soft", x, y: 32, "text-anchor": anchor }, this.endName(x === this.left)));
    }
    this.named = { left: [], right: [] }; // where the names of states stand
    this.drawStates(root, this.talk.states.client, true);
    this.drawStates(root, this.talk.states.server, false);
    this.now = svg("line", { class: "now", x1: 0, x2: this.width });
    root.append(this.now);
    this.arrows = [];
    const last = [-99, -99];
    this.shown.forEach((message) => {
      const arrow = this.arrow(message, last);
      this.arrows.push(arrow);
      root.append(arrow);
    });
    replace(this.body, root);
  }

  endName(isClient) {
    const message = this.talk.messages[0];
    if (!message) return "";
    const about = this.model.film.brief(message.rows[0]);
    const isSource = message.forward === isClient;
    return isSource ? about.source + (about.ports ? `:${about.ports[0]}` : "") : about.destination + (about.ports ? `:${about.ports[1]}` : "");
  }

  /** Make `y(time)`: to scale, or one step for each instant at which something happens. */
  rule() {
    const times = new Set();
    for (const message of this.shown) {
      times.add(message.sent);
      if (message.arrived !== null) times.add(message.arrived);
      else if (message.died !== undefined) times.add(message.died);
    }
    const sorted = this.times = [...times].sort((a, b) => a - b);
    const first = sorted[0] || 0, last = sorted[sorted.length - 1] || 0;
    if (this.toScale) {
      const wanted = Math.max(600, this.shown.length * 16) * this.stretch;
      const scale = Math.min(wanted, TALLEST) / Math.max(last - first, 1);
      this.y = (time) => TOP + (Math.min(Math.max(time, first), last) - first) * scale;
    } else {
      this.y = (time) => {
        if (time >= last) return TOP + (sorted.length - 1) * GAP;
        if (time <= first) return TOP;
        const place = countUpTo(sorted, time) - 1;
        return TOP + (place + (time - sorted[place]) / (sorted[place + 1] - sorted[place])) * GAP;
      };
    }
  }

  arrow(message, last) {
    const { film, language } = this.model;
    const [from, to] = message.forward ? [this.left, this.right] : [this.right, this.left];
    const y1 = this.y(message.sent);
    const died = message.arrived === null;
    const y2 = this.y(died ? (message.died === undefined ? message.sent : message.died) : message.arrived);
    const x2 = died ? from + (to - from) * 0.62 : to;
    const about = film.brief(message.rows[0]);
    const group = svg("g", { class: `message ${died ? "dead" : ""} ${message.isAgain ? "again" : ""} p-${family(about.protocol)}`, "data-row": message.rows[0], tabindex: "0", role: "button" });
    const angle = (Math.atan2(y2 - y1, x2 - from) * 180) / Math.PI;
    const text = this.text(message);
    group.append(svg("line", { class: "touch", x1: from, y1, x2, y2 }), svg("line", { class: "shaft", x1: from, y1, x2, y2 }));
    group.append(died ? svg("path", { class: "lost", d: "M-5 -5L5 5M-5 5L5 -5", transform: `translate(${x2} ${y2})` }) : svg("path", { class: "head", d: "M0 0L-8 -4L-8 4Z", transform: `translate(${x2} ${y2}) rotate(${angle})` }));
    const marks = message.marks.map((mark) => word(language, mark.word, mark.values)).concat(message.lost ? [`× ${message.lost}`] : []);
    const side = message.forward ? 0 : 1;
    if (y1 - last[side] >= LEAST) {
      last[side] = y1;
      const inside = message.forward ? from + 8 : from - 8;
      const steep = Math.abs(y2 - y1) > 40;
      const label = svg("text", { class: "label", x: inside, y: y1 + (steep ? 4 : -3), "text-anchor": message.forward ? "start" : "end" }, clipped(text, Math.floor((this.right - this.left - 20) / CHARACTER)));
      const room = Math.floor((this.right - this.left - 20) / CHARACTER) - text.length - 1;
      const said = clipped(marks.join(", "), room);
      if (said) label.append(svg("tspan", { class: `mark ${message.lost ? "bad" : (message.marks[0] || {}).sort}` }, ` ${said}`));
      group.append(label);
      if (this.hasRoomAt(y1 + 4, message.forward)) group.append(svg("text", { class: "time", x: message.forward ? from - 8 : from + 8, y: y1 + 4, "text-anchor": message.forward ? "end" : "start" }, duration(message.sent - this.talk.messages[0].sent)));
    }
    group.append(svg("title", {}, [text, ...marks].join("\n")));
    group.setAttribute("aria-label", [text, ...marks].join(", "));
    const open = () => this.model.open(message.rows[0]);
    group.addEventListener("click", open);
    group.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      open();
      event.preventDefault();
    });
    return group;
  }

  text(message) {
    const { film } = this.model;
    if (!this.talk.isTcp) return readSent(film, message.rows[0]).info;
    const read = readSent(film, message.rows[0]);
    const flags = flagNames(message.flags).replaceAll(", ", " ");
    const numbers = [`[${flags}]`, `Seq=${message.seq}`];
    if (message.flags & 16) numbers.push(`Ack=${message.ack}`);
    if (message.length) numbers.push(`Len=${message.length}`);
    return read.protocol === "TCP" || read.protocol === "IPv4" ? numbers.join(" ") : `${read.info} [${flags}]`;
  }

  /** Whether a time can stand at a height: a narrow side has no room for a state's name and a time in one line. */
  hasRoomAt(y, isLeft) {
    return this.left === SIDE || this.named[isLeft ? "left" : "right"].every((other) => Math.abs(other - y) > 9);
  }

  /** A bar beside each end, a piece for each state, with its name where it begins. */
  drawStates(root, states, isLeft) {
    const x = isLeft ? this.left : this.right;
    const first = this.times[0] || 0;
    const now = states.filter((one) => one.time <= first).slice(-1);
    const later = states.filter((one) => one.time > first);
    let free = -99;
    [...now, ...later].forEach((one, index, all) => {
      const from = index === 0 && now.length ? TOP - 20 : this.y(one.time);
      const to = index + 1 < all.length ? this.y(all[index + 1].time) : this.y(Infinity) + 16;
      const tone = Math.max(STATES.indexOf(one.state), 0);
      root.append(svg("rect", { class: `state t${tone}`, x: x - 3, y: from, width: 6, height: Math.max(to - from, 1) }, svg("title", {}, one.state)));
      const y = Math.max(from + (index === 0 && now.length ? 8 : 4), free + 11);
      if (y > this.y(Infinity) + 26) return;
      free = y;
      this.named[isLeft ? "left" : "right"].push(y + 11);
      root.append(svg("text", { class: "statename", x: isLeft ? 2 : this.width - 2, y: y + 11, "text-anchor": isLeft ? "start" : "end" }, one.state));
    });
  }

  mark() {
    const { model } = this;
    const y = this.y(model.time);
    this.now.setAttribute("y1", y);
    this.now.setAttribute("y2", y);
    let chosen = null;
    this.shown.forEach((message, index) => {
      const is = message.rows.includes(model.row);
      this.arrows[index].classList.toggle("chosen", is);
      this.arrows[index].classList.toggle("later", message.sent > model.time);
      if (is) chosen = message;
    });
    const want = chosen ? this.y(chosen.sent) : y;
    const { scrollTop, clientHeight } = this.body;
    if (want < scrollTop + 20 || want > scrollTop + clientHeight - 40) this.body.scrollTop = Math.max(0, want - clientHeight / 2);
    return null;
  }
}

function clipped(text, room) {
  if (text.length <= room) return text;
  return room > 4 ? `${text.slice(0, room - 1)}…` : "";
}

/** `TCP pc1 10.0.0.1:49152 → 10.0.0.2:80`, from who began. */
export function flowName(film, flow) {
  const about = film.brief(flow.rows[0]);
  const [from, to] = about.ports ? about.ports.map((port) => `:${port}`) : ["", ""];
  return `${flow.key.split(" ", 1)[0]} ${about.source}${from} → ${about.destination}${to}`;
}
