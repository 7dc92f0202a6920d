import { splitToolContent } from '../../otlp/semconv/tool-parts.ts';
import { plain, text } from '../attribute.ts';
import { modelInput, modelOutput } from '../gen-ai-fields.ts';
import { contents, recognised, type Dialect } from '../recognised.ts';
import type { AnyValue } from '../telemetry-record.ts';

/**
 * Bedrock AgentCore with the AWS distribution: content is moved from a span to a log record with the span's ids, whose body
 * holds `input` and `output` messages. It joins whatever row the span has.
 */
export const agentCore: Dialect = {
  name: 'agentcore',
  recognise(record) {
    if (record.signal !== 'logs' || record.spanId === '' || !(record.body instanceof Map)) return undefined;
    const body = record.body as ReadonlyMap<string, AnyValue>;
    if (!hasMessages(body.get('input')) && !hasMessages(body.get('output'))) return undefined;
    return recognised('agentcore', {
      kind: 'model_call',
      operation: 'chat',
      joinsSpan: true,
      sessionId: text(record.attributes, 'session.id'),
      content: contents(
        splitToolContent(JSON.stringify(plain(body))) ?? { input: modelInput(record), output: modelOutput(record) },
      ),
    });
  },
};

function hasMessages(side: AnyValue | undefined): boolean {
  return side instanceof Map && side.has('messages');
}
