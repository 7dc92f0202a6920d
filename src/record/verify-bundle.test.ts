import { generateKeyPairSync } from 'node:crypto';
import { appendFileSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createSignedFixture, type SignedFixture } from '../../test/support/checkpoint-fixture.ts';
import { AGENT, ALICE, BOB, TENANT } from '../../test/support/record-fixture.ts';
import { bundleSignedBytes, bundleText, type Bundle } from './bundle.ts';
import { openCheckpointAnchors } from './checkpoint-anchors.ts';
import { loadCheckpointKey } from './checkpoint-key.ts';
import { readPublicKey } from './checkpoint.ts';
import { verifyBundle } from './verify-bundle.ts';

let fixture: SignedFixture;

beforeEach(async () => {
  fixture = await createSignedFixture();
  const { did } = fixture;
  const pods = await fixture.evidence({ sourceFamily: 'kubernetes' });
  await did(AGENT, 'hypothesis.propose', { statement: 'The cache is cold – “kalt”, 冷' });
  await did(AGENT, 'stance.take', { evidence: pods, hypothesis: 'H1', relation: 'supports', rationale: 'Misses rise' });
  await did(BOB, 'evidence.add', { kind: 'note', summary: 'Latency doubled', text: 'seen on the wall' });
  await fixture.service.sweep();
  await did(ALICE, 'checkpoint.sign');
  await did(ALICE, 'decision.make', {
    question: 'Flush?',
    options: ['No'],
    chosen: 'No',
    rationale: 'It is not empty',
  });
});

afterEach(async () => fixture.dispose());

async function exported(): Promise<{ readonly bundle: Bundle; readonly file: Buffer }> {
  const found = await fixture.bundles.export(TENANT, 'INC-1', ALICE);
  if (found === undefined) throw new Error('no bundle');
  return { bundle: JSON.parse(found.text) as Bundle, file: Buffer.from(found.text) };
}

/** The bundle a Docket would sign over a log that was changed underneath it. */
function signedAgain(bundle: Bundle, change: (bundle: Bundle) => void): Buffer {
  const copy = structuredClone(bundle);
  change(copy);
  copy.signatures[0] = { keyId: fixture.key.keyId, signature: fixture.key.sign(bundleSignedBytes(copy)) };
  return Buffer.from(bundleText(copy));
}

/** The bundle as somebody without the key leaves it. */
function forged(bundle: Bundle, change: (bundle: Bundle) => void): Buffer {
  const copy = structuredClone(bundle);
  change(copy);
  return Buffer.from(bundleText(copy));
}

function moveHead(bundle: Bundle): void {
  const last = bundle.predicate.entries.at(-1);
  if (last === undefined) throw new Error('no entry');
  bundle.predicate.head = { seq: last.seq, hash: last.hash };
  const [subject] = bundle.subject;
  if (subject !== undefined) subject.digest.sha256 = last.hash;
}

test('a bundle verifies with nothing but itself and the public key', async () => {
  const { file, bundle } = await exported();
  const verdict = verifyBundle(file, { publicKey: fixture.key.publicKey });
  expect(verdict).toMatchObject({
    integrity: { ok: true, problems: [] },
    completeness: { ok: true, problems: [] },
    notes: [],
    ref: 'INC-1',
    entries: 6,
    evidence: 2,
    checkpoint: { seq: 6 },
    keyId: fixture.key.keyId,
  });
  expect(bundle.predicate.checkpoints.map((each) => each.seq)).toEqual([4, 5, 6]);
  expect(file.toString()).not.toContain('seen on the wall');
  expect(verifyBundle(file).notes).toEqual([expect.stringContaining('key in the bundle itself')]);
});

test('every single-byte edit of a bundle is caught', async () => {
  const { file } = await exported();
  const sampled = new Set(Array.from({ length: 200 }, (_, index) => Math.floor((index * file.length) / 200)));
  for (let index = 0; index < 60; index += 1) sampled.add(index).add(file.length - 1 - index);
  const missed: string[] = [];
  for (const position of sampled) {
    const before = file[position] ?? 0;
    // A flipped bit, a digit, and white space.
    for (const after of [before ^ 1, 0x30 + ((before + 3) % 10), before === 0x20 ? 0xff : 0x20]) {
      if (after === before) continue;
      const edited = Buffer.from(file);
      edited[position] = after;
      const { integrity } = verifyBundle(edited, { publicKey: fixture.key.publicKey });
      if (integrity.ok) missed.push(`${position}: ${before} -> ${after}`);
    }
  }
  expect(missed).toEqual([]);
});

