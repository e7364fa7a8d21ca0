// The opened frame: what became of it, its layers field by field, its bytes, and the way of its packet.

import { family } from "./brief.js";
import { ascii, hexByte } from "./bytes.js";
import { el, replace } from "./dom.js";
import { ofFlow } from "./filter.js";
import { changes, consequences, packetHops } from "./journeys.js";
import { duration, seconds } from "./numbers.js";
import { overview } from "./overview.js";
import { readArrived, readSent } from "./reading.js";
import { isBad, sentence } from "./sentences.js";
import { word } from "./words.js";

const PER_LINE = 16;
const FIRST_BYTES = 512; // that are shown until somebody asks for all
const MOST_CONSEQUENCES = 12;

export class PacketView {
  constructor(model, panel) {
    this.model = model;
    this.panel = panel;
    this.closed = new Set(); // layers that the reader has shut
    model.on("row language film panel", (_, changed) => {
      if (model.panel !== "frame" && !changed.has("panel")) return;
      this.paint();
    });
  }

  say(name, values) {
    return word(this.model.language, name, values);
  }

  paint() {
    const { film, row, language } = this.model;
    const key = `${row} ${language} ${film.length} ${film.steps.length}`;
    if (this.model.panel !== "frame" || key === this.key) return;
    this.key = key;
    if (row < 0) return replace(this.panel, overview(this.model));
    const read = readArrived(film, row);
    replace(this.panel, this.header(read), this.way(), this.fields(read), this.dump(read));
    this.panel.scrollTop = 0;
    const list = this.panel.querySelector(".hops"), chosen = list.querySelector(".chosen");
    if (chosen && chosen.offsetTop + chosen.offsetHeight > list.clientHeight) list.scrollTop = chosen.offsetTop - list.clientHeight / 3;
    return undefined;
  }

  header(read) {
    const { film, row, journey } = this.model;
    const about = film.brief(row), peer = film.ports[film.port[row]].peer;
    const facts = [this.say("sentAt", { time: `${seconds(film.start[row])} s` }), this.say("bytes", { n: film.size(row) })];
    const lost = film.lost.get(film.id[row]);
    if (lost === undefined && film.wasSent(row)) facts.push(this.say("arrives", { time: duration(film.arrival[row] - film.start[row]) }));
    if (film.received.has(film.id[row])) facts.push(this.say("changedOnTheWay"));
    if (film.copies.has(film.id[row])) facts.push(this.say("copy"));
    const isFollowed = journey === film.root[row];
    return el("header", { class: "opened" },
      el("h2", {}, el("i", { class: `p-${family(about.protocol)}` }), el("span", { class: "number" }, `#${film.rank[row] + 1}`), ` ${read.protocol} `, el("span", { class: "hop" }, film.portName(film.port[row]), " → ", peer < 0 ? this.say("nowhere") : film.portName(peer))),
      el("p", { class: "info" }, read.info),
      el("p", { class: "facts" }, facts.join(" · ")),
      lost === undefined ? null : el("p", { class: "bad" }, this.say(film.wasSent(row) ? "lostFrame" : "neverSent", { reason: lost })),
      el("p", { class: "actions" },
        el("button", { type: "button", id: "follow", "aria-pressed": String(isFollowed), onclick: () => this.model.set({ journey: isFollowed ? 0 : film.root[row] }) }, this.say(isFollowed ? "followStop" : "follow")),
        about.flow ? el("button", { type: "button", onclick: () => this.model.set({ panel: "ladder", flow: about.flow }) }, this.say("flowLadder")) : null,
        about.flow ? el("button", { type: "button", id: "only-flow", onclick: () => this.model.set({ filter: ofFlow(about) }) }, this.say("filterFlow")) : null));
  }

  // -- the way

  way() {
    const { film, row, language } = this.model;
    const { hops, cause, origin, cut } = packetHops(film, row);
    const list = el("ol", { class: "hops" });
    if (origin !== undefined) {
      list.append(el("li", { class: "origin" }, el("b", {}, film.nodeName(film.notes.node[origin])), " ", sentence(film, origin, language)));
      this.addNotes(list, film.root[row], origin);
    }
    if (cause >= 0) list.append(el("li", { class: "link" }, `${this.say("because")} `, this.reference(cause)));
    for (const hop of hops) list.append(this.hop(hop));
    if (cut) list.append(el("li", { class: "soft" }, this.say("hopsCut")));
    return el("section", {}, el("h3", {}, this.say("path")), list);
  }

