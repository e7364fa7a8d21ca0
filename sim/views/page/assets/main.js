// The page put together. `start(film, {live})` shows a film; it is called by boot.js for a recording, and by the live
// page, which goes on with `append`.

import { keepAddress } from "./address.js";
import { ChartsView } from "./charts.js";
import { COMMON } from "./filter.js";
import { el, replace, setText } from "./dom.js";
import { Keys } from "./keys.js";
import { LadderView } from "./ladder.js";
import { FrameList } from "./list.js";
import { MapView } from "./map.js";
import { Model } from "./model.js";
import { PacketView } from "./packet.js";
import { playback } from "./playback.js";
import { readSent } from "./reading.js";
import { StepsView } from "./steps.js";
import { TablesView } from "./tables.js";
import { Tip } from "./tip.js";
import { Transport } from "./transport.js";
import { LANGUAGES, putWords, word } from "./words.js";

export const PANELS = ["frame", "tables", "ladder", "charts", "steps", "frames"];

/**
 * Show a film. `live`, for a run that goes on, may have: `controls(app, box)`, called once with the place in the header
 * that is its own; `panel(app, box)`, which fills a panel of its own; `onLink(link, event)` and `onDevice(node)`, called
 * when one is clicked on the map. Returns {model, map, append(part), addPanel(name, title)}.
 */
export function start(film, { live = null } = {}) {
  const find = (id) => document.getElementById(id);
  const model = new Model(film);
  const tip = new Tip(find("tip"));
  setSettings(model);
  const tabs = new Tabs(model, find("tabs"), find("panels"), live && live.panel ? ["live", ...PANELS] : PANELS);
  const map = new MapView(model, find("map"), tip);
  new Transport(model, find("transport"), tip);
  new FrameList(model, find("list"));
  new PacketView(model, tabs.panel("frame"));
  new TablesView(model, tabs.panel("tables"));
  new LadderView(model, tabs.panel("ladder"));
  new ChartsView(model, tabs.panel("charts"));
  new StepsView(model, tabs.panel("steps"));
  header(model, find);
  filterBox(model, find);
  splitter(find("split"));
  const toggleTheme = () => model.set({ theme: model.theme === "dark" ? "light" : "dark", themeChosen: true });
  const toggleLanguage = () => model.set({ language: LANGUAGES[(LANGUAGES.indexOf(model.language) + 1) % LANGUAGES.length] });
  const keys = new Keys(model, { dialog: find("keys"), filter: find("filter"), panels: tabs.names, toggleTheme, toggleLanguage });
  find("theme").addEventListener("click", toggleTheme);
  find("language").addEventListener("click", toggleLanguage);
  find("help").addEventListener("click", () => keys.show());
  playback(model);
  keepAddress(model, tabs.names);
  const app = { model, map, tip, append: (part) => model.append(part), livePanel: tabs.panel("live") };
  model.on("language", () => putWords(document, model.language));
  if (live) {
    map.onLink = live.onLink;
    map.onDevice = live.onDevice;
    if (live.controls) live.controls(app, find("live"));
    if (live.panel) live.panel(app, tabs.panel("live"));
  }
  return app;
}

/** Language and theme: what the reader chose last, else what the browser says. */
function setSettings(model) {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const kept = recall();
  model.language = LANGUAGES.includes(kept.language) ? kept.language : navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
  model.theme = kept.theme || (dark.matches ? "dark" : "light");
  model.themeChosen = Boolean(kept.theme);
  dark.addEventListener("change", () => model.themeChosen || model.set({ theme: dark.matches ? "dark" : "light" }));
  model.on("theme", () => (document.documentElement.dataset.theme = model.theme));
  model.on("theme language", () => remember({ language: model.language, theme: model.themeChosen ? model.theme : "" }));
}

const KEPT = "packetsim";

function recall() {
  try {
    return JSON.parse(localStorage.getItem(KEPT)) || {};
  } catch {
    return {}; // a browser may keep nothing for a file
  }
}

function remember(settings) {
  try {
    localStorage.setItem(KEPT, JSON.stringify(settings));
  } catch {
    // as above
  }
}