test('a byte added or taken away is caught', async () => {
  const { file } = await exported();
  for (let position = 0; position < file.length; position += 211) {
    const without = Buffer.concat([file.subarray(0, position), file.subarray(position + 1)]);
    const doubled = Buffer.concat([file.subarray(0, position + 1), file.subarray(position)]);
    expect(verifyBundle(without).integrity.ok, `without ${position}`).toBe(false);
    expect(verifyBundle(doubled).integrity.ok, `doubled ${position}`).toBe(false);
  }
  expect(verifyBundle(Buffer.concat([file, Buffer.from('\n')])).integrity.ok).toBe(false);
  expect(verifyBundle(Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), file])).integrity.ok).toBe(false);
});

test('an entry removed, moved or put in by somebody without the key is caught', async () => {
  const { bundle } = await exported();
  const { length } = bundle.predicate.entries;
  for (let index = 0; index < length; index += 1) {
    const removed = forged(bundle, ({ predicate }) => predicate.entries.splice(index, 1));
    expect(verifyBundle(removed).integrity.ok, `removed ${index}`).toBe(false);
    expect(verifyBundle(removed).completeness.ok, `removed ${index}`).toBe(false);
    const doubled = forged(bundle, ({ predicate }) =>
      predicate.entries.splice(index, 0, ...predicate.entries.slice(index, index + 1)),
    );
    expect(verifyBundle(doubled).integrity.ok, `doubled ${index}`).toBe(false);
    if (index === 0) continue;
    const swapped = forged(bundle, ({ predicate }) =>
      predicate.entries.splice(index - 1, 2, ...predicate.entries.slice(index - 1, index + 1).reverse()),
    );
    expect(verifyBundle(swapped).integrity.ok, `swapped ${index}`).toBe(false);
  }
});

test('rule 18, invariant 6: a changed, removed or moved entry in the log is caught although Docket signed the export', async () => {
  const { bundle } = await exported();
  const edited = signedAgain(bundle, ({ predicate }) => {
    const entry = predicate.entries[1];
    if (entry !== undefined) entry.body['statement'] = 'The cache is warm';
  });
  expect(verifyBundle(edited)).toMatchObject({
    integrity: { ok: false, problems: ['Entry 2 is not what its hash says.'] },
    completeness: { ok: true },
  });
  const removed = signedAgain(bundle, ({ predicate }) => predicate.entries.splice(2, 1));
  expect(verifyBundle(removed)).toMatchObject({
    integrity: { ok: true },
    completeness: { ok: false, problems: ['Entry 3 is missing.'] },
  });
  const moved = signedAgain(bundle, ({ predicate }) =>
    predicate.entries.splice(1, 2, ...predicate.entries.slice(1, 3).reverse()),
  );
  expect(verifyBundle(moved).integrity.problems).toContain('Entry 2 stands after entry 3: the order was changed.');
});

test('rule 18, invariant 6: a cut tail is intact and incomplete: it disagrees with the last signed checkpoint', async () => {
  const { bundle } = await exported();
  const cut = signedAgain(bundle, (copy) => {
    copy.predicate.entries.splice(5);
    moveHead(copy);
  });
  expect(verifyBundle(cut)).toMatchObject({
    integrity: { ok: true },
    completeness: { ok: false, problems: [expect.stringContaining('its tail is missing')] },
    checkpoint: { seq: 5 },
  });
});

test('a tail cut together with its checkpoints is caught by anchors kept elsewhere', async () => {
  const { bundle } = await exported();
  const cut = signedAgain(bundle, (copy) => {
    copy.predicate.entries.splice(4);
    copy.predicate.checkpoints.splice(1);
    moveHead(copy);
  });
  expect(verifyBundle(cut)).toMatchObject({ integrity: { ok: true }, completeness: { ok: true } });
  const anchors = readFileSync(join(fixture.directory, 'anchors.jsonl'), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as unknown);
  expect(verifyBundle(cut, { anchors }).completeness.ok).toBe(false);
  // Anchors of somebody else say nothing, which the reader must be told: it may be the wrong file.
  const foreign = verifyBundle(cut, { anchors: [{ made: 'up' }, null] });
  expect(foreign.completeness.ok).toBe(true);
  expect(foreign.notes.join(' ')).toContain('None of the anchors given');
  expect(verifyBundle(cut, { anchors }).notes.join(' ')).not.toContain('None of the anchors given');
});

