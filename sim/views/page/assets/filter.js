// The filter: a text as in Wireshark's display filter, made into a test of a frame.
//
//     arp or icmp          tcp.port == 80 && ip.addr == 10.0.0.1/24          frame contains "GET"
//     ip.ttl < 64          host == pc1          drop          !(dns) and frame.len > 100
//
// A field that occurs several times (`ip.addr`, `tcp.port`) matches if one of them does. Besides Wireshark's fields there
// are `host` (a device that sends or receives the frame), `link`, `drop`, `lost` and `journey`.

import { ascii, fromHex, latin1 } from "./bytes.js";
import { dissect } from "./dissect.js";

const WORDS = { and: "&&", or: "||", not: "!", eq: "==", ne: "!=", gt: ">", lt: "<", ge: ">=", le: "<=" };
const COMPARISONS = ["==", "!=", ">=", "<=", ">", "<", "contains", "matches"];
const TOKEN = /\s*(?:(&&|\|\||==|!=|>=|<=|[<>!()=~])|"((?:[^"\\]|\\.)*)"|([^\s&|=!<>()"~]+))/y;

/** Names that stand for several fields. */
const TWICE = {
  "ip.addr": ["ip.src", "ip.dst"], "ip.host": ["ip.src", "ip.dst"], "ipv6.addr": ["ipv6.src", "ipv6.dst"],
  "eth.addr": ["eth.src", "eth.dst"], "tcp.port": ["tcp.srcport", "tcp.dstport"], "udp.port": ["udp.srcport", "udp.dstport"],
  "tcp.window_size": ["tcp.window_size_value"], "bootp": ["dhcp"], "ip.flags.dont_fragment": ["ip.flags.df"],
};
const ROOTS = ["frame", "eth", "vlan", "arp", "ip", "ipv6", "icmp", "tcp", "udp", "dns", "dhcp", "http", "tls", "ntp",
  "vxlan", "data", "host", "link", "drop", "lost", "journey", "bootp", "_ws"];
/** Fields that many filters use: offered while typing, and looked at when a name is not known. */
export const COMMON = ["arp", "icmp", "tcp", "udp", "dns", "dhcp", "http", "tls", "host", "drop", "lost", "ip.addr", "ip.src",
  "ip.dst", "ip.ttl", "ip.id", "ip.proto", "tcp.port", "tcp.srcport", "tcp.dstport", "tcp.flags.syn", "tcp.flags.fin",
  "tcp.flags.reset", "tcp.len", "udp.port", "eth.addr", "eth.src", "eth.dst", "eth.type", "arp.opcode", "icmp.type",
  "dns.qry.name", "dhcp.option.dhcp", "http.request.method", "http.response.code", "vlan.id", "frame.len", "frame.number",
  "frame.time_relative", "frame contains"];

/** The text that lets through the frames between these two ends. */
export function ofFlow({ flow, source, destination, ports }) {
  const protocol = flow.split(" ", 1)[0].toLowerCase();
  const ends = `ip.addr == ${source} and ip.addr == ${destination}`;
  if (!ports) return `${protocol} and ${ends}`;
  return `${ends} and ${ports.map((port) => `${protocol}.port == ${port}`).join(" and ")}`;
}

/** The text for what a legend names; "" for what has no name of its own. */
export function ofFamily(name) {
  return name === "other" ? "" : name.toLowerCase();
}

class Wrong extends Error {
  constructor(word, values) {
    super(word);
    this.word = word;
    this.values = values;
  }
}

/** {test, problem}: `test(film, row)`, null for an empty text; `problem` is {word, values} for words.js. */
export function compile(text) {
  if (!text.trim()) return { test: null, problem: null };
  try {
    const tokens = tokenize(text);
    const parser = new Parser(tokens);
    const test = parser.either();
    if (parser.peek()) throw new Wrong("filterRest", { text: parser.peek().text });
    return { test, problem: null };
  } catch (error) {
    if (!(error instanceof Wrong)) throw error;
    return { test: null, problem: { word: error.word, values: error.values } };
  }
}

function tokenize(text) {
  const tokens = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.trimEnd().length) {
    const at = TOKEN.lastIndex;
    const found = TOKEN.exec(text);
    if (!found) throw new Wrong(text.slice(at).trim().startsWith('"') ? "filterQuote" : "filterSign", { text: text.slice(at).trim() });
    const [, sign, quoted, word] = found;
    if (quoted !== undefined) tokens.push({ kind: "text", text: quoted.replace(/\\(.)/g, "$1") });
    else if (word && Object.hasOwn(WORDS, word.toLowerCase())) tokens.push({ kind: "sign", text: WORDS[word.toLowerCase()] });
    else if (word) tokens.push({ kind: "word", text: word });
    else tokens.push({ kind: "sign", text: sign });
  }
  return tokens;
}

