// DHCP (RFC 2131, RFC 2132), with Wireshark's names.

import { ascii, hex, ipv4, latin1, mac, u16, u32 } from "./bytes.js";
import { Layer, hex16, hex32, named } from "./layer.js";

const MESSAGES = { 1: "Discover", 2: "Offer", 3: "Request", 4: "Decline", 5: "ACK", 6: "NAK", 7: "Release", 8: "Inform" };
const ADDRESSES = "addresses", TEXT = "text", NUMBER = "number";
const OPTIONS = {
  1: ["Subnet Mask", ADDRESSES, "subnet_mask"], 3: ["Router", ADDRESSES, "router"],
  6: ["Domain Name Server", ADDRESSES, "domain_name_server"], 12: ["Host Name", TEXT, "hostname"],
  15: ["Domain Name", TEXT, "domain_name"], 26: ["Interface MTU", NUMBER, "interface_mtu"],
  28: ["Broadcast Address", ADDRESSES, "broadcast_address"], 42: ["Network Time Protocol Servers", ADDRESSES, "ntp_server"],
  50: ["Requested IP Address", ADDRESSES, "requested_ip_address"], 51: ["IP Address Lease Time", NUMBER, "ip_address_lease_time"],
  52: ["Option Overload", NUMBER, "option_overload"], 53: ["DHCP Message Type", NUMBER, "dhcp"],
  54: ["DHCP Server Identifier", ADDRESSES, "dhcp_server_id"], 55: ["Parameter Request List", "", "request_list_item"],
  56: ["Message", TEXT, "message"], 57: ["Maximum DHCP Message Size", NUMBER, "dhcp_max_message_size"],
  58: ["Renewal Time Value", NUMBER, "renewal_time_value"], 59: ["Rebinding Time Value", NUMBER, "rebinding_time_value"],
  60: ["Vendor class identifier", TEXT, "vendor_class_id"], 61: ["Client identifier", "", "client_id"],
  66: ["TFTP Server Name", TEXT, "tftp_server_name"], 67: ["Bootfile name", TEXT, "bootfile_name"],
  82: ["Agent Information Option", "", "agent_information_option"], 119: ["Domain Search", "", "domain_search"],
  121: ["Classless Static Route", "", "classless_static_route"],
};

/** False where it is no DHCP: nothing has been written then. */
export function dissectDhcp(found, bytes, at, end) {
  if (end - at < 240 || u32(bytes, at + 236) !== 0x63825363) return false;
  const layer = new Layer(bytes, "dhcp", "Dynamic Host Configuration Protocol", at, end - at);
  found.layers.push(layer);
  found.protocol = "DHCP";
  layer.u8("dhcp.type", "Message type", at, named({ 1: "Boot Request", 2: "Boot Reply" }));
  layer.u8("dhcp.hw.type", "Hardware type", at + 1, named({ 1: "Ethernet" }));
  layer.u8("dhcp.hw.len", "Hardware address length", at + 2);
  layer.u8("dhcp.hops", "Hops", at + 3);
  layer.u32("dhcp.id", "Transaction ID", at + 4, hex32);
  layer.u16("dhcp.secs", "Seconds elapsed", at + 8);
  layer.u16("dhcp.flags", "Bootp flags", at + 10, (flags) => `${hex16(flags)} (${flags & 0x8000 ? "Broadcast" : "Unicast"})`);
  for (const [index, [name, key]] of [["Client", "client"], ["Your (client)", "your"], ["Next server", "server"], ["Relay agent", "relay"]].entries()) {
    const place = at + 12 + 4 * index;
    layer.add(`dhcp.ip.${key}`, `${name} IP address`, ipv4(bytes, place), place, 4);
  }
  layer.add("dhcp.hw.mac_addr", "Client MAC address", mac(bytes, at + 28), at + 28, 6);
  textField(layer, "dhcp.server", "Server host name", at + 44, 64);
  textField(layer, "dhcp.file", "Boot file name", at + 108, 128);
  layer.add("dhcp.cookie", "Magic cookie", "DHCP", at + 236, 4);
  const kind = options(layer, at + 240, end);
  layer.title = `Dynamic Host Configuration Protocol (${MESSAGES[kind] || "BOOTP"})`;
  found.info = `DHCP ${MESSAGES[kind] || "BOOTP"} - Transaction ID ${hex32(u32(bytes, at + 4)).replace(/^0x0+(?=.)/, "0x")}`;
  return true;
}

function textField(layer, key, name, at, size) {
  const zero = layer.bytes.indexOf(0, at);
  const text = latin1(layer.bytes, at, Math.min(zero < 0 ? at + size : zero, at + size));
  layer.add(key, name, text, at, size, text || "not given");
}

/** The options as fields; returns the message type, 0 if there is none. */
function options(layer, from, end) {
  const bytes = layer.bytes;
  let kind = 0;
  for (let at = from; at < end; ) {
    const code = bytes[at];
    if (code === 0) {
      at += 1;
      continue;
    }
    if (code === 255) {
      layer.add("dhcp.option.end", "Option: (255) End", 255, at, 1, "");
      break;
    }
    layer.need(at, 2, end);
    const size = bytes[at + 1];
    layer.need(at + 2, size, end);
    const [name, sort, key] = OPTIONS[code] || ["Unknown", "", "unknown"];
    const [value, text] = data(bytes, at + 2, size, sort, code);
    if (code === 53 && size === 1) kind = bytes[at + 2];
    const option = layer.add(`dhcp.option.${key}`, `Option: (${code}) ${name}`, value, at, size + 2, text);
    if (code === 61 && size === 7) {
      layer.u8("dhcp.hw.type", "Hardware type", at + 2, named({ 1: "Ethernet" }), option);
      layer.add("dhcp.hw.mac_addr", "Client MAC address", mac(bytes, at + 3), at + 3, 6, mac(bytes, at + 3), option);
    }
    at += size + 2;
  }
  return kind;
}

function data(bytes, at, size, sort, code) {
  if (sort === ADDRESSES && size && size % 4 === 0) {
    const list = Array.from({ length: size / 4 }, (_, index) => ipv4(bytes, at + 4 * index));
    return [list.join(", "), list.join(", ")];
  }
  if (sort === TEXT) return [latin1(bytes, at, at + size), ascii(bytes, at, at + size)];
  if (sort === NUMBER && [1, 2, 4].includes(size)) {
    const value = size === 1 ? bytes[at] : size === 2 ? u16(bytes, at) : u32(bytes, at);
    return [value, code === 53 ? `${MESSAGES[value] || "Unknown"} (${value})` : code === 51 || code === 58 || code === 59 ? `${value} s` : String(value)];
  }
  if (code === 55) {
    const names = Array.from({ length: size }, (_, index) => (OPTIONS[bytes[at + index]] || [`option ${bytes[at + index]}`])[0]);
    return [hex(bytes, at, at + size), names.join(", ")];
  }
  return [hex(bytes, at, at + size), hex(bytes, at, at + size, ":")];
}
