import type { KeyObject } from 'node:crypto';
import { bundleSchema, bundleSignedBytes, bundleText, type Bundle } from './bundle.ts';
import { GENESIS_HASH, hashEntry } from './chain.ts';
import {
  publicKeyId,
  readPublicKey,
  signedCheckpointSchema,
  standingOf,
  verifyCheckpoint,
  verifyHex,
  type SignedCheckpoint,
} from './checkpoint.ts';
import type { Entry } from './entry.ts';

/** One verdict with what speaks against it, in words. */
export interface Verdict {
  readonly ok: boolean;
  readonly problems: readonly string[];
}

export interface BundleVerdict {
  /** Nothing that is there was changed: form, signature, hashes, links, checkpoints. */
  readonly integrity: Verdict;
  /** Nothing is missing: no entry within, none at the end. */
  readonly completeness: Verdict;
  /** What a reader should know and no verdict turns on. */
  readonly notes: readonly string[];
  readonly ref: string | null;
  readonly incident: string | null;
  readonly entries: number;
  readonly evidence: number;
  readonly head: { readonly seq: number; readonly hash: string } | null;
  /** The furthest signed head found that the log agrees with. */
  readonly checkpoint: { readonly seq: number; readonly at: string } | null;
  readonly keyId: string | null;
}

export interface VerifyOptions {
  /** PEM. Without it the key in the bundle is used, which proves nothing about who made the bundle. */
  readonly publicKey?: string;
  /** Checkpoints from elsewhere: the lines of an anchors file, or what the webhook received. Those of others are passed over. */
  readonly anchors?: readonly unknown[];
}

/** Problems of one kind that are spelled out; further ones are counted. */
const LISTED_MAX = 20;

/**
 * Checks a bundle with nothing but the bundle and a public key. Integrity and completeness are told apart: a log whose
 * tail was cut is intact and incomplete, a log with a changed word is complete and not intact.
 */
export function verifyBundle(file: Buffer, options: VerifyOptions = {}): BundleVerdict {
  const integrity: string[] = [];
  const completeness: string[] = [];
  const notes: string[] = [];
  const read = readBundle(file);
  if (typeof read === 'string') {
    return {
      integrity: { ok: false, problems: [read] },
      completeness: { ok: false, problems: ['It cannot be judged: the file is not a bundle that can be read.'] },
      notes,
      ref: null,
      incident: null,
      entries: 0,
      evidence: 0,
      head: null,
      checkpoint: null,
      keyId: null,
    };
  }
  const { bundle, canonical } = read;
  if (!canonical) integrity.push('The file is not in canonical form: bytes were changed that carry no meaning.');
  const { predicate } = bundle;
  const key = keyOf(bundle, options, integrity, notes);
  if (key !== undefined) checkSignature(bundle, key, integrity);
  checkNames(bundle, integrity);
  checkChain(bundle, integrity, completeness);
  const checkpoint =
    key === undefined ? null : checkCheckpoints(bundle, key, options.anchors ?? [], integrity, completeness, notes);
  if (key === undefined) completeness.push('No checkpoint could be checked without a key: the end is not vouched for.');
  checkEvidence(bundle, integrity, completeness, notes);
  return {
    integrity: { ok: integrity.length === 0, problems: listed(integrity) },
    completeness: { ok: completeness.length === 0, problems: listed(completeness) },
    notes: listed(notes),
    ref: predicate.ref,
    incident: predicate.incident,
    entries: predicate.entries.length,
    evidence: predicate.evidence.length,
    head: predicate.head,
    checkpoint,
    keyId: key === undefined ? null : publicKeyId(key),
  };
}

function readBundle(file: Buffer): { readonly bundle: Bundle; readonly canonical: boolean } | string {
  let text: string;
  let value: unknown;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(file);
    value = JSON.parse(text);
  } catch {
    return 'The file is not JSON in UTF-8.';
  }
  const parsed = bundleSchema.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const place = issue === undefined || issue.path.length === 0 ? '' : ` at ${issue.path.map(String).join('.')}`;
    return `The file does not have the form of a bundle${place}.`;
  }
  try {
    // What was read goes on, not the schema's copy of it: a key that a copy would lose counts as well.
    const bundle = value as Bundle;
    return { bundle, canonical: bundleText(bundle) === text };
  } catch {
    return 'The file holds text that has no canonical form.';
  }
}

