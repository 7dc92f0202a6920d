import { status } from '@grpc/grpc-js';
import { createForwarder } from '../../src/forward/forwarder.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { frameLabelled } from '../fault/spool/frames.ts';
import { openGrpcSink, openHttpSink, type OtlpSink, type SinkAnswer } from './frame-consumer-sink.ts';
import { describeFrameConsumer, type FrameConsumerHarness } from './frame-consumer.ts';

async function openHarness(
  openSink: () => Promise<OtlpSink>,
  down: SinkAnswer,
  refused: SinkAnswer,
): Promise<FrameConsumerHarness> {
  const sink = await openSink();
  const metrics = createMetrics();
  const consumer = createForwarder({ url: sink.url, meter: metrics.meter, logger: createLogger('silent') });
  const isPoison = (bytes: Buffer): boolean => bytes.toString('latin1').startsWith('poison|');
  const up: OtlpSink['answer'] = ({ bytes }) => (isPoison(bytes) ? refused : {});
  sink.answer = up;
  return {
    consumer,
    frame: (ordinal) => frameLabelled(`frame ${ordinal}`),
    async effects(ordinal) {
      const wanted = Buffer.from(frameLabelled(`frame ${ordinal}`).bytes);
      return sink.taken.filter(({ bytes }) => bytes.equals(wanted)).length;
    },
    downstream: {
      async fail() {
        // Some of the batch gets through before the endpoint is down.
        sink.answer = (_request, ordinal) => (ordinal === 0 ? {} : down);
      },
      async heal() {
        sink.answer = up;
      },
    },
    poison: () => frameLabelled('poison'),
    async close() {
      consumer.close();
      await sink.close();
      await metrics.close();
    },
  };
}

describeFrameConsumer({
  name: 'the forwarder over HTTP',
  idempotent: false,
  open: () => openHarness(openHttpSink, { httpStatus: 503 }, { httpStatus: 400 }),
});

describeFrameConsumer({
  name: 'the forwarder over gRPC',
  idempotent: false,
  open: () => openHarness(openGrpcSink, { grpcCode: status.UNAVAILABLE }, { grpcCode: status.INVALID_ARGUMENT }),
});