class Parser {
  constructor(tokens) {
    this.tokens = tokens;
    this.at = 0;
  }

  peek() {
    return this.tokens[this.at];
  }

  takes(text) {
    const token = this.peek();
    if (!token || token.kind !== "sign" || token.text !== text) return false;
    this.at++;
    return true;
  }

  either() {
    const parts = [this.both()];
    while (this.takes("||")) parts.push(this.both());
    return parts.length === 1 ? parts[0] : (film, row) => parts.some((part) => part(film, row));
  }

  both() {
    const parts = [this.single()];
    while (this.takes("&&")) parts.push(this.single());
    return parts.length === 1 ? parts[0] : (film, row) => parts.every((part) => part(film, row));
  }

  single() {
    if (this.takes("!")) {
      const inner = this.single();
      return (film, row) => !inner(film, row);
    }
    if (this.takes("(")) {
      const inner = this.either();
      if (!this.takes(")")) throw new Wrong("filterParenthesis", {});
      return inner;
    }
    return this.comparison();
  }

  comparison() {
    const token = this.peek();
    if (!token) throw new Wrong("filterEnd", {});
    if (token.kind !== "word") throw new Wrong("filterName", { text: token.text });
    this.at++;
    const name = checked(token.text);
    const next = this.peek();
    if (next && next.kind === "sign" && next.text === "=") throw new Wrong("filterEquals", {});
    const operator = next && (next.text === "~" ? "matches" : next.text);
    if (!next || next.kind === "text" || !COMPARISONS.includes(operator)) return exists(name);
    this.at++;
    const value = this.peek();
    if (!value || value.kind === "sign") throw new Wrong("filterValue", { text: `${token.text} ${next.text}` });
    this.at++;
    return compare(name, operator, value.text);
  }
}

function checked(text) {
  const name = text.toLowerCase();
  if (ROOTS.includes(name.split(".")[0])) return name;
  const near = COMMON.find((one) => one.startsWith(name)) || closest(name);
  throw new Wrong(near ? "filterUnknownNear" : "filterUnknown", { text, near });
}

/** The common name that differs by one or two letters. */
function closest(name) {
  let best = "", least = 3;
  for (const one of COMMON) {
    const distance = edits(name, one);
    if (distance < least) [best, least] = [one, distance];
  }
  return best;
}