/** The key everything is checked against: the one given, or else the one the bundle brings along. */
function keyOf(bundle: Bundle, options: VerifyOptions, integrity: string[], notes: string[]): KeyObject | undefined {
  const own = bundle.predicate.publicKey;
  let brought: KeyObject | undefined;
  try {
    brought = readPublicKey(own.publicKey);
    if (publicKeyId(brought) !== own.keyId) integrity.push('The key in the bundle is not the one it is called.');
    // PEM forgives changes that the key survives.
    if (brought.export({ type: 'spki', format: 'pem' }).toString() !== own.publicKey) {
      integrity.push('The key in the bundle is not written as Docket writes it.');
    }
  } catch {
    integrity.push('The key in the bundle cannot be read.');
  }
  if (options.publicKey === undefined) {
    notes.push('Checked against the key in the bundle itself: give a key you trust to know who signed it.');
    return brought;
  }
  const given = readPublicKey(options.publicKey);
  if (publicKeyId(given) !== own.keyId) integrity.push('The bundle was not signed with the key given.');
  return given;
}

function checkSignature(bundle: Bundle, key: KeyObject, integrity: string[]): void {
  const [made] = bundle.signatures;
  if (made === undefined || made.keyId !== publicKeyId(key)) integrity.push('The signature names another key.');
  if (made === undefined || !verifyHex(key, bundleSignedBytes(bundle), made.signature)) {
    integrity.push('The signature of the bundle does not hold: something in it was changed, added or removed.');
  }
}

/** What is said twice must be said alike. */
function checkNames(bundle: Bundle, integrity: string[]): void {
  const { predicate, subject } = bundle;
  const [first] = subject;
  if (first?.name !== predicate.ref || first.digest.sha256 !== predicate.head.hash) {
    integrity.push('The subject is not the head of the log.');
  }
  for (const entry of predicate.entries) {
    if (entry.tenant !== predicate.tenant || entry.incident !== predicate.incident) {
      integrity.push(`Entry ${entry.seq} is of another incident.`);
    }
  }
}

function checkChain(bundle: Bundle, integrity: string[], completeness: string[]): void {
  const { entries, head, incident } = bundle.predicate;
  const [opening] = entries;
  if (opening?.seq === 1 && (opening.type !== 'incident.open' || opening.entryId !== incident)) {
    integrity.push('The first entry does not open this incident.');
  }
  let before = { seq: 0, hash: GENESIS_HASH };
  for (const entry of entries) {
    if (entry.seq > before.seq + 1) {
      completeness.push(
        entry.seq === before.seq + 2
          ? `Entry ${before.seq + 1} is missing.`
          : `Entries ${before.seq + 1} to ${entry.seq - 1} are missing.`,
      );
    } else if (entry.seq <= before.seq) {
      integrity.push(`Entry ${entry.seq} stands after entry ${before.seq}: the order was changed.`);
    } else if (entry.prevHash !== before.hash) {
      integrity.push(`Entry ${entry.seq} does not continue entry ${before.seq}.`);
    }
    // The schema let through what it does not know, and the hash covers that too.
    if (entry.hash !== hashOf(entry)) integrity.push(`Entry ${entry.seq} is not what its hash says.`);
    before = { seq: entry.seq, hash: entry.hash };
  }
  if (before.seq < head.seq) completeness.push(`The log ends at entry ${before.seq}; the head is entry ${head.seq}.`);
  else if (before.seq !== head.seq || before.hash !== head.hash) integrity.push('The head is not the last entry.');
}

function hashOf(entry: Bundle['predicate']['entries'][number]): string | undefined {
  try {
    // What makes an entry is not looked at here, only what its hash is over.
    return hashEntry(entry as unknown as Entry);
  } catch {
    return undefined;
  }
}

