import { expect, test } from 'vitest';
import { AGENT, ALICE, BOB, createRecordFixture, TENANT } from '../../test/support/record-fixture.ts';
import type { Command, OpenIncident } from './record-service.ts';

test('a record assembles with its keys in the order of the specification', async () => {
  const fixture = await createRecordFixture();
  const record = await fixture.record();
  const keys =
    'id ref title status severity head brief triggers impact services environments startedAt detectedAt mitigatedAt ' +
    'resolvedAt responsibilities handoffs participants hypotheses checks gaps contentions decisions actions approvals ' +
    'statusUpdates messages followUps evidence relations fixation integrity policyVersion';
  expect(Object.keys(record).join(' ')).toBe(keys);
});

const refused: readonly (readonly [what: string, command: unknown, code: string])[] = [
  ['an unknown type', { type: 'toString', body: {} }, 'command.unknown_type'],
  ['no body', { type: 'hypothesis.propose' }, 'command.invalid_body'],
  ['a body that is a list', { type: 'hypothesis.propose', body: [] }, 'command.invalid'],
  ['an unknown key', { type: 'hypothesis.propose', body: { statement: 'x', docket: {} } }, 'command.invalid_body'],
  [
    'a __proto__ key',
    { type: 'hypothesis.propose', body: JSON.parse('{"statement":"x","__proto__":{"kind":"scope"}}') },
    'command.invalid_body',
  ],
  ['control characters', { type: 'hypothesis.propose', body: { statement: 'x\u001b[2J' } }, 'command.invalid_body'],
  ['half a surrogate pair', { type: 'hypothesis.propose', body: { statement: 'x\ud83d' } }, 'command.invalid_body'],
  ['blank text', { type: 'hypothesis.propose', body: { statement: ' \n ' } }, 'command.invalid_body'],
  ['a body of 1 MB', { type: 'status.post', body: { happening: 'x'.repeat(1_000_000) } }, 'command.invalid_body'],
  ['an entryId that is no UUID', { type: 'status.post', body: { happening: 'x' }, entryId: 'H1' }, 'command.invalid'],
  ['a negative expectedSeq', { type: 'status.post', body: { happening: 'x' }, expectedSeq: -1 }, 'command.invalid'],
  [
    'a time in the future',
    { type: 'status.post', body: { happening: 'x' }, occurredAt: '2027-01-01T00:00:00Z' },
    'command.time_in_future',
  ],
  [
    'a time in the year 1970',
    { type: 'status.post', body: { happening: 'x' }, occurredAt: '1970-01-01T00:00:00Z' },
    'command.invalid',
  ],
  ['a basis of nothing', { type: 'status.post', body: { happening: 'x' }, basis: ['H9'] }, 'command.unknown_reference'],
  ['opening again', { type: 'incident.open', body: { title: 'x', ref: 'INC-5' } }, 'incident.already_open'],
];

test.each(refused)('%s is refused by its code and leaves the log as it was', async (_what, command, code) => {
  const { service, recordLog, incidentId } = await createRecordFixture();
  const result = await service.append(TENANT, 'INC-1', ALICE, command as Command);
  expect(result).toMatchObject({ kind: 'rejected', rejection: { code } });
  expect(recordLog.stored(TENANT, incidentId)).toHaveLength(1);
  // What was sent never comes back in an error.
  expect(JSON.stringify(result)).not.toContain('xxxx');
});

test.each([
  ['evidence.add', { summary: 'x', occurredAt: '2027-01-01T00:00:00Z' }, 'body.occurredAt'],
  ['evidence.add', { summary: 'x', endedAt: '2027-01-01T00:00:00Z' }, 'body.endedAt'],
  ['incident.scope', { startedAt: '2027-01-01T00:00:00Z' }, 'body.startedAt'],
  ['impact.update', { customersAffected: { kind: 'unknown' }, since: '2027-01-01T00:00:00Z' }, 'body.since'],
  ['trigger.add', { source: 'alert', firedAt: '2027-01-01T00:00:00Z' }, 'body.firedAt'],
  ['trigger.add', { source: 'alert', deployTime: '2027-01-01T00:00:00Z' }, 'body.deployTime'],
])('%s does not take that something happened in the future', async (type, body, path) => {
  const fixture = await createRecordFixture();
  expect(await fixture.send(ALICE, type, body)).toMatchObject({
    kind: 'rejected',
    rejection: { code: 'command.time_in_future', fields: [{ path }] },
  });
  expect(fixture.recordLog.stored(TENANT, fixture.incidentId)).toHaveLength(1);
});

