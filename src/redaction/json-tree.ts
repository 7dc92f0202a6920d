import { stringEnd, unescapeJson } from './json-text.ts';

const DEPTH_MAX = 64;
const LITERAL = /-?\d[\d.eE+-]*|true|false|null/y;
const SPACE = /[ \t\r\n]*/y;

export interface JsonMember {
  /** Offsets of the name with its quotes. */
  readonly start: number;
  readonly nameEnd: number;
  readonly name: string;
  readonly value: JsonNode;
}

/** A JSON value by its offsets; strings and literals include their quotes. */
export interface JsonNode {
  readonly kind: 'object' | 'array' | 'string' | 'literal';
  readonly start: number;
  readonly end: number;
  /** In order, the same name twice if it is there twice. */
  readonly members: readonly JsonMember[];
  readonly items: readonly JsonNode[];
}

const NO_MEMBERS: readonly JsonMember[] = [];
const NO_ITEMS: readonly JsonNode[] = [];

/** Reads a whole JSON text; undefined when it is not complete JSON or nests deeper than 64. */
export function readJsonTree(text: string): JsonNode | undefined {
  const node = readNode(text, afterSpace(text, 0), 0);
  return node !== undefined && afterSpace(text, node.end) === text.length ? node : undefined;
}

function afterSpace(text: string, at: number): number {
  SPACE.lastIndex = at;
  SPACE.exec(text);
  return SPACE.lastIndex;
}

function readNode(text: string, start: number, depth: number): JsonNode | undefined {
  if (depth > DEPTH_MAX) return undefined;
  const first = text.charAt(start);
  if (first === '"') {
    const end = stringEnd(text, start + 1);
    if (end >= text.length) return undefined;
    return { kind: 'string', start, end: end + 1, members: NO_MEMBERS, items: NO_ITEMS };
  }
  if (first !== '{' && first !== '[') {
    LITERAL.lastIndex = start;
    const literal = LITERAL.exec(text)?.[0];
    if (literal === undefined) return undefined;
    return { kind: 'literal', start, end: start + literal.length, members: NO_MEMBERS, items: NO_ITEMS };
  }
  const close = first === '{' ? '}' : ']';
  const members: JsonMember[] = [];
  const items: JsonNode[] = [];
  let at = afterSpace(text, start + 1);
  if (text.charAt(at) !== close) {
    for (;;) {
      if (first === '{') {
        if (text.charAt(at) !== '"') return undefined;
        const nameEnd = stringEnd(text, at + 1) + 1;
        const colon = afterSpace(text, nameEnd);
        if (text.charAt(colon) !== ':') return undefined;
        const value = readNode(text, afterSpace(text, colon + 1), depth + 1);
        if (value === undefined) return undefined;
        members.push({ start: at, nameEnd, name: unescapeJson(text.slice(at + 1, nameEnd - 1)), value });
        at = afterSpace(text, value.end);
      } else {
        const item = readNode(text, at, depth + 1);
        if (item === undefined) return undefined;
        items.push(item);
        at = afterSpace(text, item.end);
      }
      const next = text.charAt(at);
      if (next === close) break;
      if (next !== ',') return undefined;
      at = afterSpace(text, at + 1);
    }
  }
  return { kind: first === '{' ? 'object' : 'array', start, end: at + 1, members, items };
}
