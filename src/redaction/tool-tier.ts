import { commandTier, startsWithProgram } from './command-tier.ts';
import { knownProgram } from './command-programs.ts';
import { isSql, sqlTier } from './sql-tier.ts';
import { farthest, type TierDecision } from './tier-decision.ts';
import { nameTier, nameWords } from './tool-name-tier.ts';
import { wordSet } from './word-set.ts';

const SHELL_TOOL =
  /(?:^|[_.-])(?:bash|shell|sh|terminal|exec|exec_command|run_command|run_shell_command|execute_command|local_shell|command|run_terminal_cmd|cmd|powershell)$/i;
/** Tools that type into, or wait on, a command started before: Codex's `write_stdin` polls with empty `chars`. */
const SESSION_INPUT_TOOL = /(?:^|[_.-])(?:write_stdin|send_input|write_to_terminal)$/i;
const SESSION_INPUT_MEMBER = wordSet('chars input text data');
const COMMAND_MEMBER = wordSet(`
  command cmd commands script full_command bash_command shell_command args argv command_line
`);
const SQL_MEMBER = wordSet('sql query statement');
const METHOD_MEMBER = wordSet('method http_method verb request_method');
const METHOD_READ = wordSet('get head options');
const METHOD_MUTATE = wordSet('post put patch delete');

/**
 * Decides what a tool call can change, from its name and its arguments (parsed JSON where they are JSON, text otherwise).
 * Commands outweigh the name: `run_shell` reading logs reads. Of several commands the farthest-reaching decides. What no
 * rule knows is `unknown`.
 */
export function toolTier(toolName: string, callArguments: readonly unknown[]): TierDecision {
  const words = nameWords(toolName);
  if (SESSION_INPUT_TOOL.test(toolName)) return sessionInputTier(callArguments);
  const shell = SHELL_TOOL.test(toolName);
  const program = words.map(knownProgram).find((each) => each !== undefined)?.name;
  const decisions: TierDecision[] = [];
  for (const value of callArguments) {
    if (typeof value === 'string') {
      if (shell) decisions.push(commandTier(value));
      else if (isSql(value)) decisions.push(sqlTier(value));
      continue;
    }
    for (const [key, member] of membersOf(value)) {
      const text = textOf(member);
      if (text === undefined) continue;
      const name = key.toLowerCase();
      if (COMMAND_MEMBER.has(name)) {
        // `kubectl` given as the tool: its arguments start at the verb.
        const line = program !== undefined && !startsWithProgram(text) ? `${program} ${text}` : text;
        decisions.push(commandTier(line));
      } else if (SQL_MEMBER.has(name) && isSql(text)) {
        decisions.push(sqlTier(text));
      } else if (METHOD_MEMBER.has(name)) {
        const verb = text.toLowerCase();
        if (METHOD_READ.has(verb)) decisions.push({ tier: 'read', rule: 'http.method', verb });
        if (METHOD_MUTATE.has(verb)) decisions.push({ tier: 'mutate', rule: 'http.method', verb });
      }
    }
  }
  if (decisions.length > 0) return farthest(decisions);
  if (shell) return { tier: 'unknown', rule: 'shell.no_command', verb: undefined };
  return nameTier(toolName, words);
}

/** What is typed counts as a command line; typing nothing waits for output. */
function sessionInputTier(callArguments: readonly unknown[]): TierDecision {
  const members = callArguments.flatMap(membersOf);
  if (members.length === 0) return { tier: 'unknown', rule: 'shell.no_command', verb: undefined };
  const typed = members
    .filter(([key]) => SESSION_INPUT_MEMBER.has(key.toLowerCase()))
    .map(([, value]) => (typeof value === 'string' ? value : ''))
    .filter((text) => text !== '');
  if (typed.length === 0) return { tier: 'read', rule: 'shell.wait', verb: 'wait' };
  return farthest(typed.map(commandTier));
}

function membersOf(value: unknown): [string, unknown][] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
  return Object.entries(value).slice(0, 64);
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
