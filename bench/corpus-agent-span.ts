import { randomInt } from 'node:crypto';
import { letters, pick, sentence, SERVICES, WORDS } from './corpus-attributes.ts';

/**
 * Which agent spans a corpus has. `tool calls`: every one is a tool call with its arguments, its result (0.3 to 3 KB of listings, logs or
 * JSON) and the messages before it. `recorded`: half model calls, nearly half tool calls, a few agents, each with the attributes, the
 * sizes and the kind of text that the recorded runs of agents in incidents have (447 spans of three agents).
 */
export type AgentSpans = 'tool calls' | 'recorded';

export interface AgentSpan {
  readonly name: string;
  /** SpanKind. */
  readonly kind: number;
  readonly attributes: Readonly<Record<string, string | number>>;
}

/** Tool results in which a credential stands, one in so many. */
const CREDENTIAL_EVERY = 20;
const COMMANDS = [
  'kubectl get pods -n shop -o wide',
  'kubectl logs deploy/checkout -n shop --tail=200',
  'kubectl describe deployment checkout -n shop',
  'cat config/production.json',
] as const;

/** @param callId for a span that is a tool call */
export function agentSpan(which: AgentSpans, callId: string): AgentSpan {
  if (which === 'tool calls') return shellCall(callId);
  const drawn = Math.random();
  if (drawn < SHARE_OF_CHATS) return chat();
  return drawn < SHARE_OF_CHATS + SHARE_OF_TOOL_CALLS ? pythonCall(callId) : invocation();
}

function shellCall(callId: string): AgentSpan {
  const command = pick(COMMANDS);
  return {
    name: 'execute_tool shell',
    kind: INTERNAL,
    attributes: {
      'gen_ai.operation.name': 'execute_tool',
      'gen_ai.tool.name': 'shell',
      'gen_ai.tool.call.id': callId,
      'gen_ai.agent.name': 'sre-agent',
      'gen_ai.tool.call.arguments': JSON.stringify({ cmd: command, workdir: '/srv', timeout_ms: 10_000 }),
      'gen_ai.tool.call.result': shellResult(command),
      'gen_ai.input.messages': message('user', sentence(20 + randomInt(120))),
    },
  };
}

function shellResult(command: string): string {
  const lines = 3 + randomInt(25);
  if (command.startsWith('cat')) {
    const entries = Array.from({ length: lines }, (_, line) => [
      `${pick(WORDS)}_${line}`,
      { enabled: randomInt(2) === 0, limit: randomInt(5_000), owner: pick(SERVICES), note: sentence(5) },
    ]);
    return JSON.stringify(Object.fromEntries(entries), null, 2) + credential();
  }
  const text = Array.from({ length: lines }, () => {
    const pod = `${pick(SERVICES)}-5c9d8d7f6b-${letters(5).toLowerCase()}`;
    return command.includes('logs')
      ? `2026-11-2${randomInt(10)}T1${randomInt(10)}:${10 + randomInt(50)}:0${randomInt(10)}Z level=info pod=${pod} msg="${sentence(8)}" duration=${randomInt(900)}ms`
      : `${pod.padEnd(40)} 1/1   Running   ${randomInt(4)}   ${randomInt(48)}h   10.244.${randomInt(8)}.${randomInt(250)}   node-${randomInt(20)}`;
  });
  return text.join('\n') + credential();
}

function credential(): string {
  return randomInt(CREDENTIAL_EVERY) === 0 ? `\nexport GITHUB_TOKEN=ghp_${letters(36)}` : '';
}

// ---- as recorded: shares and quantiles are what was counted there

const SHARE_OF_CHATS = 0.5;
const SHARE_OF_TOOL_CALLS = 0.45;
const SHARE_WITH_INPUT = 0.09;
const SHARE_WITH_TRACE_IDS = 0.25;
const SHARE_BEYOND_ASCII = 0.09;
const INTERNAL = 1;
const CLIENT = 3;

/** Bytes at the quantiles 0, 0.1, 0.5, 0.9, 0.99 and 1. */
const ANSWER_BYTES = [120, 206, 742, 1014, 1300, 1624] as const;
const ARGUMENT_BYTES = [100, 156, 714, 1532, 1900, 2026] as const;
const RESULT_BYTES = [30, 96, 930, 3896, 6_000, 27_774] as const;
const QUANTILES = [0, 0.1, 0.5, 0.9, 0.99, 1] as const;

function drawnLength(bytes: readonly number[]): number {
  const drawn = Math.random();
  const at = Math.max(
    1,
    QUANTILES.findIndex((quantile) => drawn < quantile),
  );
  const [from = 0, to = 1] = [QUANTILES[at - 1], QUANTILES[at]];
  const [low = 0, high = 0] = [bytes[at - 1], bytes[at]];
  return Math.round(low + ((high - low) * (drawn - from)) / (to - from));
}

