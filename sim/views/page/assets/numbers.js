// Times, sizes and searches. Times are nanoseconds since the start of the run.

/** The time on the clock: seconds with nine decimals in groups, so that digits stand still while it runs. */
export function clock(ns) {
  const whole = Math.floor(Math.max(ns, 0));
  const rest = String(whole % 1e9).padStart(9, "0");
  return `${Math.floor(whole / 1e9)}.${rest.slice(0, 3)}\u2009${rest.slice(3, 6)}\u2009${rest.slice(6)}`;
}

/** Seconds as in a list of packets: at least six decimals, nine where there is more to tell. */
export function seconds(ns) {
  const rest = String(Math.floor(ns) % 1e9).padStart(9, "0");
  return `${Math.floor(ns / 1e9)}.${rest.endsWith("000") ? rest.slice(0, 6) : rest}`;
}

/** A duration in its natural unit with three or four digits: `1.52 ms`. */
export function duration(ns) {
  const size = Math.abs(ns);
  if (size === 0) return "0 s";
  if (size >= 1e9) return `${round(ns / 1e9)} s`;
  if (size >= 1e6) return `${round(ns / 1e6)} ms`;
  if (size >= 1e3) return `${round(ns / 1e3)} µs`;
  return `${round(ns)} ns`;
}

export function round(value) {
  const size = Math.abs(value);
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
  return String(Number(value.toFixed(digits)));
}

/** A number with a prefix: `12.5 k`. */
export function short(value) {
  const size = Math.abs(value);
  if (size >= 1e9) return `${round(value / 1e9)} G`;
  if (size >= 1e6) return `${round(value / 1e6)} M`;
  if (size >= 1e4) return `${round(value / 1e3)} k`;
  return round(value);
}

/** The first index in [from, to) at which `isAfter(index)` holds, for what is false first and then true. */
export function firstWhere(from, to, isAfter) {
  while (from < to) {
    const middle = (from + to) >> 1;
    if (isAfter(middle)) to = middle;
    else from = middle + 1;
  }
  return from;
}

/** How many of these sorted numbers are not above `limit`. */
export function countUpTo(numbers, limit) {
  return firstWhere(0, numbers.length, (i) => numbers[i] > limit);
}

/** Round places for the ticks of an axis: about `count` of them between two values. */
export function ticks(from, to, count) {
  const span = to - from;
  if (!(span > 0)) return [from];
  const raw = span / Math.max(count, 1);
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((one) => one >= raw);
  const found = [];
  for (let at = Math.ceil(from / step) * step; at <= to + step * 1e-6; at += step) found.push(at);
  return found;
}

/** The time on a tick, short but exact enough for the distance to the next. */
export function tickTime(ns, step) {
  const [unit, name] = step >= 1e9 || ns >= 1e10 ? [1e9, "s"] : step >= 1e6 || ns >= 1e8 ? [1e6, "ms"] : [1e3, "µs"];
  const digits = Math.max(0, Math.ceil(-Math.log10(step / unit) - 1e-9));
  return `${(ns / unit).toFixed(Math.min(digits, 9))} ${name}`;
}
