// The map: the drawing, frames as dots on its links, crosses where one died, links and devices that are down.

import { family } from "./brief.js";
import { oncePerPicture, replace, setAttribute, setText, svg, el } from "./dom.js";
import { ofFamily } from "./filter.js";
import { duration } from "./numbers.js";
import { Wires } from "./wires.js";
import { word } from "./words.js";

const MOST_DOTS = 400;
const ASIDE = 4; // px to the right of the way, so that both directions can be told apart
const TITLE = 30; // px at the top of the drawing in which its title stands
const SMALLEST = 0.24; // below which no name can be read: larger drawings are shown in part
const LEGEND = 30; // px for the colours above the drawing
const LINGER = 0.9; // seconds for which a cross stays while time runs
const FORBIDDEN = new Set(["script", "foreignobject", "iframe", "object", "embed", "image", "a", "animate", "set", "style"]);

/** The drawing as nodes of this document, without anything that could run or load. */
export function readDrawing(text) {
  const bare = text.replace(/<style>[^<]*<\/style>/g, ""); // the page has its own, and its policy allows no other
  const parsed = new DOMParser().parseFromString(bare || "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 480 200'/>", "image/svg+xml");
  const root = parsed.documentElement;
  for (const node of [root, ...root.querySelectorAll("*")]) {
    if (FORBIDDEN.has(node.localName.toLowerCase())) {
      node.remove();
      continue;
    }
    for (const attribute of [...node.attributes]) {
      const name = attribute.name.toLowerCase();
      const leads = name.endsWith("href") && !attribute.value.startsWith("#");
      if (name.startsWith("on") || leads || name === "style") node.removeAttribute(attribute.name);
    }
  }
  return document.importNode(root, true);
}

export class MapView {
  constructor(model, section, tip) {
    this.model = model;
    this.tip = tip;
    this.section = section;
    this.drawing = readDrawing(model.film.map);
    const [, , width, whole] = (this.drawing.getAttribute("viewBox") || "0 0 480 200").split(" ").map(Number);
    const height = whole - TITLE; // the page has the name of the network elsewhere
    this.drawing.setAttribute("viewBox", `0 ${TITLE} ${width} ${height}`);
    this.drawing.setAttribute("height", String(height));
    this.size = { width, height };
    this.over = svg("svg", { viewBox: `0 ${TITLE} ${width} ${height}`, width, height, class: "over", "aria-hidden": "true" });
    this.routes = svg("g", {});
    this.dots = svg("g", {});
    this.crosses = svg("g", {});
    this.over.append(this.routes, this.crosses, this.dots);
    this.stage = el("div", { class: "stage" }, this.drawing, this.over);
    this.more = el("p", { class: "more" });
    this.legend = el("ul", { class: "legend" });
    this.buttons = el("div", { class: "zoom" }, this.button("+", "zoomIn", () => this.scaleBy(1.3)), this.button("−", "zoomOut", () => this.scaleBy(1 / 1.3)), this.button("⤢", "fit", () => this.fit()));
    replace(section, this.stage, this.legend, this.more, this.buttons);
    this.wires = new Wires(model.film, this.drawing);
    this.pool = [];
    this.view = { x: 0, y: 0, k: 1 };
    this.shown = new Map();
    this.listen();
    this.draw = oncePerPicture(() => this.paint());
    new ResizeObserver(() => this.fit()).observe(section);
    model.on("time row visible film", () => this.draw());
    model.on("row", () => this.reveal(model.row));
    model.on("language film", () => this.label());
    model.on("device panel", () => this.markDevice());
  }

  button(text, name, action) {
    return el("button", { type: "button", class: "icon", "data-title": name, onclick: action }, text);
  }

  // -- moving and zooming

  fit() {
    const { clientWidth: width, clientHeight: height } = this.section;
    if (!width || !height) return;
    const k = Math.min(width / this.size.width, (height - LEGEND) / this.size.height, 1.6);
    this.show(Math.max(k, SMALLEST), width, height);
  }

  /** All of the drawing in the middle; of one that is too large the part where something goes on. */
  show(k, width, height) {
    const rest = [width - this.size.width * k, height - LEGEND - this.size.height * k];
    this.view = { k, x: rest[0] / 2, y: LEGEND + Math.max(rest[1] / 2, 0) };
    this.place();
    const { film, row } = this.model;
    if (rest[0] < -1 || rest[1] < -1) this.reveal(row >= 0 ? row : film.order.length ? film.order[0] : -1);
  }

