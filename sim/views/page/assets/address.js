// The view in the address: #t=..&f=..&filter=.. so that a moment can be linked.

const NUMBERS = { t: "time", j: "journey" };
const TEXTS = { filter: "filter", panel: "panel", flow: "flow" };
const WAIT = 250; // ms of quiet before the address is written: browsers allow few changes per second

/** Take over what an address says; what it does not know stays as it is. */
export function readAddress(model, hash, panels) {
  const said = new URLSearchParams(hash.replace(/^#/, ""));
  const changes = {};
  for (const [key, name] of Object.entries(NUMBERS)) if (said.has(key)) changes[name] = Number(said.get(key)) || 0;
  for (const [key, name] of Object.entries(TEXTS)) if (said.has(key)) changes[name] = said.get(key);
  if (changes.panel && !panels.includes(changes.panel)) delete changes.panel;
  if (said.has("device")) changes.device = model.film.nodeNumbers.get(said.get("device")) ?? model.device;
  if (said.has("f")) changes.row = model.film.rows.get(Number(said.get("f"))) ?? -1;
  if (said.has("z")) {
    const [from, to] = said.get("z").split("-").map(Number);
    if (to > from) Object.assign(changes, { from, to });
  }
  if (changes.time !== undefined) changes.time = Math.min(Math.max(changes.time, 0), model.film.end);
  model.set(changes);
}

export function address(model) {
  const { film } = model, said = new URLSearchParams();
  if (model.time) said.set("t", String(Math.round(model.time)));
  if (model.row >= 0) said.set("f", String(film.id[model.row]));
  if (model.filter) said.set("filter", model.filter);
  if (model.journey) said.set("j", String(model.journey));
  if (model.panel !== "frame") said.set("panel", model.panel);
  if (model.panel === "tables" && model.device >= 0) said.set("device", film.nodeName(model.device));
  if (model.panel === "ladder" && model.flow) said.set("flow", model.flow);
  if (model.to - model.from < film.end * 0.999) said.set("z", `${Math.round(model.from)}-${Math.round(model.to)}`);
  return `#${said}`;
}

/** Keep the address up to date, and follow it when the reader changes it. */
export function keepAddress(model, panels) {
  let timer = 0, written = location.hash;
  readAddress(model, location.hash, panels);
  model.on("time row filter journey panel device flow from to", () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      if (model.playing) return;
      written = address(model);
      history.replaceState(null, "", written);
    }, WAIT);
  });
  model.on("playing", () => model.playing || model.tell(new Set(["row"])));
  addEventListener("hashchange", () => {
    if (location.hash !== written) readAddress(model, location.hash, panels);
  });
}
