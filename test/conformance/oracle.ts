import { join } from 'node:path';
import protobuf from 'protobufjs';
import { type Signal, SIGNALS } from '../../src/otlp/signal.ts';

const SERVICES: Readonly<Record<Signal, readonly [folder: string, name: string]>> = {
  traces: ['trace', 'Trace'],
  logs: ['logs', 'Logs'],
  metrics: ['metrics', 'Metrics'],
};

const root = new protobuf.Root();
root.resolvePath = (_origin, target) => join(import.meta.dirname, '..', '..', 'proto', target);
root.loadSync(
  SIGNALS.map(
    (signal) => `opentelemetry/proto/collector/${SERVICES[signal][0]}/v1/${SERVICES[signal][0]}_service.proto`,
  ),
);

const requestType = (signal: Signal): protobuf.Type => {
  const [folder, name] = SERVICES[signal];
  return root.lookupType(`opentelemetry.proto.collector.${folder}.v1.Export${name}ServiceRequest`);
};

/** What protobufjs reads in a request: 64-bit integers as strings, bytes as hex, nothing made up for unset fields. */
export function readRequest(signal: Signal, bytes: Uint8Array): unknown {
  const type = requestType(signal);
  const object = type.toObject(type.decode(bytes), { longs: String });
  return JSON.parse(
    JSON.stringify(object, (_, value: unknown) =>
      typeof value === 'object' && value !== null && 'type' in value && value.type === 'Buffer' && 'data' in value
        ? Buffer.from(value.data as number[]).toString('hex')
        : value,
    ),
  );
}
