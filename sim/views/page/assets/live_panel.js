// The panel of the live page: the console of a device, the properties of a link, and frames made by hand.

import { el, replace, setText } from "./dom.js";
import { word } from "./words.js";

const MOST_LINES = 50; // of what was typed before

export class LivePanel {
  constructor(session, model, panel) {
    this.session = session;
    this.model = model;
    this.typed = [];
    this.place = 0;
    this.link = 0;
    this.node = Math.max(0, model.film.nodes.findIndex((node) => node.kind === "host"));
    panel.append(this.makeConsole(), this.makeLink(), this.makeFrame());
    session.on("can consoles busy dark connection", () => this.paintConsole());
    session.on("links connection", () => this.paintLink(false));
    model.on("language", () => this.paintAll());
    model.on("device", () => this.choose(model.device));
  }

  say(name, values) {
    return word(this.model.language, name, values);
  }

  get name() {
    return this.model.film.nodeName(this.node);
  }

  /** A device was chosen, here or on the map. */
  choose(node) {
    if (node < 0) return;
    this.node = node;
    this.from.value = this.name;
    this.paintConsole();
  }

  async ask(message, told) {
    setText(told, "");
    try {
      return await this.session.ask(message);
    } catch (error) {
      setText(told, error.message === "offline" ? this.say("offline") : error.message);
      return null;
    }
  }

  // -- the console

  makeConsole() {
    const { film } = this.model;
    this.nodes = el("select", { id: "console-node", "data-label": "device", onchange: () => this.model.set({ device: Number(this.nodes.value) }) }, film.nodes.map((node, index) => el("option", { value: index }, node.label || node.name)));
    this.power = el("button", { type: "button", id: "power", onclick: () => this.ask({ do: { node: { name: this.name, state: this.session.dark.has(this.name) ? "up" : "down" } } }, this.complaint) });
    this.screen = el("pre", { class: "screen", id: "console", tabindex: "0", role: "log" });
    this.prompt = el("label", { for: "console-line", class: "prompt" });
    this.line = el("input", { id: "console-line", type: "text", autocomplete: "off", autocapitalize: "off", spellcheck: "false", maxlength: "1000", onkeydown: (event) => this.key(event) });
    this.stop = el("button", { type: "button", id: "console-stop", "data-word": "stopIt", onclick: () => this.interrupt() });
    this.complaint = el("p", { class: "bad", role: "alert" });
    this.chips = el("div", { class: "verbs" });
    return el("section", {}, el("div", { class: "choose" }, el("h2", { "data-word": "console" }), this.nodes, this.power), this.screen,
      el("form", { class: "entry", onsubmit: (event) => this.enter(event) }, this.prompt, this.line, this.stop), this.chips, this.complaint);
  }

  enter(event) {
    event.preventDefault();
    const line = this.line.value.trim();
    if (!line) return;
    this.type(line);
    this.line.value = "";
  }

  type(line) {
    if (this.typed[this.typed.length - 1] !== line) this.typed = [...this.typed, line].slice(-MOST_LINES);
    this.place = this.typed.length;
    this.ask({ console: this.name, line }, this.complaint);
  }

  interrupt() {
    this.ask({ interrupt: this.name }, this.complaint);
    this.line.focus();
  }