class Tabs {
  constructor(model, bar, box, names) {
    this.names = names;
    this.panels = new Map(names.filter((name) => name !== "frames").map((name) => [name, el("div", { class: "panel", role: "tabpanel", id: `panel-${name}`, "aria-labelledby": `tab-${name}`, tabindex: "-1" })]));
    this.tabs = new Map(names.map((name) => [name, el("button", { type: "button", role: "tab", id: `tab-${name}`, class: name === "frames" ? "narrow" : null, "aria-controls": name === "frames" ? "list" : `panel-${name}`, "data-word": name, onclick: () => model.set({ panel: name }) })]));
    replace(bar, [...this.tabs.values()]);
    replace(box, [...this.panels.values()]);
    bar.addEventListener("keydown", (event) => {
      const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!by) return;
      const shown = names.filter((name) => this.tabs.get(name).offsetParent);
      const next = shown[(shown.indexOf(model.panel) + by + shown.length) % shown.length];
      model.set({ panel: next });
      this.tabs.get(next).focus();
      event.preventDefault();
      event.stopPropagation();
    });
    model.on("panel", () => {
      document.body.dataset.panel = model.panel;
      for (const [name, tab] of this.tabs) {
        tab.setAttribute("aria-selected", String(name === model.panel));
        tab.tabIndex = name === model.panel ? 0 : -1;
      }
      for (const [name, panel] of this.panels) panel.hidden = name !== model.panel && !(model.panel === "frames" && name === "frame");
    });
  }

  panel(name) {
    return this.panels.get(name) || null;
  }
}

function header(model, find) {
  const { film } = model;
  model.on("row", () => {
    const { row } = model;
    find("said").textContent = row < 0 ? "" : `#${film.rank[row] + 1} ${film.portName(film.port[row])}: ${readSent(film, row).info}`;
  });
  model.on("film language", () => {
    const { language } = model;
    find("name").textContent = film.name;
    document.title = film.name ? `${film.name} - packetsim` : "packetsim";
    const verdict = find("verdict");
    verdict.className = film.passed === null ? "" : film.passed ? "good" : "bad";
    setText(verdict, film.passed === null ? "" : film.passed ? `✓ ${word(language, "passed")}` : `✗ ${word(language, "failed")}`);
    verdict.title = [film.seed === undefined ? "" : word(language, "seed", { seed: film.seed }), film.digest].filter(Boolean).join("\n");
    const notice = find("notice");
    notice.hidden = !film.sampled;
    if (film.sampled) notice.textContent = word(language, "sampled", { all: film.sampled.frames.toLocaleString(language), n: film.sampled.kept.toLocaleString(language) });
    find("language").textContent = language === "en" ? "中文" : "English";
  });
  model.on("theme", () => (find("theme").textContent = model.theme === "dark" ? "☀" : "☾"));
  model.on("journey language", () => {
    const { journey, language } = model;
    replace(find("chips"), journey ? el("button", { type: "button", class: "chip", title: word(language, "followStop"), onclick: () => model.set({ journey: 0 }) }, `${word(language, "journeyChip", { id: journey })} ×`) : null);
  });
}

function filterBox(model, find) {
  const input = find("filter"), problem = find("filter-problem"), count = find("filter-count");
  replace(find("filter-words"), COMMON.map((name) => el("option", { value: name })));
  const apply = () => model.set({ filter: input.value });
  find("filter-form").addEventListener("submit", (event) => {
    event.preventDefault();
    apply();
  });
  input.addEventListener("change", apply);
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    if (input.value) model.set({ filter: "" });
    input.value = "";
    input.blur();
  });
  find("filter-clear").addEventListener("click", () => {
    model.set({ filter: "" });
    input.value = "";
  });
  model.on("filter visible language", () => {
    const { language, film } = model;
    input.placeholder = word(language, "filterHint");
    if (document.activeElement !== input || model.filter) input.value = model.filter;
    problem.textContent = model.problem ? word(language, model.problem.word, model.problem.values) : "";
    input.setAttribute("aria-invalid", String(Boolean(model.problem)));
    find("filter-form").classList.toggle("used", Boolean(model.filter));
    const values = { count: model.visible.length.toLocaleString(language), all: film.length.toLocaleString(language) };
    setText(count, word(language, model.isFiltered ? "filterCount" : "filterAll", values));
  });
}

const NARROWEST = 25, WIDEST = 70; // percent of the window

function splitter(bar) {
  const root = document.documentElement;
  let width = 42;
  const put = (percent) => {
    width = Math.min(Math.max(percent, NARROWEST), WIDEST);
    root.style.setProperty("--side", `${width}%`);
  };
  bar.addEventListener("pointerdown", (event) => bar.setPointerCapture(event.pointerId));
  bar.addEventListener("pointermove", (event) => {
    if (bar.hasPointerCapture(event.pointerId)) put(100 - (event.clientX / innerWidth) * 100);
  });
  bar.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: 2, ArrowRight: -2 }[event.key];
    if (!by) return;
    put(width + by);
    event.preventDefault();
    event.stopPropagation();
  });
}
