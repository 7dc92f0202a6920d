import { commandTier, operationTier, startsWithProgram } from './command-tier.ts';
import { knownProgram } from './program-rules.ts';
import { requestTier } from './http-tier.ts';
import { isSql, sqlTier } from './sql-tier.ts';
import { farthest, type TierDecision } from './tier-decision.ts';
import type { ToolHint } from './tool-annotations.ts';
import { nameTier, nameWords } from './tool-name-tier.ts';
import { wordSet } from './word-set.ts';

const SHELL_TOOL =
  /(?:^|[_.-])(?:bash|shell|sh|terminal|exec|exec_command|run_command|run_shell_command|execute_command|local_shell|command|run_terminal_cmd|cmd|powershell)$/i;
/** Tools that type into, or wait on, a command started before: Codex's `write_stdin` polls with empty `chars`. */
const SESSION_INPUT_TOOL = /(?:^|[_.-])(?:write_stdin|send_input|write_to_terminal)$/i;
const SESSION_INPUT_MEMBER = wordSet('chars input text data');
const COMMAND_MEMBER = wordSet(`
  command cmd commands script full_command bash_command shell_command args argv command_line cli_command
`);
/** Words of the command that stands beside them: `{"command": "kubectl", "args": ["delete", "pod", "x"]}`. */
const PROGRAM_MEMBER = wordSet('command cmd program executable binary');
const ARGUMENTS_MEMBER = wordSet('args argv arguments parameters params');
/** Members that are SQL, and one that may be a question of any language. */
const SQL_MEMBER = wordSet('sql statement');
const QUERY_MEMBER = 'query';
const METHOD_MEMBER = wordSet('method http_method verb request_method');
const ADDRESS_MEMBER = wordSet('url uri endpoint address');
/** The rest of a command that is given in parts: `{"command": "rollout", "subCommand": "undo"}`. */
const SUBCOMMAND_MEMBER = wordSet('subcommand sub_command');
const OPERATION_MEMBER = wordSet('operation operation_name api_name action_name');
const CLOUD_TOOL = /(?:^|[_.-])(?:aws|gcp|gcloud|azure|cloud|boto3)(?:$|[_.-])/i;
/** Longer is none; it is added to every command that stands beside it. */
const SUBCOMMAND_LENGTH_MAX = 256;
/** Objects within objects that are looked into: `{"kwargs": {…}}`, `{"action": {…}}`. */
const MEMBER_DEPTH_MAX = 3;

/**
 * Decides what a tool call can change, from its name and its arguments (parsed JSON where they are JSON, text otherwise).
 * Commands outweigh the name: `run_shell` reading logs reads. Of several commands the farthest-reaching decides. `hint` is what
 * the tool's MCP annotations say, for names that say less. What no rule knows is `unknown`.
 */