test('an incident is not opened by an alert of the future', async () => {
  const { service } = await createRecordFixture();
  const trigger = { source: 'alert', firedAt: '2027-01-01T00:00:00Z' } as const;
  expect(await service.open(TENANT, ALICE, { title: 'x', trigger })).toMatchObject({
    kind: 'rejected',
    rejection: { code: 'command.time_in_future', fields: [{ path: 'body.trigger.firedAt' }] },
  });
});

test('a body that does not fit is told what belongs there, and not what was sent', async () => {
  const { service } = await createRecordFixture();
  const send = async (type: string, body: Command['body']) => {
    const answer = await service.append(TENANT, 'INC-1', ALICE, { type, body });
    return answer.kind === 'rejected' ? answer.rejection : undefined;
  };
  expect(await send('approval.vote', { approval: 'P1', verdict: 'approve', hunter2: true })).toMatchObject({
    satisfiedBy: expect.stringContaining('GET /api/v1/entry-types'),
    fields: [{ path: 'body', message: 'holds keys that are none of its own: approval, verdict, shownDigest, reason' }],
  });
  const fields = (await send('responsibility.assign', { kind: 'command', holder: 'ada' }))?.fields;
  expect(fields).toEqual([
    { path: 'body.holder', message: expect.stringMatching(/expected object.*: kind, name, id, onBehalfOf$/) },
  ]);
  expect((await send('hypothesis.propose', {}))?.fields).toEqual([
    { path: 'body.statement', message: 'is missing, string' },
  ]);
  const action = { intent: 'x', operation: 'x', target: 'x', rollback: { how: 'x' } };
  expect((await send('action.propose', action))?.fields?.at(-1)?.message).toContain('plan');
});

test('what is owed by a time is owed in the future', async () => {
  const fixture = await createRecordFixture();
  await fixture.did(ALICE, 'status.post', { happening: 'x', nextUpdateDue: '2026-11-22T15:00:00Z' });
});

test('text that fits as it was sent still fits with a marker in it, and too long a text stays refused', async () => {
  const scrub = (text: string): string => text.replaceAll('1.1.1.1', '[redacted:ip-address~0123456789]');
  const { service, evidenceLog, incidentId } = await createRecordFixture({ scrub });
  const send = (summary: string) => service.append(TENANT, 'INC-1', ALICE, { type: 'evidence.add', body: { summary } });
  expect(await send('resolver 1.1.1.1 '.padEnd(300, 'x'))).toMatchObject({ kind: 'appended' });
  const { items } = (await service.entries(TENANT, 'INC-1', { after: 1, limit: 1 })) ?? { items: [] };
  const evidence = items[0]?.body['evidence'];
  const row = await evidenceLog.get(TENANT, incidentId, typeof evidence === 'string' ? evidence : '');
  expect(row?.summary).toMatch(/^resolver \[redacted:ip-address~0123456789\] x+…$/);
  expect(row?.summary).toHaveLength(300);
  expect(await send('resolver 1.1.1.1 '.padEnd(301, 'x'))).toMatchObject({
    kind: 'rejected',
    rejection: { fields: [{ path: 'body.summary' }] },
  });
});

