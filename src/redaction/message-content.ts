import { unescapeJson } from './json-text.ts';
import { readJsonTree, type JsonNode } from './json-tree.ts';
import type { MessageRole, Treatment } from './policy.ts';

/** What is done with one part of a message. */
export interface PartTreatment {
  readonly treatment: Treatment;
  /** For receipts: `messages.input.system`, `tool.result`. */
  readonly what: string;
}

export interface MessageOptions {
  /** Content that stands under no role. */
  readonly outside: PartTreatment;
  /** Undefined when the policy does not tell roles apart. */
  readonly ofRole: ((role: MessageRole | undefined) => PartTreatment) | undefined;
  readonly ofTool: (kind: 'tool.arguments' | 'tool.result', tool: string) => PartTreatment;
  /** The new text of a JSON value: JSON again; undefined when it is to be left out. `path` begins at the message's root. */
  readonly apply: (node: JsonNode, how: PartTreatment, path: string, key: string) => string | undefined;
  /** The new text of a member's name, quotes included. */
  readonly applyName: (quoted: string, path: string) => string;
}

const ROLES: ReadonlyMap<string, MessageRole> = new Map([
  ['system', 'system'],
  ['developer', 'system'],
  ['user', 'user'],
  ['human', 'user'],
  ['assistant', 'assistant'],
  ['ai', 'assistant'],
  ['model', 'assistant'],
  ['tool', 'tool'],
  ['function', 'tool'],
]);
const SYSTEM_MEMBER = /^(?:system|system_?prompt|system_?instructions?|instructions)$/i;
const CALL_TYPE = /^(?:(?:server_)?tool[_-](?:call|use)|(?:function|mcp|custom_tool)_call)$/;
const RESULT_TYPE = /^(?:tool[_-]call[_-]response|(?:[a-z_]+_)?tool[_-]result|function_call_output|function_response)$/;
const ARGUMENT_MEMBERS = ['arguments', 'args', 'input'] as const;
const RESULT_MEMBERS = new Set(['response', 'result', 'output', 'content', 'functionResponse']);
const NAME_MEMBERS = ['name', 'toolName', 'tool_name'] as const;
const ID_MEMBERS = ['id', 'tool_call_id', 'tool_use_id', 'toolCallId', 'call_id'] as const;

/** The role that a name stands for in one of the dialects; undefined when it is none. */
export function messageRole(name: string): MessageRole | undefined {
  return ROLES.get(name.toLowerCase());
}

/**
 * Messages as JSON, in the forms of the OpenTelemetry conventions, OpenAI, Anthropic, Gemini, LangChain and the Vercel AI SDK:
 * each message is treated by its role, each tool part by its tool. Returns `null` when the text is not complete JSON, `undefined`
 * when nothing of it is left.
 */
