import type { EvidenceRow } from '../evidence.ts';
import { unixNano } from '../evidence-by-hand.ts';
import type { IncidentRecord } from '../incident-record.ts';
import type { FeatureKind, IncidentFeature } from './incident-feature.ts';
import { exceptionTypes, logTemplate } from './log-template.ts';
import { toolCallShape } from './tool-call-shape.ts';
import { wordsOf } from './words.ts';

/** Most features kept of one kind; the strongest stay. */
const MOST: Readonly<Record<FeatureKind, number>> = {
  alert_fingerprint: 20,
  alert_rule: 20,
  service: 30,
  exception: 30,
  operation: 40,
  log_template: 40,
  change_type: 10,
  tool_call: 40,
  word: 250,
};
const VALUE_LENGTH_MAX = 200;
/** A word's weight is n / (n + this): the second mention adds less than the first. */
const WORD_SATURATION = 1.5;
const CHANGE_WINDOW_SECONDS = 3_600;

// What kind of change a text speaks of. The words are those of change records, commits and deployment tools.
const CHANGE_TYPES: readonly (readonly [type: string, words: RegExp])[] = [
  ['deploy', /\b(?:deploy(?:s|ed|ing|ment)?|release[ds]?|roll(?:ed)?[ -]?out|canary)\b/iu],
  ['rollback', /\b(?:roll(?:ed|ing)?[ -]?back|revert(?:s|ed|ing)?)\b/iu],
  ['config', /\bconfig(?:uration)?s?\b|\bsettings?\b/iu],
  ['feature flag', /\b(?:feature[ -]?)flags?\b|\bkill switch\b/iu],
  ['migration', /\b(?:migrat(?:e|es|ed|ing|ion|ions)|schema change|alter table)\b/iu],
  ['scaling', /\b(?:scal(?:e|ed|ing) (?:up|down|out|in)|autoscal\w*|replicas?)\b/iu],
  ['certificate', /\bcertificates?\b|\btls cert\w*/iu],
  ['dns', /\bdns\b/iu],
  ['network', /\b(?:bgp|firewall|route table|load balancer|subnet)\b/iu],
  ['hardware', /\b(?:power (?:loss|outage|failure)|disk failure|hardware)\b/iu],
  ['upgrade', /\b(?:upgrad(?:e|es|ed|ing)|version bump|patch(?:ed|ing))\b/iu],
];

/**
 * What an incident shows, from its folded record and its evidence. Pure: the same record and rows give the same features in
 * the same order. `rows` may be a part of a large incident's evidence.
 */
