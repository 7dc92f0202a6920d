/** Node's decoder of UTF-8 takes ten times as long as its one of Latin-1; up to so many bytes looking which one it is costs as much as that. */
const SHORT = 64;

/** The text that UTF-8 bytes [start, end) are, broken sequences replaced as by `toString`. Nearly all telemetry is ASCII, and read as such. */
export function decodedText(bytes: Buffer, start: number, end: number): string {
  if (end - start <= SHORT) return bytes.toString('utf8', start, end);
  const text = bytes.toString('latin1', start, end);
  // A Latin-1 character beyond ASCII is two bytes of UTF-8.
  return Buffer.byteLength(text) === text.length ? text : bytes.toString('utf8', start, end);
}
