// The list of frames. Only the rows in sight are in the document.

import { family } from "./brief.js";
import { el, oncePerPicture, replace, setText } from "./dom.js";
import { seconds } from "./numbers.js";
import { readSent } from "./reading.js";
import { word } from "./words.js";

const HEIGHT = 24;
const COLUMNS = ["number", "timeColumn", "hop", "ends", "protocol", "length", "info"];
const TALLEST = 8_000_000; // px: browsers draw nothing below some tens of millions

export class FrameList {
  constructor(model, section) {
    this.model = model;
    this.head = el("div", { class: "row head", "aria-hidden": "true" }, COLUMNS.map((name) => el("span", { class: name, "data-word": name })));
    this.room = el("div", { class: "room" });
    this.body = el("div", { class: "body", tabindex: "0", role: "listbox", id: "frames" }, this.room);
    this.empty = el("p", { class: "empty" });
    replace(section, this.head, this.body, this.empty);
    this.lines = [];
    this.draw = oncePerPicture(() => this.paint());
    this.body.addEventListener("scroll", () => this.draw());
    this.body.addEventListener("click", (event) => {
      const line = event.target.closest("[data-row]");
      if (line) model.open(Number(line.dataset.row), { panel: "frame" });
    });
    this.body.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.draw()).observe(this.body);
    model.on("visible film", () => this.resize());
    model.on("row time", (_, changed) => this.show(changed));
    model.on("language visible", () => this.draw());
  }

  key(event) {
    const page = Math.max(1, Math.floor(this.body.clientHeight / HEIGHT) - 1);
    const by = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page }[event.key];
    const { visible, row } = this.model;
    if (event.key === "Home" || event.key === "End") this.model.open(visible[event.key === "Home" ? 0 : visible.length - 1]);
    else if (by) this.model.open(visible[Math.min(Math.max((row < 0 ? -1 : this.model.placeOf(row)) + by, 0), visible.length - 1)]);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  resize() {
    const { visible, film, language } = this.model;
    this.scale = Math.max(1, (visible.length * HEIGHT) / TALLEST);
    this.room.style.height = `${(visible.length * HEIGHT) / this.scale}px`;
    this.body.setAttribute("aria-label", word(language, "frames"));
    setText(this.empty, visible.length ? "" : word(language, film.length ? "noFrames" : "emptyFilm"));
    this.draw();
  }

  /** Bring what is opened into sight; while time runs, what has just left. */
  show(changed) {
    const { row, playing } = this.model;
    if (changed.has("row") && row >= 0 && this.model.shows(row)) this.reveal(this.model.placeOf(row));
    else if (playing) this.reveal(Math.max(this.model.started() - 1, 0));
    this.draw();
  }

  reveal(place) {
    const { body } = this;
    const top = (place * HEIGHT) / this.scale, height = body.clientHeight;
    if (top < body.scrollTop + HEIGHT) body.scrollTop = Math.max(0, top - 2 * HEIGHT);
    else if (top > body.scrollTop + height - 2 * HEIGHT) body.scrollTop = top - height + 3 * HEIGHT;
  }

  paint() {
    const { body, model, lines } = this;
    const { visible } = model;
    const count = Math.min(Math.ceil(body.clientHeight / HEIGHT) + 2, visible.length);
    const first = Math.max(0, Math.min(Math.floor((body.scrollTop * this.scale) / HEIGHT), visible.length - count + 1));
    const base = body.scrollTop - (this.scale > 1 ? 0 : body.scrollTop % HEIGHT);
    while (lines.length < count) {
      const line = el("div", { class: "row", role: "option" }, COLUMNS.map((name) => el("span", { class: name })));
      lines.push(line);
      this.room.append(line);
    }
    const now = model.started();
    lines.forEach((line, i) => {
      const place = first + i;
      line.hidden = i >= count || place >= visible.length;
      if (line.hidden) return;
      line.style.transform = `translateY(${base + i * HEIGHT}px)`;
      this.paintRow(line, place, now);
    });
  }

  paintRow(line, place, now) {
    const { model } = this;
    const row = model.visible[place], { film } = model;
    line.classList.toggle("chosen", row === model.row);
    line.classList.toggle("later", place >= now);
    line.classList.toggle("now", place === now - 1);
    line.setAttribute("aria-selected", String(row === model.row));
    if (line.dataset.row === String(row) && line.film === film.length) return;
    line.dataset.row = String(row);
    line.film = film.length;
    const about = film.brief(row);
    const read = readSent(film, row);
    const dead = film.lost.has(film.id[row]) || (film.notesAbout.get(film.id[row]) || []).some((index) => film.notes.kind[index] === "drop");
    line.classList.toggle("dead", dead);
    line.setAttribute("aria-setsize", String(model.visible.length));
    line.setAttribute("aria-posinset", String(place + 1));
    const peer = film.ports[film.port[row]].peer;
    const hop = `${film.nodeName(film.sender(row))} → ${peer < 0 ? "–" : film.nodeName(film.ports[peer].node)}`;
    const texts = [String(film.rank[row] + 1), seconds(film.start[row]), hop, `${about.source} → ${about.destination}`, "", String(film.size(row)), read.info];
    texts.forEach((text, i) => setText(line.children[i], text));
    line.children[2].title = `${film.portName(film.port[row])} → ${film.portName(peer)}`;
    line.children[3].title = texts[3];
    line.children[6].title = read.info;
    replace(line.children[4], el("i", { class: `p-${family(about.protocol)}` }), read.protocol);
  }
}
