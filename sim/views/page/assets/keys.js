// The keyboard, and the page that documents it.

import { PROTOCOLS } from "./brief.js";
import { el, replace } from "./dom.js";
import { placeOfSpeed, speedAt } from "./playback.js";
import { word } from "./words.js";

const HELP = [
  [["Space"], "keyPlay"], [["←", "→"], "keyFrame"], [["Shift ←", "Shift →"], "keyEvent"], [["Home", "End"], "keyEnds"],
  [["[", "]"], "keySpeed"], [["A"], "keyAuto"], [["+", "−", "0"], "keyZoom"], [["/"], "keyFilter"], [["F"], "keyFollow"],
  [["1", "…", "6"], "keyPanels"], [["↑", "↓"], "keyList"], [["Arrows", "+", "−"], "keyMap"], [["Tab", "Enter"], "keyDevice"],
  [["L"], "keyLanguage"], [["T"], "keyTheme"], [["?"], "keyHelp"],
];
const FASTER = 0.05; // of the whole slider

export class Keys {
  constructor(model, { dialog, filter, panels, toggleTheme, toggleLanguage }) {
    this.model = model;
    this.dialog = dialog;
    this.filter = filter;
    this.actions = {
      " ": () => model.set({ playing: !model.playing }),
      ArrowRight: (event) => (event.shiftKey ? model.stepEvent(1) : model.stepFrame(1)),
      ArrowLeft: (event) => (event.shiftKey ? model.stepEvent(-1) : model.stepFrame(-1)),
      Home: () => model.goto(0),
      End: () => model.goto(model.film.end),
      "[": () => this.pace(-1), "]": () => this.pace(1),
      a: () => model.set({ speed: 0 }),
      "+": () => model.zoomAround(model.time, 0.5), "=": () => model.zoomAround(model.time, 0.5), "-": () => model.zoomAround(model.time, 2), 0: () => model.zoom(0, model.film.end),
      "/": () => filter.focus(),
      f: () => this.follow(),
      l: toggleLanguage, t: toggleTheme,
      "?": () => this.show(),
      Escape: () => model.set({ filter: "", journey: 0 }),
    };
    panels.forEach((name, index) => (this.actions[index + 1] = () => model.set({ panel: name })));
    document.addEventListener("keydown", (event) => this.press(event));
  }

  press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || this.dialog.open) return;
    const { target } = event;
    const writes = target.closest("input:not([type=checkbox]), textarea, select, [contenteditable]");
    if (writes) return;
    if ((event.key === " " || event.key === "Enter") && target.closest("button, summary, [role=button], [role=tab]")) return;
    const action = this.actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!action) return;
    action(event);
    event.preventDefault();
  }

  pace(by) {
    const { model } = this;
    const place = placeOfSpeed(model.speed || 1e7) + by * FASTER;
    model.set({ speed: speedAt(Math.min(Math.max(place, 0), 1)) });
  }

  follow() {
    const { film, row, journey } = this.model;
    if (row >= 0) this.model.set({ journey: journey === film.root[row] ? 0 : film.root[row] });
  }

  show() {
    const say = (name) => word(this.model.language, name);
    replace(this.dialog,
      el("h2", { id: "keys-title" }, say("keysTitle")),
      el("dl", {}, HELP.map(([keys, text]) => [el("dt", {}, keys.map((key) => el("kbd", {}, key))), el("dd", {}, say(text))])),
      el("h2", {}, say("legendTitle")),
      el("ul", { class: "legend" }, PROTOCOLS.map((name) => el("li", {}, el("i", { class: `p-${name}` }), name)), el("li", {}, el("i", { class: "cross" }, "×"), say("drop"))),
      el("p", { class: "soft" }, say("copyLink")),
      el("form", { method: "dialog" }, el("button", {}, say("close"))));
    this.dialog.showModal();
  }
}