test('incidents that are sent evidence under the same entryId have rows of their own', async () => {
  const { service } = await createRecordFixture();
  await service.open(TENANT, ALICE, { title: 'Another', ref: 'OTHER' });
  const command = { type: 'evidence.add', body: { summary: 'x' }, entryId: '018f0000-0000-7000-8000-0000000000aa' };
  const ids: unknown[] = [];
  for (const incident of ['INC-1', 'OTHER']) {
    expect(await service.append(TENANT, incident, ALICE, command)).toMatchObject({ kind: 'appended' });
    const log = await service.entries(TENANT, incident, { after: 1, limit: 1 });
    ids.push(log?.items[0]?.body['evidence']);
  }
  expect(new Set(ids).size).toBe(2);
});

test('a reference to nothing of the incident is refused with the places that hold it', async () => {
  const fixture = await createRecordFixture();
  const body = { what: 'x', blocks: ['H8'] };
  expect(await fixture.send(ALICE, 'gap.open', body, ['H9'])).toMatchObject({
    kind: 'rejected',
    rejection: { code: 'command.unknown_reference', fields: [{ path: 'body.blocks[0]' }, { path: 'basis[0]' }] },
  });
});

test('what Docket alone enters is refused with words that name nobody else', async () => {
  const fixture = await createRecordFixture();
  expect(await fixture.send(ALICE, 'handoff.expire', { handoff: 'x' })).toMatchObject({
    kind: 'rejected',
    rejection: {
      code: 'handoff.expire_is_dockets_own',
      satisfiedBy: 'Nobody needs to send it: Docket enters it when it is due.',
    },
  });
});

test('the catalogue asks for what the rules ask for', async () => {
  const { service } = await createRecordFixture();
  const schemas = new Map(service.entryTypes().map(({ type, schema }) => [type, schema]));
  expect(schemas.get('draft.edit')).toMatchObject({ required: ['target', 'diff'] });
  expect(schemas.get('draft.reject')).toMatchObject({ required: ['target', 'reason'] });
  expect(schemas.get('review.draft')).toMatchObject({
    properties: { sentences: { items: { properties: { cites: { minItems: 1 } } } } },
  });
});

const wrongOpenings: readonly (readonly [what: string, request: unknown])[] = [
  ['no title', {}],
  ['a ref that looks like an id', { title: 'x', ref: '018f0000-0000-7000-8000-000000000001' }],
  ['a ref with a slash', { title: 'x', ref: '../x' }],
  ['an unknown severity', { title: 'x', severity: 'sev0' }],
  ['a binding of two keys', { title: 'x', bind: { traceId: 'a'.repeat(32), sessionId: 's' } }],
  ['a binding of nothing', { title: 'x', bind: [{}] }],
];

test.each(wrongOpenings)('opening with %s is refused with the fields that are wrong', async (_what, request) => {
  const { service } = await createRecordFixture();
  const result = await service.open(TENANT, ALICE, request as OpenIncident);
  expect(result).toMatchObject({ kind: 'rejected', rejection: { code: 'command.invalid' } });
  expect(result.kind === 'rejected' && result.rejection.fields?.length).toBeGreaterThan(0);
});

test('refs are counted when none is given, unique per tenant, and opening again with the same entryId repeats', async () => {
  const { service } = await createRecordFixture();
  const entryId = '018f0000-0000-7000-8000-0000000000aa';
  const request: OpenIncident = { title: 'x', entryId, trigger: { source: 'alert' }, bind: { sessionId: 's' } };
  const [one, two] = await Promise.all([
    service.open(TENANT, ALICE, request),
    service.open(TENANT, BOB, { title: 'y' }),
  ]);
  const refs = [one, two].map((each) => (each.kind === 'opened' ? each.incident.ref : ''));
  expect(new Set(refs)).toEqual(new Set(['INC-2', 'INC-3']));
  expect(await service.open(TENANT, ALICE, request)).toMatchObject({ kind: 'repeated', incident: { id: entryId } });
  expect(await service.open(TENANT, ALICE, { ...request, title: 'z' })).toMatchObject({
    kind: 'conflict',
    code: 'record.entry_id_reused',
  });
  expect(await service.open(TENANT, ALICE, { title: 'x', ref: 'INC-3' })).toMatchObject({
    kind: 'conflict',
    code: 'incident.ref_taken',
    existing: { ref: 'INC-3' },
  });
  expect(await service.open('other', ALICE, { title: 'x', ref: 'INC-3' })).toMatchObject({ kind: 'opened' });
});

