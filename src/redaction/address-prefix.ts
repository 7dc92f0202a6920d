/** The network part of an IP address; undefined when it is none. */
export function addressPrefix(text: string, v4: number, v6: number): string | undefined {
  const octets = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (octets !== null) {
    const kept = octets.slice(1, 1 + Math.floor(v4 / 8));
    return [...kept, ...Array.from({ length: 4 - kept.length }, () => '0')].join('.');
  }
  if (!/^[0-9a-f:]+$/i.test(text) || !text.includes('::')) {
    const groups = text.split(':');
    if (groups.length !== 8 || !groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined;
    return `${groups.slice(0, Math.floor(v6 / 16)).join(':')}::`;
  }
  const head = (text.split('::')[0] ?? '').split(':').filter((group) => group !== '');
  return `${head.slice(0, Math.floor(v6 / 16)).join(':')}::`;
}
