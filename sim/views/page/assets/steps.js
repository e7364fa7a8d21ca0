// The steps of the scenario: what was done when, whether it passed, and why not.

import { el, replace } from "./dom.js";
import { duration, seconds } from "./numbers.js";
import { stepName } from "./scrubber.js";
import { word } from "./words.js";

const MOST_JOURNEYS = 8;

export class StepsView {
  constructor(model, panel) {
    this.model = model;
    this.panel = panel;
    model.on("film language panel", () => this.paint());
    model.on("time", () => this.mark());
  }

  paint() {
    const { film, language } = this.model;
    if (!film.steps.length) return replace(this.panel, el("p", { class: "empty" }, word(language, "noSteps")));
    this.items = film.steps.map((step) => this.item(step));
    replace(this.panel, el("ol", { class: "steps" }, this.items));
    return this.mark();
  }

  item(step) {
    const { model } = this;
    const say = (name, values) => word(model.language, name, values);
    const began = step.started !== null && step.started !== undefined;
    const state = step.ended === null || step.ended === undefined ? "open" : step.passed ? "good" : "bad";
    return el("li", { class: state },
      el("button", { type: "button", class: "jump", disabled: !began, title: say("gotoStep"), onclick: () => this.goto(step) },
        el("span", { class: "mark", "aria-hidden": "true" }, state === "good" ? "✓" : state === "bad" ? "✗" : "…"), el("b", {}, `${step.number}. ${stepName(step)}`), step.name ? el("span", { class: "soft" }, ` ${step.kind}`) : null),
      el("p", { class: "soft" }, began ? `${seconds(step.started)} s${step.ended === null || step.ended === undefined ? "" : ` + ${duration(step.ended - step.started)}`}` : say("notStarted")),
      step.summary ? el("p", {}, step.summary) : null,
      (step.failures || []).map((failure) => el("p", { class: "bad" }, failure)),
      step.journeys && step.journeys.length ? el("p", { class: "journeys" }, step.journeys.slice(0, MOST_JOURNEYS).map((root, index) =>
        el("button", { type: "button", onclick: () => this.follow(root) }, `${say("showJourney")} ${index + 1}`)), step.journeys.length > MOST_JOURNEYS ? " …" : "") : null);
  }

  goto(step) {
    this.model.goto(step.started);
    if (step.started < this.model.from || step.started > this.model.to) this.model.zoom(0, this.model.film.end);
  }

  follow(root) {
    this.model.set({ journey: root });
    if (this.model.visible.length) this.model.open(this.model.visible[0], { panel: "frame" });
  }

  mark() {
    const { film, time } = this.model;
    (this.items || []).forEach((item, index) => {
      const { started, ended } = film.steps[index];
      item.classList.toggle("now", started !== null && started <= time && (ended === null || ended === undefined || time <= ended));
    });
  }
}