test('a store that fails leaves nothing half done, and the next command goes through', async () => {
  const fixture = await createRecordFixture();
  const command = { type: 'status.post', body: { happening: 'x' }, entryId: '018f0000-0000-7000-8000-0000000000bb' };
  fixture.recordLog.beforeAppend = async () => {
    throw new Error('the store is gone');
  };
  await expect(fixture.service.append(TENANT, 'INC-1', ALICE, command)).rejects.toThrow('the store is gone');
  expect((await fixture.record()).head.seq).toBe(1);
  fixture.recordLog.beforeAppend = null;
  fixture.recordLog.afterAppend = async () => {
    throw new Error('the answer got lost');
  };
  await expect(fixture.service.append(TENANT, 'INC-1', ALICE, command)).rejects.toThrow('the answer got lost');
  fixture.recordLog.afterAppend = null;
  // It was stored after all: sending it again says so.
  expect(await fixture.service.append(TENANT, 'INC-1', ALICE, command)).toMatchObject({ kind: 'repeated', seq: 2 });
});

test('invariant 5: a secret in a command is masked before it is kept, and a failing scrub keeps nothing', async () => {
  const scrub = (text: string) => {
    if (text.includes('fail')) throw new Error('no');
    return text.replaceAll('hunter2', '***');
  };
  const fixture = await createRecordFixture({ scrub });
  await fixture.did(ALICE, 'hypothesis.propose', { statement: 'The password hunter2 leaked' });
  await fixture.did(ALICE, 'evidence.add', { summary: 'saw hunter2', text: 'hunter2' });
  expect(await fixture.refused(ALICE, 'hypothesis.propose', { statement: 'fail' })).toBe('command.scrub_failed');
  const kept = JSON.stringify(
    [...fixture.evidenceLog.rows.values()].map((row) => ({ ...row, occurredAtUnixNano: 0, receivedAtUnixNano: 0 })),
  );
  expect(kept + JSON.stringify(fixture.recordLog.stored(TENANT, fixture.incidentId))).not.toContain('hunter2');
});

test('evidence by hand keeps its content in the row and a salted digest in the log, and repeats', async () => {
  const fixture = await createRecordFixture();
  const command = {
    type: 'evidence.add',
    body: { kind: 'note', summary: 'The graph dips', text: 'At 14:02 the graph dips' },
    entryId: '018f0000-0000-7000-8000-0000000000cc',
  };
  const first = await fixture.service.append(TENANT, 'INC-1', ALICE, command);
  expect(first.kind).toBe('appended');
  expect(await fixture.service.append(TENANT, 'INC-1', ALICE, command)).toMatchObject({ kind: 'repeated', seq: 2 });
  const changed = { ...command, body: { ...command.body, text: 'Another' } };
  expect(await fixture.service.append(TENANT, 'INC-1', ALICE, changed)).toMatchObject({
    code: 'record.entry_id_reused',
  });
  expect(JSON.stringify(fixture.recordLog.stored(TENANT, fixture.incidentId))).not.toContain('dips');
  const record = await fixture.record();
  expect(record.evidence).toMatchObject({ total: 1, counts: { note: 1 }, latest: [{ summary: 'The graph dips' }] });
});

test('followers get each entry in order once it is durable, and none after they stop', async () => {
  const fixture = await createRecordFixture();
  const seen: number[] = [];
  const stop = fixture.service.subscribe(TENANT, fixture.incidentId, (entry) => seen.push(entry.seq));
  fixture.service.subscribe(TENANT, fixture.incidentId, () => {
    throw new Error('a broken follower');
  });
  await fixture.did(ALICE, 'incident.status', { status: 'active' });
  stop();
  await fixture.did(ALICE, 'status.post', { happening: 'x' });
  expect(seen).toEqual([2, 3]);
});