export function redactMessages(text: string, options: MessageOptions): string | undefined | null {
  const root = readJsonTree(text);
  if (root === undefined) return null;
  const tools = new Map<string, string>();
  const told = new Set<JsonNode>();
  const stringOf = (node: JsonNode, names: readonly string[]): string => {
    for (const name of names) {
      const value = node.members.findLast((member) => member.name === name)?.value;
      if (value?.kind === 'string') return unescapeJson(text.slice(value.start + 1, value.end - 1));
    }
    return '';
  };
  const has = (node: JsonNode, name: string): boolean => node.members.some((member) => member.name === name);
  const says = (node: JsonNode): { readonly isMessage: boolean; readonly role: MessageRole | undefined } => {
    const roles = node.members.filter((member) => member.name === 'role');
    if (roles.length > 0)
      return { isMessage: true, role: roles.length === 1 ? messageRole(stringOf(node, ['role'])) : undefined };
    // LangChain names the role `type`.
    const role = has(node, 'content') ? messageRole(stringOf(node, ['type'])) : undefined;
    return { isMessage: role !== undefined, role };
  };
  /** Which member of a tool part holds arguments or results. */
  const partOf = (
    node: JsonNode,
  ): { readonly kind: 'tool.arguments' | 'tool.result'; readonly names: ReadonlySet<string> } | undefined => {
    const type = stringOf(node, ['type']);
    if (RESULT_TYPE.test(type) || (has(node, 'name') && has(node, 'response'))) {
      return { kind: 'tool.result', names: RESULT_MEMBERS };
    }
    const isCall = CALL_TYPE.test(type) || stringOf(node, NAME_MEMBERS) !== '';
    const member = isCall ? ARGUMENT_MEMBERS.find((name) => has(node, name)) : undefined;
    return member === undefined && !has(node, 'arguments')
      ? undefined
      : { kind: 'tool.arguments', names: new Set(ARGUMENT_MEMBERS) };
  };

  /** Notes what holds a message or a tool part somewhere within; the rest is treated as a whole. */
  const survey = (node: JsonNode): boolean => {
    let found = false;
    for (const item of node.items) found = survey(item) || found;
    for (const { name, value } of node.members) {
      found = survey(value) || found;
      if (options.ofRole !== undefined && SYSTEM_MEMBER.test(name)) found = true;
      if (name === 'function' && value.kind === 'object')
        tools.set(stringOf(node, ID_MEMBERS), stringOf(value, NAME_MEMBERS));
    }
    if (node.kind === 'object') {
      const part = partOf(node);
      const { isMessage, role } = says(node);
      if (part !== undefined || (isMessage && (options.ofRole !== undefined || role === 'tool'))) found = true;
      if (part?.kind === 'tool.arguments') {
        const id = stringOf(node, ID_MEMBERS);
        if (id !== '') tools.set(id, stringOf(node, NAME_MEMBERS));
      }
    }
    if (found) told.add(node);
    return found;
  };

  const assemble = (
    node: JsonNode,
    parts: readonly { readonly start: number; readonly end: number; readonly text: string | undefined }[],
  ): string => {
    const kept = parts.filter((part) => part.text !== undefined);
    if (kept.length < parts.length) {
      return `${text.charAt(node.start)}${kept.map((part) => part.text).join(',')}${text.charAt(node.end - 1)}`;
    }
    let out = '';
    let at = node.start;
    for (const part of parts) {
      out += text.slice(at, part.start) + (part.text ?? '');
      at = part.end;
    }
    return out + text.slice(at, node.end);
  };

  const render = (node: JsonNode, how: PartTreatment, path: string, key: string): string | undefined => {
    if (!told.has(node)) return options.apply(node, how, path, key);
    if (node.kind === 'array') {
      return assemble(
        node,
        node.items.map((item, index) => ({
          start: item.start,
          end: item.end,
          text: render(item, how, `${path}[${index}]`, key),
        })),
      );
    }
    const { isMessage, role } = says(node);
    const own = isMessage && options.ofRole !== undefined ? options.ofRole(role) : how;
    const part = partOf(node);
    const tool =
      stringOf(node, NAME_MEMBERS) ||
      (tools.get(stringOf(node, ID_MEMBERS.slice(1))) ?? tools.get(stringOf(node, ['id'])) ?? '');
    const whole = own.treatment.action !== 'scrub';
    // A message that goes, goes as a whole.
    if (isMessage && own.treatment.action === 'drop') {
      return options.apply(node, own, path, key);
    }
    return assemble(
      node,
      node.members.map(({ start, nameEnd, name, value }) => {
        const at = `${path}.${name}`;
        let clean: string | undefined;
        if (role !== undefined && (name === 'role' || (name === 'type' && !has(node, 'role')))) {
          clean = text.slice(value.start, value.end);
        } else if (isMessage && whole) {
          clean = options.apply(value, own, at, name);
        } else if (!whole && part !== undefined && part.names.has(name)) {
          clean = options.apply(value, options.ofTool(part.kind, tool), at, name);
        } else if (!whole && role === 'tool' && (name === 'content' || name === 'parts') && !told.has(value)) {
          clean = options.apply(value, options.ofTool('tool.result', tool), at, name);
        } else if (options.ofRole !== undefined && !isMessage && SYSTEM_MEMBER.test(name)) {
          clean = render(value, options.ofRole('system'), at, name);
        } else {
          clean = render(value, own, at, name);
        }
        if (clean === undefined) return { start, end: value.end, text: undefined };
        const between = text.slice(nameEnd, value.start);
        return { start, end: value.end, text: options.applyName(text.slice(start, nameEnd), at) + between + clean };
      }),
    );
  };

  survey(root);
  const rendered = render(root, options.outside, '', '');
  if (rendered === undefined) return undefined;
  return text.slice(0, root.start) + rendered + text.slice(root.end);
}
