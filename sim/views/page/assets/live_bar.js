// The controls of the network in the header: whether it runs, how fast, and the way back to what happens now.

import { el, setText } from "./dom.js";
import { duration } from "./numbers.js";
import { word } from "./words.js";

const SPEEDS = [0.01, 0.1, 0.5, 1, 2, 5, 10];
const LATE = 50e6; // ns: what is worth a word

export class LiveBar {
  constructor(session, model, box) {
    this.session = session;
    this.model = model;
    const ask = (message) => session.ask(message).catch((error) => session.set({ error: error.message }));
    this.lamp = el("span", { class: "lamp", role: "status", id: "live-state" });
    this.run = el("button", { type: "button", id: "net-run", onclick: () => ask({ pause: session.state === "running" }) });
    this.step = el("button", { type: "button", id: "net-step", "data-word": "netStep", "data-title": "netStepTitle", onclick: () => ask({ step: true }) });
    this.speed = el("select", { id: "net-speed", "data-label": "netSpeed", "data-title": "netSpeed", onchange: () => ask({ speed: Number(this.speed.value) }) });
    this.follow = el("button", { type: "button", id: "to-now", "data-word": "toNow", "data-title": "toNowTitle", onclick: () => this.toNow() });
    box.append(this.lamp, this.run, this.step, this.speed, this.follow);
    session.on("connection state speed lag missed letGo", () => this.paint());
    model.on("language follows", () => this.paint());
    let played = false;
    model.on("playing", () => {
      if (played && !model.playing && model.follows) model.set({ follows: false }); // the reader looks at something else
      played = model.playing;
    });
  }

  toNow() {
    this.model.set({ follows: true, time: this.model.film.end, playing: true });
  }

  paint() {
    const { session, model } = this;
    const { connection, state } = session;
    const say = (name, values) => word(model.language, name, values);
    const open = connection === "open";
    const name = { connecting: "liveConnecting", lost: "liveLost", over: "liveOver", open: state === "paused" ? "livePaused" : "liveOpen" }[connection];
    this.lamp.className = `lamp ${open ? state : connection}`;
    setText(this.lamp, say(name));
    const late = open && state === "running" && session.lag > LATE ? say("behind", { time: duration(session.lag) }) : "";
    const facts = [connection === "over" ? say("liveOverTitle") : "", late, session.missed ? say("missed", { n: session.missed }) : "", session.letGo ? say("letGo", { n: session.letGo }) : ""];
    this.lamp.title = facts.filter(Boolean).join(" ");
    if (late) this.lamp.textContent += ` · ${late}`;
    setText(this.run, say(state === "running" ? "netPause" : "netRun"));
    for (const control of [this.run, this.step, this.speed]) control.disabled = !open;
    const speeds = SPEEDS.includes(session.speed) ? SPEEDS : [...SPEEDS, session.speed].sort((a, b) => a - b);
    if (this.speed.children.length !== speeds.length) this.speed.replaceChildren(...speeds.map((one) => el("option", { value: one }, say("speedTimes", { n: one }))));
    this.speed.value = String(session.speed);
    this.follow.hidden = model.follows;
  }
}
