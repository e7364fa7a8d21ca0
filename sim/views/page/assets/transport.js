// The controls of time: buttons, speed, the clock.

import { el, replace, setText } from "./dom.js";
import { clock, duration, round } from "./numbers.js";
import { placeOfSpeed, speedAt } from "./playback.js";
import { Scrubber } from "./scrubber.js";
import { word } from "./words.js";

const ICONS = {
  toStart: "M5 5v14M19 5L9 12l10 7z", eventBack: "M19 5L9 12l10 7zM5 12h.01", back: "M17 5L7 12l10 7z", play: "M7 4l13 8-13 8z",
  pause: "M7 5v14M17 5v14", forward: "M7 5l10 7-10 7z", eventForward: "M5 5l10 7-10 7zM19 12h.01", toEnd: "M19 5v14M5 5l10 7-10 7z",
};

export class Transport {
  constructor(model, section, tip) {
    this.model = model;
    this.clock = el("output", { class: "clock", "aria-live": "off" });
    this.play = this.button("play", () => model.set({ playing: !model.playing }), "main");
    this.slider = el("input", { type: "range", min: 0, max: 1, step: "any", "data-label": "speed", oninput: () => model.set({ speed: speedAt(Number(this.slider.value)) }) });
    this.auto = el("input", { type: "checkbox", id: "auto", onchange: () => model.set({ speed: this.auto.checked ? 0 : speedAt(Number(this.slider.value)) }) });
    this.skip = el("input", { type: "checkbox", id: "skip", onchange: () => model.set({ skips: this.skip.checked }) });
    this.reading = el("output", { class: "speed" });
    this.slider.value = String(placeOfSpeed(1e7));
    const bar = el("div", { class: "bar" },
      el("div", { class: "buttons" },
        this.button("toStart", () => model.goto(0)), this.button("eventBack", () => model.stepEvent(-1)), this.button("back", () => model.stepFrame(-1)),
        this.play,
        this.button("forward", () => model.stepFrame(1)), this.button("eventForward", () => model.stepEvent(1)), this.button("toEnd", () => model.goto(model.film.end))),
      el("span", { class: "reading" }, this.clock, el("span", { class: "unit" }, "s")),
      el("div", { class: "pace" },
        el("label", { for: "auto", "data-title": "autoTitle" }, this.auto, el("span", { "data-word": "auto" })), this.slider, this.reading,
        el("label", { for: "skip", "data-title": "skipTitle" }, this.skip, el("span", { "data-word": "skip" }))));
    const box = el("div", { class: "scrubber" });
    replace(section, bar, box);
    this.scrubber = new Scrubber(model, box, tip);
    model.on("time", () => setText(this.clock, clock(model.time)));
    model.on("playing language", () => this.showPlaying());
    model.on("speed skips language pace playing", () => this.showSpeed());
  }

  button(name, action, extra = "") {
    const icon = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    icon.setAttribute("viewBox", "0 0 24 24");
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    path.setAttribute("d", ICONS[name]);
    icon.append(path);
    return el("button", { type: "button", class: `icon ${extra}`.trim(), id: `do-${name}`, "data-title": name, onclick: action }, icon);
  }

  showPlaying() {
    const { playing, language } = this.model;
    const name = playing ? "pause" : "play";
    this.play.querySelector("path").setAttribute("d", ICONS[name]);
    this.play.dataset.title = name;
    this.play.title = word(language, name);
    this.play.setAttribute("aria-label", this.play.title);
    this.play.setAttribute("aria-pressed", String(playing));
  }

  showSpeed() {
    const { speed, skips, language, pace, playing } = this.model;
    this.auto.checked = speed === 0;
    this.skip.checked = skips;
    this.slider.disabled = false;
    if (speed) this.slider.value = String(placeOfSpeed(speed));
    this.slider.classList.toggle("unused", speed === 0);
    const shown = speed || (playing ? pace : 0);
    setText(this.reading, shown ? speedText(speed || Number(pace.toPrecision(1)), language) : "");
    if (!speed && playing && pace) this.slider.value = String(placeOfSpeed(pace));
    this.slider.setAttribute("aria-valuetext", this.reading.textContent);
  }
}

function speedText(speed, language) {
  if (Math.abs(speed / 1e9 - 1) < 0.02) return word(language, "realTime");
  if (speed > 1e9) return word(language, "times", { n: round(speed / 1e9) });
  return word(language, "perSecond", { time: duration(speed) });
}