  /** What the sender noted before anything was sent: a route chosen, an ARP question to be answered first. */
  addNotes(list, root, origin) {
    const { film, language } = this.model;
    for (const index of film.notesAbout.get(root) || []) {
      if (index !== origin) list.append(this.note(index, language));
    }
  }

  note(index, language) {
    const { film } = this.model;
    const bad = isBad(film.notes.kind[index]);
    return el("li", { class: bad ? "note bad" : "note" }, el("b", {}, film.nodeName(film.notes.node[index])), " ", sentence(film, index, language));
  }

  reference(row) {
    const { film, model = this.model } = this.model;
    const about = film.brief(row);
    return el("button", { type: "button", class: "reference", onclick: () => model.open(row) }, el("i", { class: `p-${family(about.protocol)}` }), `#${film.rank[row] + 1} ${readSent(film, row).info}`);
  }

  hop({ row, depth, before }) {
    const { film, language } = this.model;
    const peer = film.ports[film.port[row]].peer;
    const item = el("li", { class: row === this.model.row ? "hop chosen" : "hop", style: { "--depth": String(Math.min(depth, 6)) } });
    item.append(el("button", { type: "button", class: "jump", "aria-current": row === this.model.row ? "true" : null, onclick: () => this.model.open(row) },
      el("span", { class: "time" }, seconds(film.start[row])), el("span", {}, film.portName(film.port[row])), " → ", el("span", {}, peer < 0 ? this.say("nowhere") : film.portName(peer))));
    if (before >= 0) {
      const found = changes(film, before, row);
      if (found.length) item.append(changeTable(found));
    }
    const lost = film.lost.get(film.id[row]);
    if (lost !== undefined) item.append(el("p", { class: "note bad" }, this.say(film.wasSent(row) ? "lostFrame" : "neverSent", { reason: lost })));
    for (const index of film.notesAbout.get(film.id[row]) || []) {
      const kind = film.notes.kind[index];
      if (kind === "drop" && lost !== undefined) continue;
      item.append(el("p", { class: isBad(kind) ? "note bad" : "note" }, el("b", {}, film.nodeName(film.notes.node[index])), " ", sentence(film, index, language)));
    }
    const after = consequences(film, row);
    if (after.length && row === this.model.row) {
      item.append(el("p", { class: "link" }, `${this.say("leadsTo")} `, after.slice(0, MOST_CONSEQUENCES).map((child) => this.reference(child)), after.length > MOST_CONSEQUENCES ? " …" : ""));
    }
    return item;
  }

  // -- fields and bytes

  fields(read) {
    this.places = []; // [element, at, size] of each field, the inner ones last
    const tree = el("div", { class: "layers" });
    for (const layer of read.layers) tree.append(this.layer(layer));
    tree.addEventListener("pointerover", (event) => this.pointAt(event.target));
    tree.addEventListener("focusin", (event) => this.pointAt(event.target));
    tree.addEventListener("pointerleave", () => this.light(0, 0));
    return el("section", {}, el("h3", {}, this.say("layers")), tree);
  }

  layer(layer) {
    const open = !this.closed.has(layer.key);
    const title = this.place(el("summary", {}, layer.title), layer);
    const node = el("details", { open }, title, layer.fields.map((field) => this.field(field)));
    node.addEventListener("toggle", () => this.closed[node.open ? "delete" : "add"](layer.key));
    return node;
  }

  field(field) {
    const words = [el("span", { class: "name" }, field.name), field.text === "" ? null : el("span", { class: "value" }, field.text)];
    if (!field.fields.length) return this.place(el("div", { class: "field", title: field.key || null }, words), field);
    return el("details", { class: "field" }, this.place(el("summary", { title: field.key || null }, words), field), field.fields.map((inner) => this.field(inner)));
  }

