import { WireWriter } from '../src/otlp/protobuf/writer.ts';

/**
 * The bench corpus: Export requests of ordinary service spans, about 570 bytes a span with 12 span attributes under a
 * resource with 10, and of agent spans with content. Ids come from a counter, so every span of a run is new.
 */
export interface CorpusOptions {
  readonly spansPerRequest: number;
  /** Share of GenAI spans with content, 0 to 1. */
  readonly agentShare: number;
}

const SPAN_ATTRIBUTES: readonly (readonly [string, string])[] = [
  ['http.request.method', 'GET'],
  ['http.route', '/api/v1/products/{productId}'],
  ['url.path', '/api/v1/products/OLJCESPC7Z'],
  ['url.scheme', 'http'],
  ['server.address', 'frontend.shop.svc.cluster.local'],
  ['network.protocol.version', '1.1'],
  ['user_agent.original', 'python-requests/2.31.0'],
  ['client.address', 'frontend-proxy'],
  ['app.product.id', 'OLJCESPC7Z'],
  ['app.cart.items', 'three'],
  ['rpc.system', 'grpc'],
  ['thread.name', 'http-nio-8080-exec-4'],
];

const RESOURCE_ATTRIBUTES: readonly (readonly [string, string])[] = [
  ['service.name', 'product-catalog'],
  ['service.version', '2.1.3'],
  ['service.namespace', 'shop'],
  ['deployment.environment.name', 'production'],
  ['k8s.namespace.name', 'shop'],
  ['k8s.deployment.name', 'product-catalog'],
  ['k8s.node.name', 'node-17'],
  ['telemetry.sdk.language', 'go'],
  ['telemetry.sdk.name', 'opentelemetry'],
  ['telemetry.sdk.version', '1.35.0'],
];

const ARGUMENTS = JSON.stringify({
  cmd: 'kubectl get pods -n shop -o wide && kubectl logs deploy/product-catalog -n shop --tail=200',
  workdir: '/srv',
  timeout_ms: 10_000,
});
const RESULT = 'NAME                               READY   STATUS    RESTARTS   AGE   IP            NODE\n'.concat(
  'product-catalog-5c9d8d7f6b-x2x9k   1/1     Running   0          3h    10.244.1.17   node-17\n'.repeat(12),
);
const MESSAGES = JSON.stringify([
  {
    role: 'user',
    parts: [{ type: 'text', content: 'Find out why checkout fails in the shop namespace. '.repeat(12) }],
  },
]);

function attribute(writer: WireWriter, field: number, key: string, value: string): void {
  const pair = writer.begin(field);
  writer.stringField(1, key);
  const any = writer.begin(2);
  writer.stringField(1, value);
  writer.end(any);
  writer.end(pair);
}

/** Spans in all requests a generator made so far are numbered; the numbers become ids. */
export function createTracesRequests(options: CorpusOptions, firstNumber = 0): { next(): Buffer } {
  let number = firstNumber;
  const id = Buffer.alloc(16);
  return {
    next() {
      const writer = new WireWriter(options.spansPerRequest * 700);
      const resourceSpans = writer.begin(1);
      const resource = writer.begin(1);
      for (const [key, value] of RESOURCE_ATTRIBUTES) attribute(writer, 1, key, value);
      writer.end(resource);
      const scopeSpans = writer.begin(2);
      const scope = writer.begin(1);
      writer.stringField(1, 'docket.bench');
      writer.end(scope);
      const now = BigInt(Date.now()) * 1_000_000n;
      for (let index = 0; index < options.spansPerRequest; index += 1) {
        number += 1;
        const agent = (index + 1) * options.agentShare >= Math.floor(index * options.agentShare) + 1;
        const span = writer.begin(2);
        id.writeBigUInt64BE(BigInt(Math.floor(number / 8)) + 1n, 0);
        id.writeBigUInt64BE(0x1234n, 8);
        writer.bytesField(1, id);
        id.writeBigUInt64BE(BigInt(number), 0);
        writer.bytesField(2, id.subarray(0, 8));
        writer.stringField(5, agent ? 'execute_tool kubectl' : 'GET /api/v1/products/{productId}');
        writer.varintField(6, agent ? 1 : 2);
        writer.fixed64Field(7, now + BigInt(index) * 1000n);
        writer.fixed64Field(8, now + BigInt(index) * 1000n + 1_500_000n + BigInt(number % 977) * 1000n);
        if (agent) {
          attribute(writer, 9, 'gen_ai.operation.name', 'execute_tool');
          attribute(writer, 9, 'gen_ai.tool.name', 'kubectl');
          attribute(writer, 9, 'gen_ai.tool.call.id', `call_${number}`);
          attribute(writer, 9, 'gen_ai.agent.name', 'sre-agent');
          attribute(writer, 9, 'gen_ai.tool.call.arguments', ARGUMENTS);
          attribute(writer, 9, 'gen_ai.tool.call.result', RESULT);
          attribute(writer, 9, 'gen_ai.input.messages', MESSAGES);
        } else {
          for (const [key, value] of SPAN_ATTRIBUTES) attribute(writer, 9, key, value);
        }
        writer.end(span);
      }
      writer.end(scopeSpans);
      writer.end(resourceSpans);
      return writer.finish();
    },
  };
}
