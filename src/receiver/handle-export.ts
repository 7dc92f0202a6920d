import { OtlpDecodeError, OtlpSizeError } from '../otlp/decode-error.ts';
import { transcodeJson } from '../otlp/json/transcode.ts';
import { checkRequest, type RequestCheck } from '../otlp/protobuf/check.ts';
import { countItems } from '../otlp/protobuf/count-items.ts';
import type { KnownKeys } from '../otlp/known-keys.ts';
import type { Signal } from '../otlp/signal.ts';
import type { ExportHandler } from '../pipeline/consumer.ts';
import type { ExportOutcome, Permanent, Retryable } from '../pipeline/outcome.ts';
import { aboutMs } from '../pipeline/return-times.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Reservation } from './admission.ts';
import { createAttributeKeys } from './attribute-keys.ts';
import type { ReceiverInstruments, Transport } from './instruments.ts';
import { FAILURE_RETURN_MS, type ReceiverLimits } from './options.ts';
import { createTurns } from './turns.ts';

export type Encoding = 'protobuf' | 'json';

/** One export request with its whole body, decompressed and admitted. */
export interface IncomingExport {
  readonly transport: Transport;
  readonly signal: Signal;
  readonly encoding: Encoding;
  readonly tenant: string;
  /** The callee's until it answers. */
  readonly body: Buffer;
  /**
   * What the request holds of the memory budget, its body among it; copies of it are taken from here too. Not entered yet; released by
   * the caller.
   */
  readonly reservation: Reservation;
}

/** Also takes the request's place among the work in progress, and refuses it when it would wait too long there. */
export type HandleExport = (incoming: IncomingExport) => Promise<ExportOutcome>;

export interface HandleExportOptions {
  readonly handler: ExportHandler;
  readonly instruments: ReceiverInstruments;
  readonly logger: Logger;
  readonly limits: Pick<ReceiverLimits, 'requestBytesMax' | 'attributeKeysMax'>;
  /** Attribute keys that begin like this cannot be crowded out by others. */
  readonly reservedKeyPrefixes: readonly string[];
  /** Nanoseconds since the epoch. */
  readonly clock: () => bigint;
}

/** The log says at most this often that something was taken otherwise than sent. */
const WARNING_MS = 60_000;

interface Decoded {
  readonly check: RequestCheck;
  readonly keys: KnownKeys;
  readonly warning: string;
  readonly stringIndexes: number;
  readonly unknownMembers: number;
}

type Limits = HandleExportOptions['limits'];

function decode(incoming: IncomingExport, limits: Limits, keys: KnownKeys): Decoded | Permanent | Retryable {
  const { signal, body, encoding } = incoming;
  try {
    if (encoding === 'json') return decodeJson(incoming, limits, keys);
    const check = checkRequest(signal, body, keys);
    return { check, keys, warning: '', stringIndexes: check.stringIndexes, unknownMembers: 0 };
  } catch (error) {
    if (error instanceof OtlpSizeError) return { kind: 'permanent', code: 'too_large', message: error.message };
    if (!(error instanceof OtlpDecodeError)) throw error;
    return {
      kind: 'permanent',
      code: 'invalid_argument',
      message: `the body is not a well-formed OTLP ${signal} export request: ${error.message}`,
    };
  }
}

/** The protobuf made from JSON is memory of its own, so it is taken from the budget beside the JSON. */
function decodeJson(incoming: IncomingExport, limits: Limits, keys: KnownKeys): Decoded | Retryable {
  const { signal, body, reservation } = incoming;
  if (!reservation.tryGrow(body.length)) return overloaded(reservation);
  const { bytes, warning, stringIndexes, unknownMembers } = transcodeJson(signal, body, limits.requestBytesMax);
  if (bytes.length > body.length && !reservation.tryGrow(bytes.length - body.length)) return overloaded(reservation);
  return { check: checkRequest(signal, bytes, keys), keys, warning, stringIndexes, unknownMembers };
}

/** What a request is told that would be one too many. */
export function overloaded(reservation: Pick<Reservation, 'returnMs'>): Retryable {
  const message = 'too many requests are being received at once';
  return { kind: 'retryable', message, retryAfterMs: reservation.returnMs() };
}

const sentences = (...parts: readonly string[]): string => parts.filter((part) => part !== '').join('; ');

/**
 * What happens to every export request, whatever its signal, transport and encoding: JSON becomes protobuf, the bytes are
 * checked, items no consumer could use are taken out, the rest goes to the handler. A request without items succeeds
 * without the handler (R11). Nothing here answers with a status: outcomes do not know of transports.
 */
