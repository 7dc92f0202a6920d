import { expect, test } from 'vitest';
import { numberedRequest } from '../../test/support/fault-requests.ts';
import { SIGNALS } from '../otlp/signal.ts';
import { createLogger } from '../telemetry/logger.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { createAdmission, createReservation } from './admission.ts';
import { createHandleExport } from './handle-export.ts';
import { createReceiverInstruments } from './instruments.ts';
import { DEFAULT_LIMITS } from './options.ts';

test('a request that was read and is one too many is refused, and its items and bytes are counted', async () => {
  const metrics = createMetrics();
  const admission = createAdmission({ ...DEFAULT_LIMITS, workBytesAlways: 0, expectedWaitMsMax: 0 });
  const handleExport = createHandleExport({
    handler: () => Promise.reject(new Error('nothing is handed on')),
    instruments: createReceiverInstruments(metrics.meter, admission),
    logger: createLogger('silent'),
    limits: DEFAULT_LIMITS,
    reservedKeyPrefixes: [],
    clock: () => 0n,
  });
  let bytes = 0;
  for (const signal of SIGNALS) {
    const body = numberedRequest(signal, 0, 7).bytes;
    bytes = body.length;
    const reservation = createReservation(admission);
    expect(
      await handleExport({ transport: 'grpc', signal, encoding: 'protobuf', tenant: 'default', body, reservation }),
    ).toMatchObject({ kind: 'retryable', message: 'too many requests are being received at once' });
    reservation.release();
  }
  const text = await metrics.prometheusText();
  for (const signal of SIGNALS) {
    expect(text).toMatch(
      new RegExp(`docket_receiver_refused_items_total\\{transport="grpc",signal="${signal}".*\\} 7`),
    );
  }
  expect(text).toMatch(
    new RegExp(`docket_receiver_refused_bytes_total\\{transport="grpc",signal="metrics".*\\} ${bytes}`),
  );
  expect(text).toMatch(/docket_receiver_requests_total\{transport="grpc",signal="traces",result="retryable".*\} 1/);
});