export function extractFeatures(record: IncidentRecord, rows: readonly EvidenceRow[]): readonly IncidentFeature[] {
  const found = new Map<string, { kind: FeatureKind; value: string; count: number; source: string; best: number }>();
  const add = (kind: FeatureKind, value: string, source: string, count = 1): void => {
    const shown = value.trim().slice(0, VALUE_LENGTH_MAX);
    if (shown === '') return;
    const key = `${kind}\n${shown}`;
    const known = found.get(key);
    if (known === undefined) found.set(key, { kind, value: shown, count, source, best: count });
    else {
      known.count += count;
      if (count > known.best) {
        known.best = count;
        known.source = source;
      }
    }
  };
  const addWords = (text: string | null, source: string, count: number): void => {
    if (text !== null) for (const word of wordsOf(text)) add('word', word, source, count);
  };
  const addChanges = (text: string, source: string): void => {
    for (const [type, words] of CHANGE_TYPES) if (words.test(text)) add('change_type', type, source);
  };
  /** The entry that opened an incident has its id. */
  const opened = record.id;

  for (const service of record.services) add('service', service, opened);
  addWords(record.title, opened, 3);
  addChanges(record.title, opened);
  for (const trigger of record.triggers) {
    if (trigger.fingerprint !== null && trigger.source !== 'import')
      add('alert_fingerprint', trigger.fingerprint, trigger.id);
    if (trigger.rule !== null) add('alert_rule', trigger.rule, trigger.id);
    if (trigger.service !== null) add('service', trigger.service, trigger.id);
    for (const area of trigger.suspectedBlastArea) add('service', area, trigger.id);
    if (trigger.title !== record.title) addWords(trigger.title, trigger.id, 2);
    if (deployedBefore(trigger.deployTime, trigger.firedAt ?? record.startedAt))
      add('change_type', 'deploy', trigger.id);
  }
  for (const hypothesis of record.hypotheses) {
    // What it turned out to be tells more than what it was not.
    const strength = hypothesis.state === 'accepted' ? 2 : hypothesis.live ? 1.5 : 0.5;
    addWords(hypothesis.statement, hypothesis.id, strength);
    if (hypothesis.live) addChanges(hypothesis.statement, hypothesis.id);
    for (const type of exceptionTypes(hypothesis.statement)) add('exception', type, hypothesis.id);
  }
  for (const action of record.actions) {
    add('change_type', action.operation.toLowerCase(), action.id);
    addWords(`${action.intent} ${action.target}`, action.id, 1);
  }
  for (const update of record.statusUpdates) addWords(update.happening, update.id, 1);
  for (const check of record.checks) addWords(check.question, check.id, 0.5);
  if (record.impact !== null) addWords(record.impact.text, opened, 1);
  for (const row of rows) fromEvidence(row, add, addWords, addChanges);

  const byKind = new Map<FeatureKind, IncidentFeature[]>();
  for (const { kind, value, count, source } of found.values()) {
    const weight = kind === 'word' || kind === 'log_template' ? count / (count + WORD_SATURATION) : 1;
    const list = byKind.get(kind);
    const feature = { kind, value, weight: Math.round(weight * 1e4) / 1e4, source };
    if (list === undefined) byKind.set(kind, [feature]);
    else list.push(feature);
  }
  return [...byKind.values()].flatMap((list) => {
    const [first] = list;
    return first === undefined ? [] : list.sort((one, other) => other.weight - one.weight).slice(0, MOST[first.kind]);
  });
}

function fromEvidence(
  row: EvidenceRow,
  add: (kind: FeatureKind, value: string, source: string) => void,
  addWords: (text: string | null, source: string, count: number) => void,
  addChanges: (text: string, source: string) => void,
): void {
  const body = row.content['body']?.value ?? null;
  switch (row.kind) {
    case 'error':
    case 'log': {
      const message = body ?? row.summary;
      if (row.service !== '') add('service', row.service, row.id);
      for (const type of exceptionTypes(`${row.summary}\n${body ?? ''}`)) add('exception', type, row.id);
      add('log_template', logTemplate(message), row.id);
      if (row.source.signal === 'traces') add('operation', operationOf(row, body), row.id);
      return;
    }
    case 'tool_call': {
      const shape = toolCallShape(row);
      if (shape !== undefined) add('tool_call', shape, row.id);
      return;
    }
    case 'change':
      addChanges(`${row.summary}\n${body ?? ''}`, row.id);
      addWords(row.summary, row.id, 1);
      if (row.service !== '') add('service', row.service, row.id);
      return;
    case 'alert':
      // How it stood when it was looked at is no trait of the incident.
      addWords(body ?? row.summary.replace(/^(?:Firing|Resolved): /u, ''), row.id, 1);
      for (const type of exceptionTypes(`${row.summary}\n${body ?? ''}`)) add('exception', type, row.id);
      return;
    case 'note':
    case 'transcript':
    case 'check_result':
      // The summary of a note with a text is most often the text's beginning.
      addWords(body ?? row.summary, row.id, 1);
      for (const type of exceptionTypes(`${row.summary}\n${body ?? ''}`)) add('exception', type, row.id);
      return;
    default:
      return;
  }
}

/** The operation that failed: what the summary of an error row starts with, before its message. */
function operationOf(row: EvidenceRow, body: string | null): string {
  const start = body?.trim().split(/\s+/u).slice(0, 3).join(' ') ?? '';
  const at = start === '' ? -1 : row.summary.indexOf(start);
  const operation = at > 0 ? row.summary.slice(0, at) : row.summary.replace(/\s*\([a-z]+\)$/u, '');
  return logTemplate(operation);
}

function deployedBefore(deployTime: string | null, at: string): boolean {
  if (deployTime === null) return false;
  const seconds = (unixNano(at) - unixNano(deployTime)) / 1_000_000_000n;
  return seconds >= 0n && seconds <= BigInt(CHANGE_WINDOW_SECONDS);
}