function checkCheckpoints(
  bundle: Bundle,
  key: KeyObject,
  anchors: readonly unknown[],
  integrity: string[],
  completeness: string[],
  notes: string[],
): BundleVerdict['checkpoint'] {
  const { predicate } = bundle;
  const bySeq = new Map(predicate.entries.map((entry) => [entry.seq, entry.hash]));
  const last = predicate.entries.at(-1)?.seq ?? 0;
  let furthest: SignedCheckpoint | null = null;
  const judge = (checkpoint: SignedCheckpoint, whose: string): void => {
    const standing = standingOf(checkpoint, (seq) => bySeq.get(seq));
    if (standing === 'agrees') {
      if ((furthest?.seq ?? 0) <= checkpoint.seq) furthest = checkpoint;
    } else if (standing === 'differs') {
      integrity.push(`Entry ${checkpoint.seq} is not the one that ${whose} of ${checkpoint.at} signed.`);
    } else if (checkpoint.seq > last) {
      completeness.push(
        `${whose[0]?.toUpperCase() ?? ''}${whose.slice(1)} of ${checkpoint.at} signed entry ${checkpoint.seq}; the log ends at ${last}: its tail is missing.`,
      );
    } else {
      completeness.push(`Entry ${checkpoint.seq}, signed by ${whose} of ${checkpoint.at}, is missing.`);
    }
  };
  for (const checkpoint of predicate.checkpoints) {
    if (checkpoint.tenant !== predicate.tenant || checkpoint.incident !== predicate.incident) {
      integrity.push(`A checkpoint of another incident was put in (entry ${checkpoint.seq}).`);
    } else if (!verifyCheckpoint(key, checkpoint)) {
      integrity.push(`The signature of the checkpoint at entry ${checkpoint.seq} does not hold.`);
    } else judge(checkpoint, 'a checkpoint');
  }
  for (const entry of predicate.entries) {
    if (entry.type !== 'checkpoint.sign') continue;
    const carried = carriedCheckpoint(entry);
    if (carried === undefined || !verifyCheckpoint(key, carried)) {
      integrity.push(`The checkpoint that entry ${entry.seq} carries does not hold.`);
    } else judge(carried, `entry ${entry.seq}`);
  }
  let compared = 0;
  for (const anchor of anchors) {
    const parsed = signedCheckpointSchema.safeParse(anchor);
    if (!parsed.success || !verifyCheckpoint(key, parsed.data)) continue;
    const { tenant, incident } = parsed.data;
    if (tenant !== predicate.tenant || incident !== predicate.incident) continue;
    judge(parsed.data, 'an anchor');
    compared += 1;
  }
  if (anchors.length > 0 && compared === 0) {
    notes.push('None of the anchors given is of this incident and signed with this key: they vouch for nothing here.');
  }
  // Narrowed by the closure above, which the compiler does not follow.
  const found = furthest as SignedCheckpoint | null;
  if (found === null) completeness.push('No signed checkpoint vouches for the end of the log.');
  else if (found.seq < last) {
    completeness.push(
      `The last checkpoint the log agrees with is at entry ${found.seq}; nothing vouches for what follows.`,
    );
  }
  return found === null ? null : { seq: found.seq, at: found.at };
}

function carriedCheckpoint(entry: Bundle['predicate']['entries'][number]): SignedCheckpoint | undefined {
  const note = entry.body['docket'];
  if (typeof note !== 'object' || note === null || !('checkpoint' in note)) return undefined;
  const parsed = signedCheckpointSchema.safeParse(note.checkpoint);
  return parsed.success ? parsed.data : undefined;
}

function checkEvidence(bundle: Bundle, integrity: string[], completeness: string[], notes: string[]): void {
  const { predicate, subject } = bundle;
  const named = subject.slice(1).map((each) => `${each.name} ${each.digest.sha256}`);
  const told = predicate.evidence.map((each) => `evidence/${each.id} ${each.digest}`);
  if (named.length !== told.length || named.some((each, index) => each !== told[index])) {
    integrity.push('The rows of evidence are not the ones the subject names.');
  }
  if (predicate.evidenceOmitted > 0) {
    completeness.push(`${predicate.evidenceOmitted} rows of evidence are not named: there were too many.`);
    return;
  }
  const known = new Map(predicate.evidence.map((each) => [each.id, each.digest]));
  for (const { seq, id, digest } of citedIn(bundle)) {
    const now = known.get(id);
    if (now === undefined) notes.push(`Entry ${seq} cites evidence ${id}, which the incident does not have any more.`);
    else if (digest !== undefined && digest !== now) {
      notes.push(`Evidence ${id} has grown or changed since entry ${seq} cited it.`);
    }
  }
}

function citedIn(bundle: Bundle): { readonly seq: number; readonly id: string; readonly digest: string | undefined }[] {
  return bundle.predicate.entries.flatMap(({ seq, body }) => {
    const note = body['docket'];
    if (typeof note !== 'object' || note === null || !('cited' in note) || !Array.isArray(note.cited)) return [];
    return note.cited.flatMap((fact: unknown) => {
      if (typeof fact !== 'object' || fact === null || !('id' in fact) || typeof fact.id !== 'string') return [];
      const digest = 'digest' in fact && typeof fact.digest === 'string' ? fact.digest : undefined;
      return [{ seq, id: fact.id, digest }];
    });
  });
}

function listed(problems: readonly string[]): readonly string[] {
  if (problems.length <= LISTED_MAX) return problems;
  return [...problems.slice(0, LISTED_MAX), `… and ${problems.length - LISTED_MAX} more.`];
}