function edits(a, b) {
  let before = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const line = [i];
    for (let j = 1; j <= b.length; j++) {
      line.push(Math.min(before[j] + 1, line[j - 1] + 1, before[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    before = line;
  }
  return before[b.length];
}

// -- values

/** Values by what the film knows of a frame, without dissecting it. */
const OF_FILM = {
  host: (film, row) => [film.nodeName(film.sender(row)), film.nodeName(film.receiver(row))],
  link: (film, row) => [film.portName(film.port[row]), film.portName(film.ports[film.port[row]].peer)],
  lost: (film, row) => (film.lost.has(film.id[row]) ? [film.lost.get(film.id[row])] : []),
  drop: (film, row) => dropsOf(film, row),
  journey: (film, row) => [film.root[row]],
  frame: () => [""],
  "frame.number": (film, row) => [film.rank[row] + 1],
  "frame.len": (film, row) => [film.size(row)],
  "frame.cap_len": (film, row) => [film.frame(row).length],
  "frame.time_relative": (film, row) => [film.start[row] / 1e9],
};

function dropsOf(film, row) {
  const notes = (film.notesAbout.get(film.id[row]) || []).filter((index) => film.notes.kind[index] === "drop");
  return notes.map((index) => String(film.notes.detail[index]));
}

let last = { bytes: null, layers: [] }; // several tests of one filter look at the same frame

function layersOf(film, row) {
  const bytes = film.frame(row);
  if (last.bytes !== bytes) last = { bytes, layers: dissect(bytes, null, film.size(row)).layers };
  return last.layers;
}

/** Values that brief.js knows as well; of other protocols, which may quote a header, all fields have to be looked at. */
const QUICK = {
  "ip.src": (about) => [about.source], "ip.dst": (about) => [about.destination],
  "ip.addr": (about) => [about.source, about.destination], "ip.host": (about) => [about.source, about.destination],
  "tcp.srcport": (about) => (about.tcp ? [about.ports[0]] : []), "tcp.dstport": (about) => (about.tcp ? [about.ports[1]] : []),
  "tcp.port": (about) => (about.tcp ? about.ports : []), tcp: (about) => (about.tcp ? [""] : []),
};

function valuesOf(name) {
  if (OF_FILM[name]) return OF_FILM[name];
  const keys = TWICE[name] || [name];
  const quick = QUICK[name];
  return (film, row) => {
    if (quick) {
      const about = film.brief(row);
      if (about.flow && about.ports && about.protocol !== "VXLAN") return quick(about);
    }
    const found = [];
    for (const layer of layersOf(film, row)) {
      if (keys.includes(layer.key)) found.push("");
      collect(layer.fields, keys, found);
    }
    return found;
  };
}

function collect(fields, keys, found) {
  for (const field of fields) {
    if (keys.includes(field.key)) found.push(field.value);
    if (field.fields.length) collect(field.fields, keys, found);
  }
}

/** A test that asks once for frames of the same bytes. */
function oncePerBlob(name, test) {
  if (OF_FILM[name] && name !== "frame") return test;
  const known = new Map();
  return (film, row) => {
    const blob = film.bytes[row];
    let answer = known.get(blob);
    if (answer === undefined) known.set(blob, (answer = test(film, row)));
    return answer;
  };
}

function exists(name) {
  const values = valuesOf(name);
  return oncePerBlob(name, (film, row) => values(film, row).length > 0);
}

function compare(name, operator, text) {
  return oncePerBlob(name, comparing(name, operator, text));
}

function comparing(name, operator, text) {
  if (operator === "contains") return containing(name, text);
  if (operator === "matches") return matching(name, text);
  const values = valuesOf(name);
  const network = /^(\d+\.\d+\.\d+\.\d+)\/(\d+)$/.exec(text);
  if (network) return inNetwork(values, operator, network);
  const number = toNumber(text);
  const lower = text.toLowerCase();
  const test = (value) => {
    if (typeof value === "number") {
      if (number === null) return operator === "!=";
      return order(operator, value - number);
    }
    const word = String(value).toLowerCase();
    if (operator === "==" || operator === "!=") return (word === lower) === (operator === "==");
    return order(operator, word < lower ? -1 : word > lower ? 1 : 0);
  };
  // As in Wireshark since version 3.6, "!=" means that no occurrence is equal.
  if (operator === "!=") {
    return (film, row) => {
      const found = values(film, row);
      return found.length > 0 && found.every(test);
    };
  }
  return (film, row) => values(film, row).some(test);
}

function order(operator, difference) {
  switch (operator) {
    case "==": return difference === 0;
    case "!=": return difference !== 0;
    case ">": return difference > 0;
    case "<": return difference < 0;
    case ">=": return difference >= 0;
    default: return difference <= 0;
  }
}

function toNumber(text) {
  const lower = text.toLowerCase();
  if (lower === "true") return 1;
  if (lower === "false") return 0;
  return /^(0x[0-9a-f]+|-?\d+(\.\d+)?)$/.test(lower) ? Number(lower) : null;
}

function inNetwork(values, operator, [, base, length]) {
  if (operator !== "==" && operator !== "!=") throw new Wrong("filterNetwork", {});
  if (Number(length) > 32) throw new Wrong("filterNetwork", {});
  const size = 2 ** (32 - Number(length));
  const wanted = Math.floor(asNumber(base) / size);
  const test = (film, row) => values(film, row).some((value) => Math.floor(asNumber(String(value)) / size) === wanted);
  return operator === "==" ? test : (film, row) => values(film, row).length > 0 && !test(film, row);
}

function asNumber(address) {
  const parts = address.split(".");
  return parts.length === 4 ? parts.reduce((sum, part) => sum * 256 + Number(part), 0) : NaN;
}

function containing(name, text) {
  if (name === "frame") {
    const needle = /^([0-9a-f]{2}:)+[0-9a-f]{2}$/i.test(text) ? latin1Of(fromHex(text.replaceAll(":", ""))) : text;
    return (film, row) => latin1Of(film.frame(row)).includes(needle);
  }
  const values = valuesOf(name), lower = text.toLowerCase();
  return (film, row) => values(film, row).some((value) => String(value).toLowerCase().includes(lower));
}

function latin1Of(bytes) {
  return latin1(bytes, 0, bytes.length);
}

function matching(name, text) {
  let pattern;
  try {
    pattern = new RegExp(text, "i");
  } catch {
    throw new Wrong("filterPattern", { text });
  }
  const values = valuesOf(name);
  if (name === "frame") return (film, row) => pattern.test(ascii(film.frame(row)));
  return (film, row) => values(film, row).some((value) => pattern.test(String(value)));
}