  key(event) {
    const selects = this.line.selectionStart !== this.line.selectionEnd;
    if (event.ctrlKey && event.key === "c" && !selects) this.interrupt();
    else if (event.key === "ArrowUp" || event.key === "ArrowDown") {
      const next = this.place + (event.key === "ArrowUp" ? -1 : 1);
      if (next < 0 || next > this.typed.length) return;
      this.place = next;
      this.line.value = this.typed[next] || "";
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  paintConsole() {
    const { session, screen } = this;
    const open = session.connection === "open", off = session.dark.has(this.name);
    this.nodes.value = String(this.node);
    setText(this.power, this.say(off ? "switchOn" : "switchOff"));
    this.power.disabled = !open;
    const text = session.consoles.get(this.name) || "";
    const stays = screen.scrollHeight - screen.scrollTop - screen.clientHeight > 30 && screen.textContent !== "";
    if (screen.textContent !== text) {
      screen.textContent = text;
      if (!stays || this.shown !== this.name) screen.scrollTop = screen.scrollHeight;
      this.shown = this.name;
    }
    screen.setAttribute("aria-label", this.say("consoleOf", { node: this.name }));
    setText(this.prompt, `${this.name}$`);
    this.line.disabled = !open;
    this.line.placeholder = this.example();
    this.stop.hidden = !session.busy.has(this.name);
    const verbs = session.can[this.name] || [];
    const key = `${this.name} ${verbs.join()}`;
    if (this.verbs === key) return;
    this.verbs = key;
    replace(this.chips, [...verbs.filter((verb) => !TAKES_MORE.has(verb)), "help"].map((verb) => el("button", { type: "button", onclick: () => this.type(verb) }, verb)));
  }

  /** Something that can be typed here: a ping to somebody else. */
  example() {
    const { film } = this.model;
    const verbs = this.session.can[this.name] || [];
    const other = film.nodes.findLast((node, index) => node.kind === "host" && index !== this.node);
    return verbs.includes("ping") && other ? this.say("typeHere", { node: other.name }) : this.say("typeHelp");
  }

  // -- a link

  makeLink() {
    const { film } = this.model;
    this.links = el("select", { id: "link", "data-label": "link", onchange: () => this.showLink(Number(this.links.value)) }, film.links.map((link, index) => el("option", { value: index }, link.ends.map((port) => film.portName(port)).join(" — "))));
    this.cut = el("button", { type: "button", id: "cut", onclick: () => this.change({ state: this.linkNow.up ? "down" : "up" }) });
    const field = (name, size) => el("input", { id: `link-${name}`, type: "text", size, autocomplete: "off", spellcheck: "false", oninput: () => (this.edited = true) });
    this.fields = { bandwidth: field("bandwidth", 9), delay: field("delay", 8), loss: field("loss", 6) };
    this.state = el("span", { class: "soft" });
    this.linkComplaint = el("p", { class: "bad", role: "alert" });
    const apply = (event) => {
      event.preventDefault();
      const now = this.linkNow;
      const changed = Object.entries(this.fields).filter(([name, input]) => input.value.trim() !== now[name]).map(([name, input]) => [name, input.value.trim()]);
      if (changed.length) this.change(Object.fromEntries(changed));
    };
    return el("section", { id: "link-section" }, el("div", { class: "choose" }, el("h2", { "data-word": "link" }), this.links, this.cut, this.state),
      el("form", { class: "fields", onsubmit: apply }, Object.entries(this.fields).map(([name, input]) => el("label", {}, el("span", { "data-word": name }), input)), el("button", { "data-word": "apply", id: "link-apply" })), this.linkComplaint);
  }

  get linkNow() {
    return this.session.links[this.link] || { up: true, bandwidth: "", delay: "", loss: "", text: "" };
  }

  showLink(index) {
    this.link = index;
    this.links.value = String(index);
    setText(this.linkComplaint, "");
    this.paintLink(true);
  }

  async change(properties) {
    const endpoints = this.model.film.links[this.link].ends.map((port) => this.model.film.portName(port));
    const written = properties.state === undefined;
    if (written) this.edited = false;
    const done = await this.ask({ do: { link: { endpoints, ...properties } } }, this.linkComplaint);
    if (written && !done) this.edited = true;
  }

  paintLink(anew) {
    const now = this.linkNow, { connection } = this.session;
    setText(this.cut, this.say(now.up ? "cut" : "mend"));
    setText(this.state, this.say(now.up ? "linkUp" : "linkDown"));
    this.state.className = now.up ? "good" : "bad";
    this.cut.disabled = connection !== "open" || !this.session.links.length;
    if (anew) this.edited = false;
    if (!this.edited) for (const [name, input] of Object.entries(this.fields)) input.value = now[name];
  }

  // -- a frame made by hand

  makeFrame() {
    const { film } = this.model;
    this.from = el("select", { id: "frame-from" }, film.nodes.map((node) => el("option", { value: node.name }, node.label || node.name)));
    this.from.value = this.name;
    this.text = el("textarea", { id: "frame-text", rows: "2", spellcheck: "false", autocomplete: "off", "data-label": "frameHint", "data-title": "frameHint" });
    this.text.value = "Ether()/IP(dst=\"255.255.255.255\")/UDP(dport=9)/\"hello\"";
    this.frameTold = el("p", { role: "status", class: "soft" });
    this.frameComplaint = el("p", { class: "bad", role: "alert" });
    const send = async (event) => {
      event.preventDefault();
      setText(this.frameTold, "");
      const text = this.text.value.trim();
      const done = await this.ask({ inject: { port: this.from.value, scapy: text } }, this.frameComplaint);
      if (done) setText(this.frameTold, this.say("frameSent", { n: done.journey }));
    };
    return el("section", {}, el("h2", { "data-word": "sendFrame" }), el("form", { class: "frameform", onsubmit: send }, el("label", {}, el("span", { "data-word": "from" }), this.from), this.text, el("button", { "data-word": "sendIt", id: "frame-send" })), this.frameTold, this.frameComplaint);
  }

  paintAll() {
    this.verbs = "";
    this.paintConsole();
    this.paintLink(false);
  }
}

const TAKES_MORE = new Set(["ping", "traceroute", "curl", "dig", "nc"]);
