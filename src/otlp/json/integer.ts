/**
 * A 64-bit integer in two halves, so that reading one neither loses precision (R35: 1544712660000000123 as a JSON number)
 * nor allocates a BigInt. Two's complement when negative.
 */
export class Integer64 {
  low = 0;
  high = 0;
  negative = false;

  /**
   * Reads the decimal digits in [start, end), with an optional minus. False when they are anything else (an exponent, a
   * fraction, white space) or more than 64 bits.
   */
  readDigits(bytes: Uint8Array, start: number, end: number): boolean {
    let at = start;
    this.negative = bytes[at] === 0x2d;
    if (this.negative) at += 1;
    const digits = end - at;
    if (digits < 1 || digits > 20) return false;
    // The last nine digits and those before them are both exact in a double.
    const split = Math.max(at, end - 9);
    let upper = 0;
    for (; at < split; at += 1) {
      const digit = (bytes[at] ?? 0) - 0x30;
      if (digit < 0 || digit > 9) return false;
      upper = upper * 10 + digit;
    }
    let lower = 0;
    for (; at < end; at += 1) {
      const digit = (bytes[at] ?? 0) - 0x30;
      if (digit < 0 || digit > 9) return false;
      lower = lower * 10 + digit;
    }
    return this.#set(upper, lower);
  }

  setBigInt(value: bigint): boolean {
    if (value >= 1n << 64n || value < -(1n << 63n)) return false;
    this.negative = value < 0n;
    const bits = BigInt.asUintN(64, value);
    this.low = Number(bits & 0xffffffffn);
    this.high = Number(bits >> 32n);
    return true;
  }

  /** Whether the value fits int64; a value that is not negative always fits uint64. */
  get fitsSigned(): boolean {
    return this.negative || this.high < 0x80000000;
  }

  /** upper * 10^9 + lower, in 16-bit steps that stay below 2^53. */
  #set(upper: number, lower: number): boolean {
    const upperLow = upper % 65536;
    const upperHigh = (upper - upperLow) / 65536;
    const product = upperHigh * 1e9;
    const productLow = product % 65536;
    const sum = productLow * 65536 + upperLow * 1e9 + lower;
    const low = sum % 4294967296;
    const high = (product - productLow) / 65536 + (sum - low) / 4294967296;
    if (high > 0xffffffff) return false;
    this.low = low;
    this.high = high;
    return this.negative ? this.#negate() : true;
  }

  #negate(): boolean {
    if (this.low === 0 && this.high === 0) {
      this.negative = false;
      return true;
    }
    if (this.high > 0x80000000 || (this.high === 0x80000000 && this.low > 0)) return false;
    this.low = (~this.low + 1) >>> 0;
    this.high = (~this.high + (this.low === 0 ? 1 : 0)) >>> 0;
    return true;
  }
}
