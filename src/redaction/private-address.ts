import { BlockList, isIP } from 'node:net';

/**
 * Addresses that no router on the internet forwards (RFC 6890 and the IANA special-purpose registries): they tell pods and
 * hosts apart and point at nobody. Documentation ranges are not among them: where one stands, a real address was meant.
 */
const notRoutable = new BlockList();
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
] as const) {
  notRoutable.addSubnet(network, prefix, 'ipv4');
}
for (const [network, prefix] of [
  ['::', 128],
  ['::1', 128],
  ['fc00::', 7],
  ['fe80::', 10],
] as const) {
  notRoutable.addSubnet(network, prefix, 'ipv6');
}

/** True when a captured value is, in whole, an IP address (or a network in CIDR notation) that is not globally routable. */
export function isPrivateAddress(captured: string): boolean {
  const bare = /^([0-9A-Fa-f:.]{2,45})(?:%[\w.-]{1,16})?(?:\/\d{1,3})?$/.exec(captured)?.[1] ?? '';
  const family = isIP(bare);
  if (family === 4) return notRoutable.check(bare, 'ipv4');
  if (family !== 6) return false;
  const mapped = /^::ffff:(\d{1,3}(?:\.\d{1,3}){3})$/i.exec(bare)?.[1];
  return mapped === undefined ? notRoutable.check(bare, 'ipv6') : notRoutable.check(mapped, 'ipv4');
}