test('lists page newest first and filter by status, severity, service and words', async () => {
  const { service, wait } = await createRecordFixture();
  for (let count = 0; count < 5; count += 1) {
    wait(60);
    await service.open(TENANT, ALICE, { title: `Search is slow ${count}`, services: ['search'], severity: 'sev3' });
  }
  const first = await service.list(TENANT, { limit: 4 });
  expect(first.items.map((each) => each.ref)).toEqual(['INC-6', 'INC-5', 'INC-4', 'INC-3']);
  const rest = await service.list(TENANT, { limit: 4, cursor: first.next ?? '' });
  expect(rest).toMatchObject({ items: [{ ref: 'INC-2' }, { ref: 'INC-1' }], next: null });
  expect((await service.list(TENANT, { q: 'SLOW inc-5' })).items.map((each) => each.ref)).toEqual(['INC-5']);
  expect(
    (await service.list(TENANT, { service: 'checkout', severity: ['sev2'], status: ['triage'] })).items,
  ).toHaveLength(1);
  expect((await service.list('other', {})).items).toEqual([]);
});

test('why walks from an action over its approval and decision to the evidence', async () => {
  const fixture = await createRecordFixture();
  const { did } = fixture;
  const evidence = await fixture.evidence();
  await did(AGENT, 'hypothesis.propose', { statement: 'The deploy' });
  await did(AGENT, 'stance.take', { evidence, hypothesis: 'H1', relation: 'supports', rationale: 'Errors start then' });
  await did(ALICE, 'decision.make', {
    question: 'q',
    options: ['Roll back'],
    chosen: 'Roll back',
    rationale: 'r',
    considered: ['H1'],
  });
  await did(AGENT, 'action.propose', {
    intent: 'Roll back',
    target: 't',
    operation: 'o',
    decision: 'D1',
    rollback: { plan: 'p' },
  });
  await did(AGENT, 'approval.request', { action: 'A1' });
  await did(BOB, 'approval.vote', { approval: 'P1', verdict: 'approve' });
  await did(AGENT, 'action.start', { action: 'A1' });
  const why = await fixture.service.why(TENANT, 'INC-1', 'action:A1');
  expect(why?.steps.map((step) => step.kind)).toEqual(['action', 'approval', 'decision', 'hypothesis', 'evidence']);
  expect(why).toMatchObject({ complete: true, missing: [] });
  expect(await fixture.service.why(TENANT, 'INC-1', 'decision:A1')).toBeUndefined();
  await did(AGENT, 'action.propose', { intent: 'Restart', target: 't', operation: 'o' });
  expect(await fixture.service.why(TENANT, 'INC-1', 'action:A2')).toMatchObject({ complete: false });
});

test('a log that was tampered with is served, marked as not verified', async () => {
  const fixture = await createRecordFixture();
  await fixture.did(ALICE, 'status.post', { happening: 'x' });
  const stored = fixture.recordLog.stored(TENANT, fixture.incidentId);
  const last = stored[1];
  if (last !== undefined) stored[1] = { ...last, body: { happening: 'forged' } };
  const again = await fixture.restarted();
  const record = await again.record(TENANT, 'INC-1');
  expect(record?.integrity.verified).toBe(false);
  expect(record?.brief.sections[0]?.lines[1]?.text).toBe('WARNING: the log of this record does not verify.');
});

test('a log that lacks entries which were answered is served, marked as not verified', async () => {
  const fixture = await createRecordFixture();
  fixture.recordLog.isDamaged = (_tenant, incidentId) => incidentId === fixture.incidentId;
  const record = await (await fixture.restarted()).record(TENANT, 'INC-1');
  expect(record?.integrity.verified).toBe(false);
});

test('records that do not fit in memory are read again when they are asked for', async () => {
  const fixture = await createRecordFixture({ maxCachedEntries: 3 });
  for (let count = 0; count < 5; count += 1) await fixture.service.open(TENANT, ALICE, { title: `t${count}` });
  await fixture.did(ALICE, 'status.post', { happening: 'x' });
  expect((await fixture.record()).statusUpdates).toHaveLength(1);
});