  /** Bring the link of a frame into sight, if it is not. */
  reveal(row) {
    const ends = row < 0 ? [] : [0, 1].map((part) => this.wires.place(this.model.film.port[row], part)).filter(Boolean);
    const { clientWidth: width, clientHeight: height } = this.section;
    if (!ends.length || !width) return;
    const { k, x, y } = this.view;
    const spots = ends.map(([px, py]) => [px * k + x, (py - TITLE) * k + y]);
    if (spots.every(([px, py]) => px > 0 && px < width && py > 0 && py < height)) return;
    const middle = [0, 1].map((axis) => spots.reduce((sum, spot) => sum + spot[axis], 0) / spots.length);
    this.moveBy(width / 2 - middle[0], height / 2 - middle[1]);
  }

  place() {
    const { x, y, k } = this.view;
    this.stage.style.transform = `translate(${x}px, ${y}px) scale(${k})`;
  }

  scaleBy(factor, at = null) {
    const box = this.section.getBoundingClientRect();
    const [px, py] = at ? [at.clientX - box.left, at.clientY - box.top] : [box.width / 2, box.height / 2];
    const k = Math.min(Math.max(this.view.k * factor, 0.05), 8);
    const ratio = k / this.view.k;
    this.view = { k, x: px - (px - this.view.x) * ratio, y: py - (py - this.view.y) * ratio };
    this.place();
  }

  moveBy(dx, dy) {
    this.view.x += dx;
    this.view.y += dy;
    this.place();
  }

