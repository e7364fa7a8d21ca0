// What there is to see, for a reader who has opened no frame yet.

import { PROTOCOLS, family } from "./brief.js";
import { el } from "./dom.js";
import { ofFamily } from "./filter.js";
import { duration } from "./numbers.js";
import { word } from "./words.js";

const MOST_REASONS = 12;

export function overview(model) {
  const { film, language } = model;
  const say = (name, values) => word(language, name, values);
  const facts = [say("filterAll", { all: film.length.toLocaleString(language) }), duration(film.end), say("devices", { n: film.nodes.length })];
  return el("div", { class: "overview" },
    el("p", { class: "facts" }, facts.join(" · ")),
    counts(say("protocol"), protocols(film), (name) => [el("i", { class: `p-${name}` }), name], (name) => (ofFamily(name) ? () => model.set({ filter: ofFamily(name) }) : null)),
    counts(say("drops"), reasons(film), (reason) => reason, (reason) => () => model.set({ filter: `drop == "${reason.replace(/["\\]/g, "\\$&")}"` })),
    el("p", { class: "hint" }, say(film.length ? "noFrame" : "emptyFilm"), " ", el("kbd", {}, "?")));
}

/** A small table of counts with bars; a name may be something to do. */
function counts(title, numbers, shown, action) {
  if (!numbers.length) return null;
  const most = Math.max(...numbers.map(([, count]) => count));
  return el("section", {}, el("h3", {}, title), el("table", { class: "counts" }, el("tbody", {}, numbers.map(([name, count]) => {
    const act = action(name);
    return el("tr", {}, el("th", { scope: "row" }, act ? el("button", { type: "button", onclick: act }, shown(name)) : el("span", {}, shown(name))),
      el("td", {}, count.toLocaleString("en")), el("td", { class: "bar" }, el("span", { style: { width: `${(100 * count) / most}%` } })));
  }))));
}

function protocols(film) {
  const found = new Map();
  for (let row = 0; row < film.length; row++) {
    const name = family(film.brief(row).protocol);
    found.set(name, (found.get(name) || 0) + 1);
  }
  return PROTOCOLS.filter((name) => found.has(name)).map((name) => [name, found.get(name)]);
}

function reasons(film) {
  const found = new Map();
  for (const { reason } of film.deaths) found.set(reason, (found.get(reason) || 0) + 1);
  return [...found].sort((a, b) => b[1] - a[1]).slice(0, MOST_REASONS);
}
