import { isNode, LineCounter, parseDocument, visit, type Document } from 'yaml';
import type { z } from 'zod';
import { nestingBeyond } from '../yaml/nesting.ts';

export interface PolicyProblem {
  /** `file:line`. */
  readonly at: string;
  readonly message: string;
}

/** A policy file that cannot be used; lists every problem with file and line. */
export class PolicyError extends Error {
  readonly problems: readonly PolicyProblem[];

  constructor(problems: readonly PolicyProblem[]) {
    super(`the redaction policy is not valid:\n${problems.map((each) => `${each.at}: ${each.message}`).join('\n')}`);
    this.name = 'PolicyError';
    this.problems = problems;
  }
}

/** A file that is no YAML at all has a problem at every turn: the first ones tell. */
const PROBLEMS_MAX = 100;
/** Collections within one another; no field of a policy lies nearly as deep. */
const DEPTH_MAX = 64;
/** The parser quotes the whole text that it could not read. */
const SYNTAX_LENGTH_MAX = 160;

export interface YamlSource<T> {
  readonly data: T;
  /** Where the value at a path stands. */
  problemAt(path: readonly (string | number)[], message: string): PolicyProblem;
}

/** Reads YAML and checks it; throws PolicyError with every problem found, unknown fields among them. */
export function readYaml<S extends z.ZodType>(text: string, file: string, schema: S): YamlSource<z.infer<S>> {
  const tooDeep = nestingBeyond(text, DEPTH_MAX);
  if (tooDeep !== undefined) {
    const line = text.slice(0, tooDeep).split('\n').length;
    throw new PolicyError([{ at: `${file}:${line}`, message: `nests deeper than ${DEPTH_MAX} levels` }]);
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, merge: false, prettyErrors: false });
  const syntax = [...document.errors, ...document.warnings].map((each) => ({
    at: `${file}:${lines.linePos(each.pos[0]).line}`,
    message: (each.message.split('\n')[0] ?? 'is not YAML').slice(0, SYNTAX_LENGTH_MAX),
  }));
  if (syntax.length > 0) throw new PolicyError(firstOf(syntax));
  let plain: unknown;
  try {
    plain = document.toJS({ maxAliasCount: 0 });
  } catch {
    throw new PolicyError([{ at: `${file}:${aliasLine(document, lines)}`, message: 'aliases are not allowed' }]);
  }
  const checked = schema.safeParse(plain);
  if (!checked.success) {
    throw new PolicyError(
      firstOf(
        checked.error.issues.flatMap((issue): PolicyProblem[] => {
          const path = issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part));
          if (issue.code === 'unrecognized_keys') {
            return issue.keys.map((key) => ({
              at: `${file}:${lineOf(document, lines, [...path, key])}`,
              message: `${[...path, key].join('.')}: there is no such field`,
            }));
          }
          return [
            {
              at: `${file}:${lineOf(document, lines, path)}`,
              message: `${path.join('.') || 'file'}: ${issue.message}`,
            },
          ];
        }),
      ),
    );
  }
  return {
    data: checked.data,
    problemAt: (path, message) => ({ at: `${file}:${lineOf(document, lines, path)}`, message }),
  };
}

/** Each problem once, and of many the first. */
function firstOf(problems: readonly PolicyProblem[]): readonly PolicyProblem[] {
  const distinct = [...new Map(problems.map((each) => [`${each.at} ${each.message}`, each])).values()];
  if (distinct.length <= PROBLEMS_MAX) return distinct;
  const more = { at: distinct[0]?.at ?? '', message: `… and ${distinct.length - PROBLEMS_MAX} problems more` };
  return [...distinct.slice(0, PROBLEMS_MAX), more];
}

function aliasLine(document: Document.Parsed, lines: LineCounter): number {
  let line = 1;
  visit(document, {
    Alias(_key, node) {
      line = lines.linePos(node.range?.[0] ?? 0).line;
      return visit.BREAK;
    },
  });
  return line;
}

function lineOf(document: Document.Parsed, lines: LineCounter, path: readonly (string | number)[]): number {
  for (let length = path.length; length > 0; length -= 1) {
    // A key's own position when there is one, else its value's, else the nearest parent's.
    const parent = document.getIn(path.slice(0, length - 1), true) ?? document.contents;
    const key = path[length - 1];
    if (isNode(parent) && 'items' in parent) {
      for (const item of parent.items as unknown[]) {
        if (
          typeof item === 'object' &&
          item !== null &&
          'key' in item &&
          isNode(item.key) &&
          String(item.key) === key
        ) {
          return lines.linePos(item.key.range?.[0] ?? 0).line;
        }
      }
    }
    const node = document.getIn(path.slice(0, length), true);
    if (isNode(node)) return lines.linePos(node.range?.[0] ?? 0).line;
  }
  return 1;
}