  listen() {
    const { section } = this;
    const fingers = new Map();
    let moved = 0;
    section.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.scaleBy(Math.exp(-event.deltaY * 0.0015), event);
    }, { passive: false });
    section.addEventListener("pointerdown", (event) => {
      if (event.target.closest("button")) return;
      fingers.set(event.pointerId, event);
      moved = 0;
    });
    section.addEventListener("pointermove", (event) => {
      const before = fingers.get(event.pointerId);
      if (!before) return this.hover(event);
      const others = [...fingers.values()].filter((one) => one.pointerId !== event.pointerId);
      if (others.length) {
        const was = Math.hypot(before.clientX - others[0].clientX, before.clientY - others[0].clientY);
        const is = Math.hypot(event.clientX - others[0].clientX, event.clientY - others[0].clientY);
        this.scaleBy(is / Math.max(was, 1), event);
      } else this.moveBy(event.clientX - before.clientX, event.clientY - before.clientY);
      moved += Math.abs(event.clientX - before.clientX) + Math.abs(event.clientY - before.clientY);
      if (moved > 4 && !section.hasPointerCapture(event.pointerId)) section.setPointerCapture(event.pointerId);
      fingers.set(event.pointerId, event);
    });
    for (const name of ["pointerup", "pointercancel", "pointerleave"]) {
      section.addEventListener(name, (event) => {
        if (name === "pointerup" && fingers.has(event.pointerId) && moved <= 4) this.choose(event);
        fingers.delete(event.pointerId);
        if (name === "pointerleave") this.tip.hide();
      });
    }
    section.addEventListener("dblclick", () => this.fit());
    section.addEventListener("keydown", (event) => this.key(event));
  }

  key(event) {
    const moves = { ArrowLeft: [40, 0], ArrowRight: [-40, 0], ArrowUp: [0, 40], ArrowDown: [0, -40] };
    const group = event.target.closest("[data-device]");
    if (group && (event.key === "Enter" || event.key === " ")) this.openDevice(group.getAttribute("data-device"));
    else if (event.target === this.section && moves[event.key] && !event.altKey) this.moveBy(...moves[event.key]);
    else if (event.key === "+" || event.key === "=") this.scaleBy(1.3);
    else if (event.key === "-") this.scaleBy(1 / 1.3);
    else if (event.key === "Home" || event.key === "0") this.fit();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  // -- what is pointed at

  choose(event) {
    const dot = event.target.closest("[data-row]");
    if (dot) return this.model.open(Number(dot.dataset.row), { panel: "frame", time: this.model.time });
    const group = event.target.closest("[data-device]");
    if (group) return this.openDevice(group.getAttribute("data-device"));
    const link = event.target.closest("[data-link]");
    if (link && this.onLink) this.onLink(Number(link.getAttribute("data-link")), event);
    return null;
  }

  openDevice(name) {
    const node = this.model.film.labelled.get(name);
    if (node === undefined) return;
    this.model.set({ device: node, panel: "tables" });
    if (this.onDevice) this.onDevice(node);
  }

  hover(event) {
    const { film, language } = this.model;
    const dot = event.target.closest("[data-row]");
    const link = event.target.closest("[data-link]");
    if (dot) {
      const row = Number(dot.dataset.row), about = film.brief(row);
      const end = film.arrival[row] < 0 ? "" : ` · ${duration(film.arrival[row] - film.start[row])}`;
      const death = dot.classList.contains("cross") ? film.deathOf.get(row) : null;
      const why = death ? `× ${film.nodeName(death.node)}: ${death.reason}` : "";
      this.tip.show(event, `${about.protocol} ${about.source} → ${about.destination}`, `${word(language, "bytes", { n: film.size(row) })}${end}`, why);
    } else if (link) {
      const { ends, text } = film.links[Number(link.getAttribute("data-link"))];
      const up = film.stateAt(this.model.time).links.get(Number(link.getAttribute("data-link")));
      this.tip.show(event, ends.map((port) => film.portName(port)).join(" — "), [text, up === false ? word(language, "down") : ""].filter(Boolean).join(" · "));
    } else this.tip.hide();
  }

  label() {
    const { film, language } = this.model;
    this.section.setAttribute("aria-label", word(language, "map"));
    for (const title of this.drawing.querySelectorAll(".link > title")) title.remove(); // our own tip says more, at once
    for (const [name, group] of this.wires.devices) {
      group.setAttribute("tabindex", "0");
      group.setAttribute("role", "button");
      const node = film.labelled.get(name);
      group.setAttribute("aria-label", node === undefined ? name : `${name}, ${film.nodes[node].kind}`);
    }
    const used = new Set();
    const step = Math.max(1, Math.floor(film.length / 5000)); // enough to see which protocols there are
    for (let row = 0; row < film.length; row += step) used.add(family(film.brief(row).protocol));
    const order = ["ARP", "ICMP", "TCP", "UDP", "DNS", "DHCP", "HTTP", "TLS", "other"].filter((name) => used.has(name));
    const entry = (name, filter, mark) => el("li", {}, el("button", { type: "button", disabled: !filter, title: word(language, "filterProtocol", { name }), onclick: () => this.toggle(filter) }, mark, name === "other" ? word(language, "other") : name));
    replace(this.legend, order.map((name) => entry(name, ofFamily(name), el("i", { class: `p-${name}` }))), film.deaths.length ? entry(word(language, "drop"), "drop", el("i", { class: "cross" }, "×")) : null);
  }

  /** A click on the legend shows that kind of frame alone, a second one all again. */
  toggle(filter) {
    this.model.set({ filter: this.model.filter === filter ? "" : filter });
  }

  markDevice() {
    const { film, device, panel } = this.model;
    for (const [name, group] of this.wires.devices) group.classList.toggle("chosen", panel === "tables" && film.labelled.get(name) === device);
  }

  // -- what moves

  paint() {
    const { model } = this;
    const { film, time } = model;
    this.paintState(time);
    const flying = film.flying(time).filter((row) => model.shows(row) && film.arrival[row] >= film.start[row]);
    const hidden = Math.max(flying.length - MOST_DOTS, 0);
    const rows = hidden ? flying.filter((_, i) => i % Math.ceil(flying.length / MOST_DOTS) === 0) : flying;
    setText(this.more, flying.length > rows.length ? word(model.language, "more", { n: flying.length - rows.length }) : "");
    let used = 0;
    for (const row of rows) if (this.paintDot(this.dot(used), row, time)) used++;
    for (let i = used; i < this.pool.length; i++) setAttribute(this.pool[i], "display", "none");
    this.paintCrosses(time);
    this.paintRoute();
  }

  dot(index) {
    while (this.pool.length <= index) {
      const circle = svg("circle", {});
      this.dots.append(circle);
      this.pool.push(circle);
    }
    return this.pool[index];
  }

  paintDot(circle, row, time) {
    const { film } = this.model;
    const death = this.deathOnLink(row);
    if (death && time > death.time) return false;
    const whole = film.arrival[row] - film.start[row];
    const spot = this.wires.place(film.port[row], whole > 0 ? (time - film.start[row]) / whole : 1);
    if (!spot) return false;
    const [x, y, angle] = spot;
    setAttribute(circle, "cx", (x - Math.sin(angle) * ASIDE).toFixed(1));
    setAttribute(circle, "cy", (y + Math.cos(angle) * ASIDE).toFixed(1));
    setAttribute(circle, "r", radius(film.size(row)).toFixed(1));
    setAttribute(circle, "class", `dot p-${family(film.brief(row).protocol)}${row === this.model.row ? " opened" : ""}`);
    setAttribute(circle, "data-row", String(row));
    circle.removeAttribute("display");
    return true;
  }

  deathOnLink(row) {
    const { film } = this.model;
    const death = film.deathOf.get(row);
    return death && death.lost ? death : null;
  }

  /** Crosses: while time runs for a while, else those of this instant and of the opened frame. */
  paintCrosses(time) {
    const { model } = this;
    const { film } = model;
    const span = model.playing ? (this.pace(time) * LINGER) : 0;
    const recent = film.died(time - Math.max(span, 1), time).slice(-MOST_DOTS);
    const opened = film.deathOf.get(model.row);
    if (opened && opened.time >= time && film.start[model.row] <= time && !recent.includes(opened)) recent.push(opened);
    const marks = [];
    for (const death of recent) {
      if (death.row < 0 || !model.shows(death.row)) continue;
      const whole = film.arrival[death.row] - film.start[death.row];
      const part = !death.lost ? 1 : whole > 0 ? Math.min(Math.max((death.time - film.start[death.row]) / whole, 0), 1) : 0;
      const spot = this.wires.place(film.port[death.row], film.wasSent(death.row) ? part : 0);
      if (!spot) continue;
      const [x, y, angle] = spot;
      const at = `translate(${(x - Math.sin(angle) * ASIDE).toFixed(1)} ${(y + Math.cos(angle) * ASIDE).toFixed(1)})`;
      marks.push(svg("g", { class: "cross", transform: at, "data-row": death.row }, svg("circle", { r: 9 }), svg("path", { d: "M-5 -5L5 5M-5 5L5 -5" }), svg("title", {}, death.reason)));
    }
    this.crosses.replaceChildren(...marks);
  }

  /** How fast time has run of late, in ns per second. */
  pace(time) {
    const now = performance.now();
    if (this.lastPaint && now > this.lastPaint.now) {
      const speed = Math.max(time - this.lastPaint.time, 0) / ((now - this.lastPaint.now) / 1000);
      this.lastPace = this.lastPace ? this.lastPace * 0.9 + speed * 0.1 : speed;
    }
    this.lastPaint = { now, time };
    return this.lastPace || 1e6;
  }

  /** The link that the opened frame goes over, with its direction. */
  paintRoute() {
    const { film, row } = this.model;
    const link = row < 0 ? -1 : film.link(row);
    const line = link < 0 ? null : this.wires.line(link);
    const key = line ? `${film.port[row]}` : "";
    if (this.routeKey === key) return;
    this.routeKey = key;
    if (!line) return this.routes.replaceChildren();
    const points = film.links[link].ends[0] === film.port[row] ? line.points : [...line.points].reverse();
    const [x, y, angle] = this.wires.place(film.port[row], 0.5);
    const arrow = svg("path", { class: "arrow", d: "M-6 -5L6 0L-6 5Z", transform: `translate(${x} ${y}) rotate(${(angle * 180) / Math.PI})` });
    return this.routes.replaceChildren(svg("polyline", { class: "route", points: points.map((point) => point.join(",")).join(" ") }), arrow);
  }

  paintState(time) {
    const { film } = this.model;
    if (!film.changes.length) return;
    const { links, nodes } = film.stateAt(time);
    for (const change of film.changes) {
      if (change.kind === "link" && this.wires.group(change.link)) {
        const group = this.wires.group(change.link);
        if (!this.shown.has(change.link)) this.shown.set(change.link, group.classList.contains("down"));
        const down = links.has(change.link) ? !links.get(change.link) : this.shown.get(change.link);
        group.classList.toggle("down", down);
      } else if (change.kind === "power" && this.wires.device(film.nodeLabel(change.node))) {
        this.wires.device(film.nodeLabel(change.node)).classList.toggle("off", nodes.get(change.node) === false);
      }
    }
  }

  /** Links that have been cut or mended by hand, in a run that goes on: {link, up, text}. */
  changeLinks(changes) {
    for (const { link, up, text } of changes) {
      if (text !== undefined) this.model.film.links[link].text = text;
      const group = this.wires.group(link);
      if (group && up !== undefined) group.classList.toggle("down", !up);
    }
  }
}

function radius(bytes) {
  return 2.5 + Math.sqrt(bytes) / 7;
}
