// How dissectors write down what they read: a layer with fields, each with its place in the frame.
//
// A field is {key, name, value, text, at, size, fields}: `key` as in Wireshark's filters (`ip.ttl`), `name` as in its
// tree ("Time to Live"), `value` a number or a text to compare with, `text` what is shown.

import { hexNumber, u16, u32 } from "./bytes.js";

/** Thrown by a dissector that runs out of bytes; the caller shows it as a malformed packet. */
export class CutShort extends Error {}

export class Layer {
  constructor(bytes, key, name, at, size) {
    this.bytes = bytes;
    this.key = key;
    this.name = name;
    this.title = name;
    this.at = at;
    this.size = size;
    this.fields = [];
  }

  need(at, size, end = this.bytes.length) {
    if (at + size > Math.min(end, this.bytes.length)) throw new CutShort(`${this.name}: ${Math.max(end - at, 0)} of ${size} bytes`);
  }

  add(key, name, value, at, size, text = String(value), parent = null) {
    const field = { key, name, value, text, at, size, fields: [] };
    (parent || this).fields.push(field);
    return field;
  }

  /** A field whose value is much work, made only where a filter asks for it. */
  lazy(key, name, at, size, text, make) {
    this.fields.push({ key, name, get value() { return make(); }, text, at, size, fields: [] });
  }

  u8(key, name, at, show = String, parent = null) {
    this.need(at, 1);
    return this.add(key, name, this.bytes[at], at, 1, show(this.bytes[at]), parent);
  }

  u16(key, name, at, show = String, parent = null) {
    this.need(at, 2);
    const value = u16(this.bytes, at);
    return this.add(key, name, value, at, 2, show(value), parent);
  }

  u32(key, name, at, show = String, parent = null) {
    this.need(at, 4);
    const value = u32(this.bytes, at);
    return this.add(key, name, value, at, 4, show(value), parent);
  }

  /** One bit or several of a number that stands at `at`: their value, shown as a name or a number. */
  bits(key, name, value, at, size, show = String, parent = null) {
    return this.add(key, name, value, at, size, show(value), parent);
  }
}

export const yesNo = (bit) => (bit ? "Set" : "Not set");
export const trueFalse = (bit) => (bit ? "True" : "False");
export const hex16 = (value) => hexNumber(value, 4);
export const hex32 = (value) => hexNumber(value, 8);

/** `Name (number)`, as Wireshark writes it. */
export function named(names, other = "Unknown") {
  return (value) => `${names[value] || other} (${value})`;
}

/** All fields of some layers, those inside others too, in the order in which they are shown. */
export function* everyField(fields) {
  for (const field of fields) {
    yield field;
    yield* everyField(field.fields);
  }
}
