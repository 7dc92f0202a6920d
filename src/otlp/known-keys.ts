/** The attribute keys that a tenant used of late, up to a bound. */
export interface KnownKeys {
  /** Whether the key [start, end) of `bytes` is known or, while there is room, becomes so. */
  admit(bytes: Uint8Array, start: number, end: number): boolean;
}
