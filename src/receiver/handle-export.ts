import { OtlpDecodeError } from '../otlp/decode-error.ts';
import { transcodeJson } from '../otlp/json/transcode.ts';
import { checkRequest, type RequestCheck } from '../otlp/protobuf/check.ts';
import type { Signal } from '../otlp/signal.ts';
import type { ExportHandler } from '../pipeline/consumer.ts';
import type { ExportOutcome, Permanent } from '../pipeline/outcome.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { ReceiverInstruments, Transport } from './instruments.ts';

export type Encoding = 'protobuf' | 'json';

/** One export request with its whole body, decompressed and admitted. */
export interface IncomingExport {
  readonly transport: Transport;
  readonly signal: Signal;
  readonly encoding: Encoding;
  readonly tenant: string;
  /** Owned by the callee. */
  readonly body: Buffer;
}

export type HandleExport = (incoming: IncomingExport) => Promise<ExportOutcome>;

export interface HandleExportOptions {
  readonly handler: ExportHandler;
  readonly instruments: ReceiverInstruments;
  readonly logger: Logger;
  /** Nanoseconds since the epoch. */
  readonly clock: () => bigint;
}

/** How long a sender should wait when the handler failed in a way nobody foresaw. */
const FAILED_HANDLER_RETRY_MS = 5000;

interface Decoded {
  readonly check: RequestCheck;
  readonly warning: string;
}

function decode(incoming: IncomingExport): Decoded | Permanent {
  try {
    if (incoming.encoding === 'protobuf') return { check: checkRequest(incoming.signal, incoming.body), warning: '' };
    const { bytes, warning } = transcodeJson(incoming.signal, incoming.body);
    return { check: checkRequest(incoming.signal, bytes), warning };
  } catch (error) {
    if (!(error instanceof OtlpDecodeError)) throw error;
    return {
      kind: 'permanent',
      code: 'invalid_argument',
      message: `the body is not a well-formed OTLP ${incoming.signal} export request: ${error.message}`,
    };
  }
}

const sentences = (...parts: readonly string[]): string => parts.filter((part) => part !== '').join('; ');

/**
 * What happens to every export request, whatever its signal, transport and encoding: JSON becomes protobuf, the bytes are
 * checked, items no consumer could use are taken out, the rest goes to the handler. A request without items succeeds
 * without the handler (R11). Nothing here answers with a status: outcomes do not know of transports.
 */
export function createHandleExport(options: HandleExportOptions): HandleExport {
  const { handler, instruments, logger, clock } = options;

  async function run(incoming: IncomingExport): Promise<ExportOutcome> {
    const { transport, signal } = incoming;
    const receivedAtUnixNano = clock();
    const decoded = decode(incoming);
    if ('kind' in decoded) {
      logger.debug({ transport, signal, problem: decoded.message }, 'refused a malformed export request');
      return decoded;
    }
    const { check, warning } = decoded;
    let outcome: ExportOutcome = { kind: 'accepted', rejected: 0, message: '' };
    if (check.items > 0) {
      outcome = await handler({
        tenant: incoming.tenant,
        signal,
        bytes: check.bytes,
        items: check.items,
        receivedAtUnixNano,
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

  return async (incoming) => {
    const { transport, signal, body } = incoming;
    const started = process.hrtime.bigint();
    let outcome: ExportOutcome;
    try {
      outcome = await run(incoming);
    } catch (error) {
      // The error's text may quote what was being worked on, so only its kind is logged.
      const name = error instanceof Error ? error.name : typeof error;
      const code = error instanceof Error && 'code' in error ? String(error.code) : undefined;
      logger.error({ transport, signal, error: name, code }, 'an export request failed unexpectedly');
      outcome = {
        kind: 'retryable',
        message: 'the request could not be handled now; send it again later',
        retryAfterMs: FAILED_HANDLER_RETRY_MS,
      };
    }
    const result = outcome.kind === 'permanent' ? outcome.code : outcome.kind;
    instruments.request({ transport, signal, result });
    instruments.acknowledged(transport, signal, body.length, Number(process.hrtime.bigint() - started) / 1e9);
    return outcome;
  };
}
