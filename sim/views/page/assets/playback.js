// The run of time while it plays: how fast, and which quiet times are passed over.

import { firstWhere } from "./numbers.js";

const FLIGHT = 0.8; // seconds that a frame takes over its link where the speed is chosen for the reader
const PAUSE = 0.25; // seconds that a quiet time lasts at most
const WAITING = 2; // frames of a run that goes on that may wait to be shown at the usual speed
const LATEST = 2.5e9; // ns of the clock that the page may be behind it
const CALM_STEP = 500; // ms between two pictures for readers who do not want motion
const LONGEST_STEP = 0.6; // seconds: after a longer pause, as of a hidden page, time does not jump
const SLOWEST = 1e3; // ns of the run per second
const FASTEST = 1e11;

/** The speeds of the slider, in ns of the run per second: 0 to 1 in equal steps of the logarithm. */
export function speedAt(place) {
  return Math.round(SLOWEST * (FASTEST / SLOWEST) ** place);
}

export function placeOfSpeed(speed) {
  return Math.log(speed / SLOWEST) / Math.log(FASTEST / SLOWEST);
}

/** Let time go on whenever `model.playing` says so. */
export function playback(model) {
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  let last = 0, smooth = 0;
  const tick = (now) => {
    if (!model.playing) return;
    if (calm.matches && now - last < CALM_STEP) {
      requestAnimationFrame(tick);
      return;
    }
    const passed = Math.min((now - last) / 1000, LONGEST_STEP);
    last = now;
    const wanted = model.speed || suitable(model) * (model.follows ? hurry(model) : 1);
    smooth = smooth && !model.speed ? smooth * (wanted / smooth) ** 0.25 : wanted;
    if (!model.speed && Math.abs(Math.log(smooth / (model.pace || 1))) > 0.2) model.set({ pace: smooth });
    advance(model, passed, smooth);
    if (model.playing) requestAnimationFrame(tick);
  };
  model.on("playing", () => {
    if (!model.playing) return;
    if (model.time >= model.film.end && !model.follows) model.set({ time: 0 });
    last = performance.now();
    smooth = 0;
    requestAnimationFrame(tick);
  });
}

function advance(model, passed, speed) {
  const { film } = model;
  let time = model.time + passed * speed;
  if (model.skips && !isBusy(model, model.time)) {
    const next = nextStart(model, model.time);
    const rest = next - model.time;
    if (rest > PAUSE * speed) time = Math.max(time, Math.min(next, model.time + (rest * passed) / PAUSE));
    time = Math.min(time, Math.max(next, model.time));
  }
  if (model.follows && model.netSpeed) time = Math.max(time, film.end - LATEST * model.netSpeed);
  if (time >= film.end) model.set({ time: film.end, playing: model.follows }); // what goes on is waited for
  else model.set({ time });
}

/** How much faster it has to go in order to stay near a run that goes on, by how many frames wait to be shown. */
function hurry(model) {
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return 1e9;
  return Math.max(1, (model.visible.length - model.started()) / WAITING);
}

function isBusy(model, time) {
  return model.film.flying(time).some((row) => model.shows(row) && model.film.arrival[row] > time);
}

/** When the next visible frame leaves, or something else happens; the end of the run if nothing does. */
function nextStart(model, time) {
  const rows = model.visible, { start, changes, end } = model.film;
  const place = firstWhere(0, rows.length, (i) => start[rows[i]] > time);
  const change = changes.find((one) => one.time > time);
  return Math.min(place < rows.length ? start[rows[place]] : end, change ? change.time : end);
}

/** A speed at which what flies now can be followed: between its fastest and its slowest. */
function suitable(model) {
  const { film } = model;
  let rows = film.flying(model.time).filter((row) => model.shows(row) && film.arrival[row] > film.start[row]);
  if (!rows.length) {
    const place = model.started();
    rows = model.visible.slice(place, place + 1);
  }
  let shortest = Infinity, longest = 0;
  for (const row of rows) {
    const flight = film.arrival[row] - film.start[row];
    if (flight <= 0) continue;
    shortest = Math.min(shortest, flight);
    longest = Math.max(longest, flight);
  }
  return longest ? Math.min(Math.max(Math.sqrt(shortest * longest) / FLIGHT, SLOWEST), FASTEST) : 1e7;
}
