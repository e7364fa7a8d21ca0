// The tables of a device as they were at the time that is shown.

import { el, replace } from "./dom.js";
import { histories } from "./history.js";
import { duration } from "./numbers.js";
import { word } from "./words.js";

export class TablesView {
  constructor(model, panel) {
    this.model = model;
    this.choice = el("select", { id: "device", "data-label": "device", onchange: () => model.set({ device: Number(this.choice.value) }) });
    this.age = el("span", { class: "soft" });
    this.body = el("div", { class: "tables" });
    const jump = (name, text, find) => el("button", { type: "button", class: "icon", "data-title": name, onclick: () => {
      const time = find(this.history(), model.time);
      if (time !== null) model.goto(time);
    } }, text);
    replace(panel, el("div", { class: "choose" }, this.choice, jump("previousChange", "◂", (history, time) => history && history.previous(time)), jump("nextChange", "▸", (history, time) => history && history.next(time)), el("button", { type: "button", id: "only-host", "data-word": "filterHost", onclick: () => model.set({ filter: `host == ${quoted(model.film.nodeName(model.device))}` }) }), this.age), this.body);
    model.on("film", () => this.fill());
    model.on("time device panel language film", () => this.paint());
  }

  history() {
    return histories(this.model.film).get(this.model.device) || null;
  }

  fill() {
    const { film } = this.model;
    const with_ = histories(film);
    if (this.choice.length === film.nodes.length && this.choice.dataset.with === String(with_.size)) return;
    replace(this.choice, film.nodes.map((node, index) => el("option", { value: index }, node.kind === node.name ? node.name : `${node.name} (${node.kind})`)));
    this.choice.dataset.with = String(with_.size);
    if (this.model.device < 0 && film.nodes.length) this.model.device = with_.size ? Math.min(...with_.keys()) : 0;
    this.choice.value = String(this.model.device);
  }

  paint() {
    const { film, panel, device, time, language } = this.model;
    if (panel !== "tables") return;
    this.choice.value = String(device);
    const history = this.history();
    if (!history) {
      this.key = "";
      this.age.textContent = "";
      return replace(this.body, el("p", { class: "empty" }, word(language, film.tables.length ? "noTables" : "noTablesAtAll", { node: film.nodeName(device) })));
    }
    const state = history.at(time);
    this.age.textContent = state.time === null ? word(language, "noChange") : word(language, "lastChange", { time: duration(time - state.time) });
    const key = `${device} ${state.time} ${language} ${history.list.length} ${film.length}`;
    if (key === this.key) return null;
    this.key = key;
    const names = [...new Set([...Object.keys(film.columns).filter((name) => history.last.has(name)), ...history.last.keys()])];
    return replace(this.body, names.map((name) => this.table(name, state)));
  }

  table(name, state) {
    const { film, language } = this.model;
    const rows = state.tables.get(name) || new Map();
    const fresh = new Set(), gone = new Map();
    for (const [, , table, key, row] of state.changed) {
      if (table !== name) continue;
      if (row === null) gone.set(key, true);
      else fresh.add(key);
    }
    for (const key of rows.keys()) gone.delete(key);
    const keys = [...rows.keys(), ...gone.keys()].sort(naturally);
    const columns = film.columns[name] || ["key"];
    const width = Math.max(columns.length, 1 + Math.max(0, ...[...rows.values()].map((row) => row.length)));
    const titles = Array.from({ length: width }, (_, i) => columns[i] || "");
    return el("table", { class: "state", "data-table": name },
      el("caption", {}, el("b", {}, name), " ", el("span", { class: "soft" }, word(language, "rows", { n: rows.size }))),
      el("thead", {}, el("tr", {}, titles.map((title) => el("th", { scope: "col" }, title)))),
      el("tbody", {}, keys.length ? keys.map((key) => el("tr", { class: gone.has(key) ? "gone" : fresh.has(key) ? "fresh" : null },
        el("td", {}, key), gone.has(key) ? el("td", { colspan: width - 1 }, word(language, "gone")) : rows.get(key).map((value) => el("td", {}, value === null ? "" : String(value)))))
        : el("tr", {}, el("td", { class: "soft", colspan: width }, word(language, "empty")))));
  }
}

function quoted(name) {
  return /^[\w.-]+$/.test(name) ? name : `"${name.replace(/["\\]/g, "\\$&")}"`;
}

function naturally(a, b) {
  return String(a).localeCompare(String(b), "en", { numeric: true });
}