export function createHandleExport(options: HandleExportOptions): HandleExport {
  const { handler, instruments, logger, limits, clock } = options;
  const turns = createTurns();
  const attributeKeys = createAttributeKeys({
    keysMax: limits.attributeKeysMax,
    reservedPrefixes: options.reservedKeyPrefixes,
    clock,
  });
  let warnedAt = Number.NEGATIVE_INFINITY;

  /** What was taken in a way that the sender may not expect; said in the answer, and in the log from time to time. */
  function warningsOf({ check, warning, stringIndexes }: Decoded, incoming: IncomingExport): string {
    const { transport, signal } = incoming;
    const { unknownKeys } = check;
    if (unknownKeys > 0) instruments.overflowedAttributes(transport, signal, unknownKeys);
    if ((unknownKeys > 0 || stringIndexes > 0) && performance.now() - warnedAt >= WARNING_MS) {
      warnedAt = performance.now();
      logger.warn(
        { transport, signal, tenant: incoming.tenant, unknownKeys, stringIndexes },
        'a request has attribute keys beyond the bound of a day, or string indexes that only profiles have',
      );
    }
    return sentences(
      warning,
      stringIndexes === 0
        ? ''
        : `${stringIndexes} indexes of strings (string_value_strindex, key_strindex) were ignored: only profiles have them`,
      unknownKeys === 0
        ? ''
        : `${unknownKeys} attributes are kept under docket.overflow: more than ${limits.attributeKeysMax} different keys came today`,
    );
  }

  async function run(incoming: IncomingExport): Promise<ExportOutcome> {
    const { transport, signal } = incoming;
    const receivedAtUnixNano = clock();
    const decoded = decode(incoming, limits, attributeKeys.of(incoming.tenant));
    if ('kind' in decoded) {
      logger.debug({ transport, signal, problem: decoded.message }, 'refused an export request');
      return decoded;
    }
    const { check } = decoded;
    instruments.ignoredMembers(transport, signal, decoded.unknownMembers);
    const warning = warningsOf(decoded, incoming);
    let outcome: ExportOutcome = { kind: 'accepted', rejected: 0, message: '' };
    if (check.items > 0) {
      outcome = await handler({
        tenant: incoming.tenant,
        signal,
        bytes: check.bytes,
        items: check.items,
        receivedAtUnixNano,
        ...(check.unknownKeys === 0 ? {} : { knownKeys: decoded.keys }),
      });
    }
    if (outcome.kind !== 'accepted') {
      const refused = outcome.kind === 'retryable' ? check.items + check.rejected : 0;
      const rejected = outcome.kind === 'permanent' ? check.items + check.rejected : 0;
      instruments.items({ transport, signal, accepted: 0, rejected, refused });
      return outcome;
    }
    const rejected = check.rejected + outcome.rejected;
    instruments.items({ transport, signal, accepted: check.items - outcome.rejected, rejected, refused: 0 });
    const reasons = check.rejected > 0 ? `rejected ${check.reasons}` : '';
    return { kind: 'accepted', rejected, message: sentences(reasons, outcome.message, warning) };
  }

  /** Read for nothing: what is in it is counted without being looked at. */
  function refuse({ transport, signal, encoding, body, reservation }: IncomingExport): Retryable {
    const refused = encoding === 'protobuf' ? countItems(signal, body) : 0;
    instruments.items({ transport, signal, accepted: 0, rejected: 0, refused });
    return overloaded(reservation);
  }

  return async (incoming) => {
    const { transport, signal, body } = incoming;
    const started = process.hrtime.bigint();
    let outcome: ExportOutcome;
    try {
      outcome = incoming.reservation.tryEnter() ? await turns.take(() => run(incoming)) : refuse(incoming);
    } catch (error) {
      // The error's text may quote what was being worked on, so only its kind is logged.
      const name = error instanceof Error ? error.name : typeof error;
      const code = error instanceof Error && 'code' in error ? String(error.code) : undefined;
      logger.error({ transport, signal, error: name, code }, 'an export request failed unexpectedly');
      outcome = {
        kind: 'retryable',
        message: 'the request could not be handled now; send it again later',
        retryAfterMs: aboutMs(FAILURE_RETURN_MS),
      };
    }
    const result = outcome.kind === 'permanent' ? outcome.code : outcome.kind;
    instruments.request({ transport, signal, result });
    if (outcome.kind === 'retryable') instruments.refusedBytes(transport, signal, body.length);
    instruments.acknowledged(transport, signal, body.length, Number(process.hrtime.bigint() - started) / 1e9);
    return outcome;
  };
}
