// Bytes to texts and numbers.

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

export function fromBase64(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const raw = atob(text);
  const bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  return bytes;
}

export function fromHex(text) {
  const bytes = new Uint8Array(text.length >> 1);
  for (let i = 0; i < bytes.length; i++) bytes[i] = parseInt(text.substr(2 * i, 2), 16);
  return bytes;
}

export function hexByte(byte) {
  return HEX[byte];
}

export function hex(bytes, from = 0, to = bytes.length, separator = "") {
  let text = "";
  for (let i = from; i < to; i++) text += (i > from ? separator : "") + HEX[bytes[i]];
  return text;
}

export function hexNumber(number, digits) {
  return "0x" + number.toString(16).padStart(digits, "0");
}

export function u16(bytes, at) {
  return (bytes[at] << 8) | bytes[at + 1];
}

export function u32(bytes, at) {
  return bytes[at] * 0x1000000 + ((bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]);
}

export function mac(bytes, at = 0) {
  return hex(bytes, at, at + 6, ":");
}

export function ipv4(bytes, at = 0) {
  return `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`;
}

/** RFC 5952: lower case, the longest run of zeros as `::`. */
export function ipv6(bytes, at = 0) {
  const groups = Array.from({ length: 8 }, (_, i) => u16(bytes, at + 2 * i));
  let best = -1, length = 1;
  for (let i = 0; i < 8; i++) {
    let run = 0;
    while (i + run < 8 && groups[i + run] === 0) run++;
    if (run > length) [best, length] = [i, run];
  }
  const words = groups.map((group) => group.toString(16));
  return best < 0 ? words.join(":") : `${words.slice(0, best).join(":")}::${words.slice(best + length).join(":")}`;
}

/** An address as people write it, by its length. */
export function address(bytes) {
  if (bytes.length === 6) return mac(bytes);
  if (bytes.length === 4) return ipv4(bytes);
  if (bytes.length === 16) return ipv6(bytes);
  return hex(bytes);
}

/** ASCII, and a dot for what cannot be shown. */
export function ascii(bytes, from = 0, to = bytes.length) {
  let text = "";
  for (let i = from; i < to; i++) text += bytes[i] >= 32 && bytes[i] < 127 ? String.fromCharCode(bytes[i]) : ".";
  return text;
}

export function latin1(bytes, from, to) {
  let text = "";
  for (let i = from; i < to; i++) text += String.fromCharCode(bytes[i]);
  return text;
}

/** The Internet checksum over a part (RFC 1071), begun with `sum`: 0 where what is there is right. */
export function checksum(bytes, from, to, sum = 0) {
  for (let i = from; i < to; i += 2) sum += (bytes[i] << 8) | (i + 1 < to ? bytes[i + 1] : 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return ~sum & 0xffff;
}
