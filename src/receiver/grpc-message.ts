import type { ServerHttp2Stream } from 'node:http2';
import type { Reservation } from './admission.ts';

/** What came of reading the one message of a unary call. */
export type UnaryMessage =
  | { readonly kind: 'message'; readonly compressed: boolean; readonly body: Buffer }
  | { readonly kind: 'malformed'; readonly problem: string }
  | { readonly kind: 'too_large' }
  | { readonly kind: 'no_memory' }
  | { readonly kind: 'late' }
  /** The sender reset the call or left: nobody waits for an answer. */
  | { readonly kind: 'gone' };

export interface ReadLimits {
  /** Largest message as sent, in bytes. */
  readonly bytesMax: number;
  /** Until when the whole message must be there, in milliseconds from now. */
  readonly timeoutMs: number;
}

/** Length-Prefixed-Message (gRPC over HTTP/2): 1 byte compressed flag, 4 bytes big-endian length, the message. */
const PREFIX_BYTES = 5;

/**
 * Reads a unary call's request: exactly one message, then the end of the stream. The length is judged as soon as its prefix is
 * there; bytes are taken from the reservation as they arrive, so that a length that is only claimed costs nothing.
 */
export function readUnaryMessage(
  stream: ServerHttp2Stream,
  reservation: Reservation,
  limits: ReadLimits,
): Promise<UnaryMessage> {
  if (stream.destroyed) return Promise.resolve({ kind: 'gone' });
  return new Promise((resolve) => {
    let chunks: Buffer[] = [];
    let received = 0;
    let expected = -1;
    let compressed = false;

    const settle = (message: UnaryMessage): void => {
      clearTimeout(timer);
      stream.off('data', onData);
      stream.off('end', onEnd);
      stream.off('close', onGone);
      stream.off('aborted', onGone);
      resolve(message);
    };
    const onData = (chunk: Buffer): void => {
      received += chunk.length;
      chunks.push(chunk);
      if (expected < 0 && received >= PREFIX_BYTES) {
        const prefix = chunks.length === 1 ? chunk : Buffer.concat(chunks);
        chunks = [prefix];
        const flag = prefix[0] ?? 0;
        if (flag > 1) return settle({ kind: 'malformed', problem: 'the message has an unknown compressed flag' });
        compressed = flag === 1;
        const length = prefix.readUInt32BE(1);
        if (length > limits.bytesMax) return settle({ kind: 'too_large' });
        if (!reservation.wouldEnter(length)) return settle({ kind: 'no_memory' });
        expected = PREFIX_BYTES + length;
      }
      if (expected >= 0 && received > expected) {
        return settle({ kind: 'malformed', problem: 'a unary call has one message' });
      }
      if (!reservation.tryGrow(chunk.length)) settle({ kind: 'no_memory' });
    };
    const onEnd = (): void => {
      if (expected < 0 || received < expected) {
        return settle({ kind: 'malformed', problem: 'the message ends before its announced length' });
      }
      settle({ kind: 'message', compressed, body: reservation.join(chunks, received).subarray(PREFIX_BYTES) });
    };
    const onGone = (): void => settle({ kind: 'gone' });
    const timer = setTimeout(() => settle({ kind: 'late' }), limits.timeoutMs);

    stream.on('end', onEnd);
    stream.on('close', onGone);
    stream.on('aborted', onGone);
    stream.on('data', onData);
  });
}