test('every entry type has a JSON Schema, and no two share a name', async () => {
  const { service } = await createRecordFixture();
  const types = service.entryTypes();
  expect(new Set(types.map((each) => each.type)).size).toBe(types.length);
  for (const { schema, type } of types) {
    expect(schema, type).toHaveProperty('$schema');
    expect(() => JSON.stringify(schema)).not.toThrow();
  }
});

test('an incident that is put out of memory and read again while it is written to shows what was written', async () => {
  const fixture = await createRecordFixture({ maxCachedEntries: 2 });
  fixture.recordLog.beforeAppend = async (entries) => {
    if (entries[0]?.type !== 'gap.open') return;
    fixture.recordLog.beforeAppend = null;
    for (const title of ['One', 'Two', 'Three']) await fixture.service.open(TENANT, ALICE, { title });
    expect((await fixture.record()).gaps).toEqual([]);
  };
  await fixture.did(ALICE, 'gap.open', { what: 'The cache is not measured' });
  expect((await fixture.record()).gaps).toHaveLength(1);
  await fixture.did(ALICE, 'gap.open', { what: 'Nor is the pool' });
  expect((await fixture.record()).gaps).toHaveLength(2);
});

test('a log that is read slowly does not stand in for what was written meanwhile', async () => {
  const fixture = await createRecordFixture({ maxCachedEntries: 1 });
  const { recordLog, service } = fixture;
  const read = recordLog.read.bind(recordLog);
  let release: () => void = () => {};
  let reader: ReturnType<typeof fixture.record> | undefined;
  recordLog.beforeAppend = async (entries) => {
    if (entries[0]?.type !== 'gap.open') return;
    recordLog.beforeAppend = null;
    // The incident goes out of memory while it is written to, and somebody reads its log, slowly.
    for (const title of ['One', 'Two']) await service.open(TENANT, ALICE, { title });
    recordLog.read = async (...request) => {
      recordLog.read = read;
      const entries = await read(...request);
      await new Promise<void>((resolve) => (release = resolve));
      return entries;
    };
    reader = fixture.record();
    await new Promise((resolve) => setImmediate(resolve));
  };
  await fixture.did(ALICE, 'gap.open', { what: 'The cache is not measured' });
  release();
  expect((await reader)?.gaps).toHaveLength(1);
  expect((await fixture.record()).gaps).toHaveLength(1);
});

test('a log that cannot be read keeps no other incident from being looked at', async () => {
  const fixture = await createRecordFixture({ maxCachedEntries: 1 });
  const other = await fixture.service.open(TENANT, ALICE, { title: 'Search is slow' });
  if (other.kind !== 'opened') throw new Error(JSON.stringify(other));
  await fixture.service.append(TENANT, other.incident.id, ALICE, {
    type: 'responsibility.assign',
    body: { kind: 'command', workstream: 'incident', holder: { ...ALICE } },
  });
  const held = (await fixture.service.record(TENANT, other.incident.id))?.responsibilities[0];
  await fixture.service.append(TENANT, other.incident.id, ALICE, {
    type: 'handoff.offer',
    body: {
      responsibilities: [held?.id ?? ''],
      to: { ...BOB },
      expiresAt: new Date(fixture.now().getTime() + 60_000).toISOString(),
    },
  });
  fixture.wait(120);
  // One more, so that the first is out of memory and must be read.
  await fixture.service.open(TENANT, ALICE, { title: 'Payments are late' });
  const read = fixture.recordLog.read;
  fixture.recordLog.read = (tenant, incidentId, afterSeq) =>
    incidentId === fixture.incidentId
      ? Promise.reject(new Error('record log of incident has seq 3 after 1'))
      : read(tenant, incidentId, afterSeq);
  await expect(fixture.service.sweep()).rejects.toThrow('record log of incident');
  expect((await fixture.service.record(TENANT, other.incident.id))?.handoffs[0]?.state).toBe('expired');
});