function model(): Record<string, string> {
  return { 'gen_ai.provider.name': 'openai', 'gen_ai.request.model': pick(['gpt-4o', 'gpt-4o', 'gpt-4.1', 'o4-mini']) };
}

function chat(): AgentSpan {
  const answer = `Analysis: ${sentence(Math.max(5, drawnLength(ANSWER_BYTES) - 130) / WORD_BYTES)}\nInstruction: load the \`metrics.parquet\` file.`;
  return {
    name: 'chat gpt-4o',
    kind: CLIENT,
    attributes: {
      'gen_ai.operation.name': 'chat',
      ...model(),
      ...(Math.random() < SHARE_WITH_INPUT && { 'gen_ai.input.messages': message('user', sentence(100)) }),
      'gen_ai.output.messages': message('assistant', answer),
      'gen_ai.usage.input_tokens': 400 + randomInt(20_000),
      'gen_ai.usage.output_tokens': 20 + randomInt(800),
    },
  };
}

function pythonCall(callId: string): AgentSpan {
  const argumentBytes = drawnLength(ARGUMENT_BYTES) - 130;
  const code: string[] = [`# In[${randomInt(30)}]:\n\nimport pandas as pd`];
  for (let bytes = 0; bytes < argumentBytes / 2;) {
    const line = pick(CODE);
    code.push(line);
    bytes += line.length;
  }
  return {
    name: 'execute_tool execute_python',
    kind: INTERNAL,
    attributes: {
      'gen_ai.operation.name': 'execute_tool',
      'gen_ai.tool.name': 'execute_python',
      'gen_ai.tool.type': 'function',
      'gen_ai.tool.call.id': callId,
      'gen_ai.tool.call.arguments': JSON.stringify({
        instruction: `Filter \`metrics.parquet\`: ${sentence(Math.max(20, argumentBytes) / 2 / WORD_BYTES)}`,
        code: code.join('\n'),
      }),
      'gen_ai.tool.call.result': pythonResult(drawnLength(RESULT_BYTES)),
    },
  };
}

const CODE = [
  "alert_start = datetime.fromisoformat('2026-04-25T05:18:12.716735+00:00')",
  "within = metrics[(metrics['time'] >= alert_start) & (metrics['time'] <= alert_end)]",
  "counts = within.groupby(['entity_name', 'metric'])['value'].quantile(0.95)",
  "print(f'{len(counts)} of {total:.1%} stand out')",
  '# Keep what lies beyond its threshold',
  "with open('cases/t001/task.json', 'r') as file:\n    task = json.load(file)",
] as const;

/** What a notebook answers: a few sentences, then rows of names, ids and numbers. */
function pythonResult(bytes: number): string {
  const withIds = Math.random() < SHARE_WITH_TRACE_IDS;
  const title = Math.random() < SHARE_BEYOND_ASCII ? 'checkout 错误次数告警' : 'checkout error count';
  const parts = [`The alert is titled "${title}". ${sentence(Math.min(60, bytes / 2 / WORD_BYTES))}.${credential()}\n`];
  let length = parts[0]?.length ?? 0;
  for (let row = 0; length < bytes - 60; row += 1) {
    const entity = withIds ? hex(32) : `${pick(SERVICES)}::/oteldemo.${pick(WORDS)}Service/PlaceOrder`;
    const value = (Math.random() * 10 ** randomInt(5)).toFixed(6);
    const line = `${row}  2026-04-25 05:${10 + randomInt(50)}:${10 + randomInt(50)}  ${entity.padEnd(44)} avg_request_latency_seconds  ${value}`;
    parts.push(line);
    length += line.length + 1;
  }
  return parts.join('\n');
}

function invocation(): AgentSpan {
  return {
    name: 'invoke_agent rca-agent',
    kind: INTERNAL,
    attributes: {
      'gen_ai.operation.name': 'invoke_agent',
      'gen_ai.agent.name': 'rca-agent',
      'gen_ai.agent.id': `openrca-${letters(6)}`,
      ...model(),
      'gen_ai.conversation.id': `rca100-t${100 + randomInt(900)}-${letters(12)}`,
    },
  };
}

/** Of a word of the corpus with the space behind it. */
const WORD_BYTES = 6.65;

function message(role: string, content: string): string {
  return JSON.stringify([{ role, parts: [{ type: 'text', content }] }]);
}

function hex(count: number): string {
  return Array.from({ length: count }, () => randomInt(16).toString(16)).join('');
}