export function toolTier(toolName: string, callArguments: readonly unknown[], hint?: ToolHint): TierDecision {
  const words = nameWords(toolName);
  if (SESSION_INPUT_TOOL.test(toolName)) return sessionInputTier(callArguments);
  const shell = SHELL_TOOL.test(toolName);
  const program = words.map(knownProgram).find((each) => each !== undefined)?.name;
  const decisions: TierDecision[] = [];
  let subcommand = '';
  for (const value of callArguments) {
    if (typeof value === 'string') {
      if (shell) decisions.push(commandTier(value));
      else if (isSql(value)) decisions.push(sqlTier(value));
      continue;
    }
    const members = membersOf(value);
    const textsOf = (names: ReadonlySet<string>): string[] =>
      members.filter(([key]) => names.has(key)).flatMap(([, member]) => textOf(member) ?? []);
    subcommand = textsOf(SUBCOMMAND_MEMBER)[0] ?? '';
    if (subcommand.length > SUBCOMMAND_LENGTH_MAX) {
      subcommand = '';
      decisions.push({ tier: 'unknown', rule: 'shell.too_long', verb: undefined });
    }
    const inParts = commandInParts(members);
    if (inParts !== undefined) decisions.push(commandTier(inParts));
    for (const [name, member] of members) {
      const text = textOf(member);
      if (text === undefined) continue;
      if (inParts !== undefined && (PROGRAM_MEMBER.has(name) || ARGUMENTS_MEMBER.has(name))) continue;
      if (COMMAND_MEMBER.has(name)) {
        // `kubectl` given as the tool: its arguments start at the verb.
        const line = program !== undefined && !startsWithProgram(text) ? `${program} ${text}` : text;
        decisions.push(commandTier(subcommand === '' ? line : `${line} ${subcommand}`));
      } else if (SQL_MEMBER.has(name) || (name === QUERY_MEMBER && isSql(text))) {
        decisions.push(sqlTier(text));
      } else if (METHOD_MEMBER.has(name)) {
        const decision = requestTier('http.method', text, textsOf(ADDRESS_MEMBER));
        if (decision !== undefined) decisions.push(decision);
      } else if (OPERATION_MEMBER.has(name) && CLOUD_TOOL.test(toolName)) {
        const decision = operationTier('cloud.operation', text);
        if (decision !== undefined) decisions.push(decision);
      }
    }
  }
  if (decisions.length === 0 && program !== undefined) {
    const line = commandTier([...words.slice(words.indexOf(program)), subcommand].join(' '));
    if (line.tier !== 'unknown') return line;
  }
  if (decisions.length > 0) return farthest(decisions);
  if (shell) return { tier: 'unknown', rule: 'shell.no_command', verb: undefined };
  return hinted(nameTier(toolName, words), hint);
}

/** The whole command where one member is a program's name and another a list of its words. */
function commandInParts(members: readonly (readonly [string, unknown])[]): string | undefined {
  const program = members.find(([name, member]) => PROGRAM_MEMBER.has(name) && isOneWord(member))?.[1];
  const words = members.find(([name, member]) => ARGUMENTS_MEMBER.has(name) && Array.isArray(member))?.[1];
  const text = textOf(words);
  return typeof program === 'string' && text !== undefined && text !== '' ? `${program} ${text}` : undefined;
}

function isOneWord(value: unknown): boolean {
  return typeof value === 'string' && /^[\w./-]{1,100}$/.test(value);
}

/** Annotations are the server's word: they say more than a name that says nothing, and never less than one that says `delete`. */
function hinted(byName: TierDecision, hint: ToolHint | undefined): TierDecision {
  if (hint === undefined || byName.tier === 'write_record' || byName.tier === 'mutate') return byName;
  return byName.tier === hint ? byName : { tier: hint, rule: 'mcp.annotations', verb: byName.verb };
}

/** What is typed counts as a command line; typing nothing waits for output. */
function sessionInputTier(callArguments: readonly unknown[]): TierDecision {
  const members = callArguments.flatMap((each) => membersOf(each));
  if (members.length === 0) return { tier: 'unknown', rule: 'shell.no_command', verb: undefined };
  const typed = members
    .filter(([key]) => SESSION_INPUT_MEMBER.has(key))
    .map(([, value]) => (typeof value === 'string' ? value : ''))
    .filter((text) => text !== '');
  if (typed.length === 0) return { tier: 'read', rule: 'shell.wait', verb: 'wait' };
  return farthest(typed.map(commandTier));
}

/** Members of an object and of the objects in it, names in lower case. */
function membersOf(value: unknown, depth = 0): [string, unknown][] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
  return Object.entries(value)
    .slice(0, 64)
    .flatMap(([key, member]): [string, unknown][] =>
      depth + 1 < MEMBER_DEPTH_MAX && typeof member === 'object' && !Array.isArray(member)
        ? membersOf(member, depth + 1)
        : [[key.toLowerCase(), member]],
    );
}

function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (Array.isArray(value) && value.every((each) => typeof each === 'string')) {
    // ["bash", "-lc", "kubectl get pods"]: quoted again so that words stay words.
    return value
      .map((word: string) => (/^[\w./:=@,+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`))
      .join(' ');
  }
  return undefined;
}
