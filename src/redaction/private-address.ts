import { BlockList, isIPv6 } from 'node:net';

/**
 * Addresses that no router on the internet forwards (RFC 6890 and the IANA special-purpose registries): they tell pods and
 * hosts apart and point at nobody. Documentation ranges are not among them: where one stands, a real address was meant.
 */
const privateV6 = new BlockList();
for (const [network, prefix] of [
  ['::', 128],
  ['::1', 128],
  ['fc00::', 7],
  ['fe80::', 10],
] as const) {
  privateV6.addSubnet(network, prefix, 'ipv6');
}

/** 0.0.0.0/8, 10.0.0.0/8, 100.64.0.0/10, 127.0.0.0/8, 169.254.0.0/16, 172.16.0.0/12 and 192.168.0.0/16, by the first two numbers. */
function isPrivateV4(first: number, second: number): boolean {
  switch (first) {
    case 0:
    case 10:
    case 127:
      return true;
    case 100:
      return second >= 64 && second < 128;
    case 169:
      return second === 254;
    case 172:
      return second >= 16 && second < 32;
    case 192:
      return second === 168;
    default:
      return false;
  }
}

const OCTET = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';
const V4 = `(${OCTET})\\.(${OCTET})\\.${OCTET}\\.${OCTET}`;
const WHOLE_V4 = new RegExp(`^${V4}(?:/\\d{1,3})?$`);
const MAPPED_V4 = new RegExp(`^::ffff:${V4}$`, 'i');
const WHOLE_V6 = /^([0-9A-Fa-f:.]{2,45})(?:%[\w.-]{1,16})?(?:\/\d{1,3})?$/;

/** True when a captured value is, in whole, an IP address (or a network in CIDR notation) that is not globally routable. */
export function isPrivateAddress(captured: string): boolean {
  // Addresses of pods and hosts stand by the dozen in one listing: two of their numbers decide.
  const octets = WHOLE_V4.exec(captured);
  if (octets !== null) return isPrivateV4(Number(octets[1]), Number(octets[2]));
  const bare = WHOLE_V6.exec(captured)?.[1] ?? '';
  if (!isIPv6(bare)) return false;
  const mapped = MAPPED_V4.exec(bare);
  return mapped === null ? privateV6.check(bare, 'ipv6') : isPrivateV4(Number(mapped[1]), Number(mapped[2]));
}
