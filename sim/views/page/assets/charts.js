// Charts over the part of the run that the scrubber shows: what hosts and queues have measured, and what follows from
// the frames themselves.

import { el, oncePerPicture, replace } from "./dom.js";
import { Chart } from "./chart.js";
import { flowName } from "./ladder.js";
import { allFlows } from "./flows.js";
import { dropBins, roundTrips, sequencePoints, throughputBins } from "./measures.js";
import { word } from "./words.js";

const WHOLE = "";
const GROUPS = [["cwnd", "ssthresh", "in_flight"], ["srtt", "rto"], ["queue"], ["pacing_rate"]];
const MOST_FLOWS = 500;
const MOST_QUEUES = 3;
const NO_THRESHOLD = 0x7fffffff;

export class ChartsView {
  constructor(model, panel) {
    this.model = model;
    this.subject = WHOLE;
    this.choice = el("select", { id: "subject", "data-label": "subject", onchange: () => {
      this.subject = this.choice.value;
      this.chosen = true;
      this.rebuild();
    } });
    this.body = el("div", { class: "charts" });
    replace(panel, el("div", { class: "choose" }, this.choice), this.body);
    this.charts = [];
    this.draw = oncePerPicture(() => this.paint());
    new ResizeObserver(() => this.draw()).observe(this.body);
    model.on("film panel language", () => this.rebuild());
    model.on("flow", () => this.followFlow());
    model.on("from to time theme", () => this.draw());
  }

  /** Subjects of series, then flows that have none. */
  subjects() {
    const { film } = this.model;
    const found = new Map();
    for (const one of film.series) {
      const flow = flowOfSubject(one.subject);
      if (!found.has(one.subject)) found.set(one.subject, { name: one.subject, flow });
    }
    const taken = new Set([...found.values()].map((one) => one.flow));
    for (const flow of allFlows(film).slice(0, MOST_FLOWS)) {
      if (!taken.has(flow.key)) found.set(flow.key, { name: flowName(film, flow), flow: flow.key });
    }
    return found;
  }

  followFlow() {
    const { flow } = this.model;
    if (!flow || this.chosen) return;
    for (const [key, one] of this.known || []) {
      if (one.flow !== flow) continue;
      this.subject = key;
      this.rebuild();
      return;
    }
  }

  rebuild() {
    const { model } = this;
    const { film, language } = model;
    if (model.panel !== "charts") return null;
    this.known = this.subjects();
    replace(this.choice, el("option", { value: WHOLE }, film.name || "—"), [...this.known].map(([key, one]) => el("option", { value: key }, one.name)));
    if (!this.known.has(this.subject)) this.subject = WHOLE;
    this.choice.value = this.subject;
    if (!film.length) return replace(this.body, el("p", { class: "empty" }, word(language, "noCharts")));
    const chosen = this.known.get(this.subject);
    this.charts = [...this.fromSeries(this.subject), ...this.fromFrames(chosen ? chosen.flow : "")];
    replace(this.body, this.charts.map((chart) => chart.box));
    return this.draw();
  }

  chart(title, unit, lines) {
    return new Chart(this.model, word(this.model.language, title), unit, lines);
  }

  fromSeries(subject) {
    const { film, language } = this.model;
    const own = film.series.filter((one) => one.subject === subject);
    if (!subject) return this.queues();
    const charts = [];
    for (const names of [...GROUPS, ...own.map((one) => [one.name]).filter(([name]) => !GROUPS.flat().includes(name))]) {
      const lines = names.map((name) => own.find((one) => one.name === name)).filter(Boolean);
      if (!lines.length) continue;
      const unit = lines[0].unit;
      charts.push(this.chart(lines.length > 1 && names[0] === "cwnd" ? "window" : lines.length > 1 && names[0] === "srtt" ? "roundTrip" : lines[0].name, unit, lines.map((one, index) => ({
        name: word(language, one.name), tone: index, kind: "step", points: () => finite(one),
      }))));
    }
    return charts;
  }

  /** For the network as a whole: its longest queues. */
  queues() {
    const { film } = this.model;
    const found = film.series.filter((one) => one.name === "queue" && one.values.length > 1);
    const longest = new Map(found.map((one) => [one, one.values.reduce((most, value) => Math.max(most, value), 0)]));
    found.sort((a, b) => longest.get(b) - longest.get(a));
    if (!found.length) return [];
    return [this.chart("queue", "frames", found.slice(0, MOST_QUEUES).map((one, index) => ({ name: one.subject, tone: index, kind: "step", points: () => one })))];
  }

  fromFrames(flow) {
    const { film, language } = this.model;
    const say = (name) => word(language, name);
    const charts = [];
    if (flow.startsWith("TCP")) {
      charts.push(this.chart("timeSequence", "bytes", [
        { name: say("sent"), tone: 0, kind: "dots", points: () => sequencePoints(film, flow).sent },
        { name: say("acknowledged"), tone: 2, kind: "step", points: () => sequencePoints(film, flow).acknowledged },
        { name: say("again"), tone: "bad", kind: "crosses", points: () => sequencePoints(film, flow).again },
      ]));
      if (!film.series.some((one) => one.subject === this.subject && one.name === "srtt")) {
        charts.push(this.chart("roundTrip", "ns", [{ name: say("roundTrip"), tone: 0, kind: "dots", points: () => roundTrips(film, flow) }]));
      }
    }
    const port = !flow && this.subject ? portOf(film, this.subject) : -1;
    const { rates, names } = throughputBins(film, flow, port);
    charts.push(this.chart("throughput", "bit/s", names.map((name, index) => ({ name: name ?? say("allLinks"), tone: index, kind: "bars", points: (from, to, count) => rates(index, from, to, count) }))));
    charts.push(this.chart("drops", "frames", [{ name: say("drops"), tone: "bad", kind: "bars", points: (from, to, count) => dropBins(film, flow, port, from, to, count) }]));
    return charts;
  }

  paint() {
    if (this.model.panel !== "charts") return;
    for (const chart of this.charts) chart.paint();
  }
}

/** Without the values that mean "none yet": a slow-start threshold begins as the greatest number there is. */
function finite(series) {
  if (series.name !== "ssthresh") return series;
  const kept = series.values.map((_, i) => i).filter((i) => series.values[i] < NO_THRESHOLD);
  return { times: kept.map((i) => series.times[i]), values: kept.map((i) => series.values[i]) };
}

/** `h1 10.0.0.1:49152 > 10.0.0.2:80` as the key of a flow, "" for a port. */
function flowOfSubject(subject) {
  const found = /(\d+\.\d+\.\d+\.\d+:\d+) > (\d+\.\d+\.\d+\.\d+:\d+)$/.exec(subject);
  return found ? `TCP ${[found[1], found[2]].sort().join(" ")}` : "";
}

function portOf(film, subject) {
  return film.ports.findIndex((_, port) => film.portName(port) === subject);
}
