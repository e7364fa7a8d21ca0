// What became of a packet: the frames that one frame has led to, and what has changed from hop to hop.

import { dissect } from "./dissect.js";
import { everyField } from "./layer.js";

const IDENTITY = ["ip.id", "ip.proto"];
const QUIET = new Set(["eth.addr", "eth.lg", "eth.ig", "tcp.options", "tcp.payload"]);

/**
 * The frames of this packet alone, from hop to hop: up to where it was first sent, and down to where it ended. Of a
 * flood with more branches than anybody reads, the branch of `row` alone (`cut`).
 */
export function packetHops(film, row, most = 60) {
  const above = [row];
  for (;;) {
    const parent = film.rows.get(film.cause[above[0]]);
    if (parent === undefined || !isSamePacket(film, parent, above[0])) break;
    above.unshift(parent);
  }
  const first = above[0];
  let hops = [];
  const stack = [{ row: first, depth: 0, before: -1 }];
  while (stack.length && hops.length < most) {
    const hop = stack.pop();
    const next = (film.children.get(film.id[hop.row]) || []).filter((child) => isSamePacket(film, hop.row, child));
    hops.push(hop);
    const depth = hop.depth + (next.length > 1 ? 1 : 0);
    for (let i = next.length - 1; i >= 0; i--) stack.push({ row: next[i], depth, before: hop.row });
  }
  if (stack.length) {
    const below = (film.children.get(film.id[row]) || []).filter((child) => isSamePacket(film, row, child)).slice(0, most / 2);
    hops = above.map((one, i) => ({ row: one, depth: 0, before: i ? above[i - 1] : -1 }));
    hops.push(...below.map((one) => ({ row: one, depth: 1, before: row })));
  }
  const cause = film.cause[first];
  return { hops, cause: film.rows.has(cause) ? film.rows.get(cause) : -1, origin: film.origins.get(film.root[first]), cut: stack.length > 0 };
}

/** Frames that `row` has caused and that are another packet: an answer, an ARP question. */
export function consequences(film, row) {
  return (film.children.get(film.id[row]) || []).filter((child) => !isSamePacket(film, row, child));
}

/**
 * Whether `after` carries the packet of `before` on: the same bytes, or one IP packet with another header. An answer
 * has the addresses exchanged, and a life of its own.
 */
export function isSamePacket(film, before, after) {
  if (film.bytes[before] === film.bytes[after]) return film.sender(before) !== film.sender(after) || film.copies.has(film.id[after]);
  const arrived = film.arrived(before), sent = film.frame(after);
  if (arrived.length === sent.length && arrived.every((byte, i) => byte === sent[i])) return true;
  const old = header(film, before), now = header(film, after);
  if (!old || !now || IDENTITY.some((key) => old.get(key) !== now.get(key))) return false;
  const same = old.get("ip.src") === now.get("ip.src") && old.get("ip.dst") === now.get("ip.dst");
  if (same) return true;
  const exchanged = old.get("ip.src") === now.get("ip.dst") && old.get("ip.dst") === now.get("ip.src");
  return !exchanged && now.get("ip.ttl") === old.get("ip.ttl") - 1;
}

function header(film, row) {
  const layer = dissect(film.arrived(row), null, film.arrivedSize(row)).layers.find((one) => one.key === "ip");
  return layer ? new Map(layer.fields.concat(layer.fields.flatMap((field) => field.fields)).map((field) => [field.key, field.value])) : null;
}

/** [{key, name, old, now}] of the fields that differ from one hop to the next, in the order of the headers. */
export function changes(film, before, after) {
  const old = dissect(film.arrived(before), null, film.arrivedSize(before)).layers;
  const now = dissect(film.frame(after), null, film.size(after)).layers, found = [];
  for (let i = 0; i < Math.min(old.length, now.length); i++) {
    if (old[i].key !== now[i].key) break;
    const was = fieldsByName(old[i]), is = fieldsByName(now[i]);
    for (const [place, field] of is) {
      const other = was.get(place);
      if (other && other.text !== field.text && !field.fields.length && !QUIET.has(field.key)) {
        found.push({ key: field.key, name: `${SHORT[old[i].key] || old[i].key} ${field.name}`, old: bare(other.text), now: bare(field.text) });
      }
    }
  }
  return found;
}

const SHORT = { eth: "Ethernet", vlan: "VLAN", arp: "ARP", ip: "IPv4", ipv6: "IPv6", icmp: "ICMP", tcp: "TCP", udp: "UDP", dns: "DNS", dhcp: "DHCP", http: "HTTP" };

/** Without the verdict on a checksum. */
function bare(text) {
  return text.replace(" [correct]", "");
}

/** Leaves only, and top fields whose parts are the same address again. */
function fieldsByName(layer) {
  const found = new Map(), counts = new Map();
  for (const field of everyField(layer.fields)) {
    const count = counts.get(field.key) || 0;
    counts.set(field.key, count + 1);
    const leaf = field.key.startsWith("eth.") ? { ...field, fields: [] } : field;
    found.set(`${field.key} ${count}`, leaf);
  }
  return found;
}

/** The hops of a whole journey as a tree in a list, parents first, at most so many. */
export function journeyRows(film, root, most = 400) {
  const found = [], stack = [];
  const push = (rows, depth) => {
    for (let i = rows.length - 1; i >= 0; i--) stack.push({ row: rows[i], depth });
  };
  if (film.rows.has(root)) push([film.rows.get(root)], 0);
  else push(film.children.get(root) || [], 0);
  while (stack.length && found.length < most) {
    const hop = stack.pop();
    found.push(hop);
    push(film.children.get(film.id[hop.row]) || [], hop.depth + 1);
  }
  return found;
}