  place(node, { at, size, key }) {
    this.places.push([node, at, size]);
    if (key) node.dataset.key = key;
    return node;
  }

  pointAt(target) {
    const found = this.places.find(([node]) => node === target || node === target.closest(".field, summary"));
    if (found) this.light(found[1], found[2]);
  }

  dump(read) {
    const bytes = this.model.film.arrived(this.model.row), whole = this.model.film.size(this.model.row);
    const most = this.showsAll ? bytes.length : Math.min(bytes.length, FIRST_BYTES);
    this.cells = [];
    const dump = el("div", { class: "dump", tabindex: "0", role: "group", "aria-label": this.say("hexdump") });
    const layerAt = (index) => read.layers.findLastIndex((layer) => index >= layer.at && index < layer.at + layer.size);
    for (let from = 0; from < most; from += PER_LINE) {
      const codes = el("span", { class: "codes" }), signs = el("span", { class: "signs" });
      for (let i = from; i < Math.min(from + PER_LINE, most); i++) {
        const tone = `l${Math.max(layerAt(i), 0) % 6}`;
        const pair = [el("span", { class: tone, "data-at": i }, hexByte(bytes[i])), el("span", { class: tone, "data-at": i }, ascii(bytes, i, i + 1))];
        this.cells.push(pair);
        codes.append(pair[0]);
        signs.append(pair[1]);
      }
      dump.append(el("div", { class: "line" }, el("span", { class: "offset" }, from.toString(16).padStart(4, "0")), codes, signs));
    }
    dump.addEventListener("pointerover", (event) => this.pointAtByte(event.target.closest("[data-at]")));
    dump.addEventListener("pointerleave", () => this.light(0, 0));
    dump.addEventListener("keydown", (event) => this.walk(event));
    this.lit = [0, 0];
    return el("section", {}, el("h3", {}, this.say("hexdump")), dump, this.rest(most, bytes.length, whole));
  }

  rest(shown, here, whole) {
    if (shown < here) {
      return el("button", { type: "button", onclick: () => {
        this.showsAll = true;
        this.key = "";
        this.paint();
      } }, this.say("allBytes", { n: here }));
    }
    return here < whole ? el("p", { class: "soft" }, this.say("notKept", { n: whole - here })) : null;
  }

  pointAtByte(cell) {
    if (!cell) return;
    this.lightFieldAt(Number(cell.dataset.at));
  }

  /** Light the smallest field that holds a byte, in both views. */
  lightFieldAt(at) {
    let best = null;
    for (const place of this.places) {
      if (at >= place[1] && at < place[1] + place[2] && (!best || place[2] <= best[2])) best = place;
    }
    this.light(best ? best[1] : at, best ? best[2] : 1, best ? best[0] : null);
  }

  /** With the arrow keys from byte to byte. */
  walk(event) {
    const by = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: PER_LINE, ArrowUp: -PER_LINE }[event.key];
    if (!by) return;
    this.cursor = Math.min(Math.max((this.cursor ?? -1) + by, 0), this.cells.length - 1);
    this.lightFieldAt(this.cursor);
    event.preventDefault();
    event.stopPropagation();
  }

  light(at, size, node = null) {
    for (let i = this.lit[0]; i < this.lit[1]; i++) for (const cell of this.cells[i] || []) cell.classList.remove("lit");
    for (const [other] of this.places) other.classList.remove("lit");
    this.lit = [at, Math.min(at + size, this.cells.length)];
    for (let i = at; i < this.lit[1]; i++) for (const cell of this.cells[i]) cell.classList.add("lit");
    if (!size) return;
    const found = node || (this.places.findLast((place) => place[1] === at && place[2] === size) || [])[0];
    if (found) found.classList.add("lit");
  }
}

/** Old and new of each field that differs, as a small table. */
export function changeTable(found) {
  return el("table", { class: "changes" }, el("tbody", {}, found.map(({ name, old, now }) =>
    el("tr", {}, el("th", { scope: "row" }, name), el("td", { class: "old" }, old), el("td", { class: "to", "aria-hidden": "true" }, "→"), el("td", { class: "new" }, now)))));
}
