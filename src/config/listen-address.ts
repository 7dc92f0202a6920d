import { isIPv4, isIPv6 } from 'node:net';

/** Where a listener binds. `host` is an IP address or a name, IPv6 without brackets; `port` 0 takes a free one. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** The reason `text` is no listen address, or the address. Takes `host:port`, with IPv6 in brackets: `[::1]:8400`. */
export function parseListenAddress(text: string): ListenAddress | string {
  const match = /^(?:\[([^\]]+)\]|([^:]*)):(\d{1,5})$/.exec(text);
  if (!match) {
    return isIPv6(text)
      ? 'an IPv6 address goes in brackets, with a port: [::1]:8400'
      : 'must be host:port, for example 127.0.0.1:8400';
  }
  const [, inBrackets, plain = '', digits = ''] = match;
  if (inBrackets !== undefined && !isIPv6(inBrackets)) return 'what stands in brackets must be an IPv6 address';
  const host = inBrackets ?? plain;
  if (host === '') {
    return 'must name a host: 127.0.0.1 for this machine only, 0.0.0.0 for every IPv4 interface';
  }
  if (inBrackets === undefined && !isIPv4(host) && !/^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/.test(host)) {
    return 'must name a host by address or by name';
  }
  // 127.1 or 1.2.3.4.5 would reach the resolver as a "name" and bind who knows where.
  if (inBrackets === undefined && /^[0-9.]+$/.test(host) && !isIPv4(host)) return 'is not a complete IPv4 address';
  const port = Number(digits);
  if (port > 65_535) return 'the port must be between 0 and 65535';
  return { host, port };
}

/** True when only this machine can reach the host. */
export function isLoopback(host: string): boolean {
  if (isIPv4(host)) return host.startsWith('127.');
  if (isIPv6(host)) return host === '::1' || /^::ffff:127\./i.test(host) || /^(0{1,4}:){7}0{0,3}1$/.test(host);
  return host.toLowerCase() === 'localhost';
}

/** `host:port` as it is written in configuration and in URLs. */
export function formatListenAddress(address: ListenAddress): string {
  return `${isIPv6(address.host) ? `[${address.host}]` : address.host}:${address.port}`;
}