test('a whole chain made anew disagrees with what was signed', async () => {
  await exported();
  const stored = fixture.recordLog.stored(TENANT, fixture.incidentId);
  const { sealEntries, GENESIS } = await import('./chain.ts');
  const rewritten = sealEntries(
    GENESIS,
    stored.map(({ seq, prevHash: _prevHash, hash: _hash, ...draft }) => ({
      ...draft,
      body: seq === 2 ? { ...draft.body, statement: 'Nobody saw it coming' } : draft.body,
    })),
  );
  stored.splice(0, stored.length, ...rewritten);
  const service = await fixture.restarted();
  const record = await service.record(TENANT, 'INC-1');
  expect(record?.integrity.verified).toBe(false);
  expect(record?.brief.sections[0]?.lines.map((line) => line.text)).toContain(
    'WARNING: the log of this record does not verify.',
  );
  await service.close();
});

test('a log whose tail was cut is named when it is read again, and nothing newer is signed over it', async () => {
  await exported();
  fixture.recordLog.stored(TENANT, fixture.incidentId).splice(4);
  const service = await fixture.restarted();
  expect((await service.record(TENANT, 'INC-1'))?.integrity.verified).toBe(false);
  await expect(fixture.signer.sign(TENANT, fixture.incidentId, { seq: 4, hash: 'a'.repeat(64) })).rejects.toThrow(
    'entry 6 was signed before',
  );
  await service.close();
});

test('another key, another key in the bundle and a bundle that is none are told', async () => {
  const { file, bundle } = await exported();
  const other = generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' }).toString();
  expect(verifyBundle(file, { publicKey: other }).integrity.problems).toContain(
    'The bundle was not signed with the key given.',
  );
  const swapped = forged(bundle, ({ predicate }) => {
    predicate.publicKey.publicKey = other;
  });
  expect(verifyBundle(swapped).integrity.ok).toBe(false);
  for (const text of ['', '{}', 'null', '[]', '{"_type":1}', 'x'.repeat(10_000)]) {
    expect(verifyBundle(Buffer.from(text))).toMatchObject({ integrity: { ok: false }, completeness: { ok: false } });
  }
});

test('a key that is put beside an own property of the prototype is still seen', async () => {
  const { bundle } = await exported();
  const text = bundleText(bundle).replace('"statement":', '"__proto__":{"x":1},"statement":');
  expect(verifyBundle(Buffer.from(text)).integrity.ok).toBe(false);
});

test('the key is made once, for its owner only, and a file that is no key is refused', async () => {
  const path = join(fixture.directory, 'keys', 'checkpoint.key');
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect((await loadCheckpointKey(join(fixture.directory, 'keys'))).keyId).toBe(fixture.key.keyId);
  writeFileSync(path, 'not a key');
  await expect(loadCheckpointKey(join(fixture.directory, 'keys'))).rejects.toThrow('does not hold a private key');
});

test('anchors survive a line cut short by a crash and lines that others wrote', async () => {
  await exported();
  const path = join(fixture.directory, 'anchors.jsonl');
  const [first = ''] = readFileSync(path, 'utf8').split('\n');
  appendFileSync(path, `${first.replace('"seq":4', '"seq":9')}\nnonsense\n{"half":`);
  const key = readPublicKey(fixture.key.publicKey);
  const anchors = await openCheckpointAnchors(path, key);
  expect(anchors.foreignLines).toBe(3);
  expect(anchors.latest(TENANT, fixture.incidentId)?.seq).toBe(6);
  const next = fixture.signer.seal(TENANT, fixture.incidentId, { seq: 7, hash: 'b'.repeat(64) });
  await anchors.append(next);
  expect((await anchors.of(TENANT, fixture.incidentId, 2)).map((each) => each.seq)).toEqual([6, 7]);
  await anchors.close();
});

test('the end of an incident is signed too, and a head once', async () => {
  await fixture.did(ALICE, 'incident.status', { status: 'cancelled' });
  await fixture.service.sweep();
  await fixture.service.sweep();
  const { head } = await fixture.record();
  expect(fixture.signer.latest(TENANT, fixture.incidentId)).toMatchObject(head);
  const lines = readFileSync(join(fixture.directory, 'anchors.jsonl'), 'utf8').trim().split('\n');
  expect(new Set(lines).size).toBe(lines.length);
  expect((await fixture.record()).integrity.checkpoint).toMatchObject({ seq: head.seq, keyId: fixture.key.keyId });
});
