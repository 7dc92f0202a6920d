import { describe, expect, test } from 'vitest';
import type { BindingSelector, EvidenceLog } from '../../src/record/evidence-log.ts';
import type { EvidenceLink, EvidenceRow } from '../../src/record/evidence.ts';

let counter = 0;

/** A tenant of its own for each test, so that tests do not see each other's rows. */
function freshTenant(): string {
  counter += 1;
  return `tenant-${counter}`;
}

const BASE = 1_763_800_000_000_000_000n;
const BOUND: EvidenceLink = { mode: 'bound', rule: 'binding trace', score: 1 };

function row(tenant: string, id: string, change: Partial<EvidenceRow> = {}): EvidenceRow {
  return {
    tenant,
    id,
    incident: '',
    kind: 'tool_call',
    state: (change.incident ?? '') === '' ? 'unfiled' : 'linked',
    occurredAtUnixNano: BASE,
    endedAtUnixNano: BASE + 7n,
    receivedAtUnixNano: BASE + 1_000n,
    outcome: 'ok',
    actor: { kind: 'agent', name: 'sre-agent', id: null, onBehalfOf: 'alice' },
    service: 'cart',
    environment: 'prod',
    summary: 'kubectl get pods',
    tool: { name: 'kubectl', callId: 'call_1', type: 'function', mcpServer: null, tier: 'read', tierRule: 'verb' },
    model: { name: 'm1', provider: null },
    tokens: { input: 12, output: null },
    conversationId: '',
    sessionId: '',
    content: {
      arguments: { captured: true, value: '{"a":"Größe \\" x"}', bytes: 12, digest: 'd' },
      result: { captured: false, value: null, bytes: null, digest: null },
    },
    redactions: [
      {
        path: 'p',
        class: 'c',
        rule: 'r',
        ruleVersion: 1,
        action: 'mask',
        encodings: ['json'],
        originalBytes: 3,
        fingerprint: 'f',
      },
    ],
    link: (change.incident ?? '') === '' ? null : { mode: 'explicit', rule: 'attribute incident.id', score: 1 },
    source: { traceId: '', spanId: '00f067aa0ba902b7', signal: 'traces', alsoSeenAs: ['aa', 'bb'] },
    sourceFamily: 'otel/cart',
    trust: 'self_reported',
    dialect: 'gen_ai',
    namedRefs: [],
    facts: { verb: 'get', traces: ['t1', 't2'] },
    policyVersion: 'p@1',
    digest: 'dd',
    ...change,
  };
}

/** What any EvidenceLog promises (src/record/evidence-log.ts). */
export function evidenceLogContract(name: string, open: () => EvidenceLog): void {
  describe(name, () => {
    test('a limit out of range, a foreign cursor and too many ids are refused', async () => {
      const log = open();
      await expect(log.page('t', 'i', { limit: 0 })).rejects.toThrow(RangeError);
      await expect(log.page('t', 'i', { limit: 501 })).rejects.toThrow(RangeError);
      const forged = ['["1\' OR 1",2]', '["9999999999999999999","a"]'].map((text) =>
        Buffer.from(text).toString('base64url'),
      );
      for (const cursor of ['', '!!', 'e30', ...forged]) {
        await expect(log.page('t', 'i', { limit: 1, cursor })).rejects.toThrow(RangeError);
      }
      const ids = Array.from({ length: 1_001 }, (_, index) => String(index));
      await expect(log.existing('t', 'i', ids)).rejects.toThrow(RangeError);
    });

    test('a row comes back as it was put', async () => {
      const log = open();
      const tenant = freshTenant();
      const linked = row(tenant, 'a', { incident: 'i' });
      const bare = row(tenant, 'b', {
        incident: 'i',
        kind: 'note',
        endedAtUnixNano: null,
        tool: null,
        model: null,
        tokens: null,
        actor: { kind: 'human', name: "O'Brien \\", id: 'u1' },
        content: {},
        redactions: [],
        facts: {},
      });
      await log.put([linked, bare]);
      expect(await log.get(tenant, 'i', 'a')).toEqual(linked);
      expect(await log.get(tenant, 'i', 'b')).toEqual(bare);
      expect(await log.get(tenant, 'i', 'c')).toBeUndefined();
      expect(await log.get(tenant, 'other', 'a')).toBeUndefined();
      expect(await log.get('other', 'i', 'a')).toBeUndefined();
    });

    test('content whose JSON is given comes back as that of its row', async () => {
      const log = open();
      const tenant = freshTenant();
      const rows = ['a', 'b', 'c'].map((id) =>
        row(tenant, id, {
          incident: 'i',
          content: { body: { captured: true, value: `${id} "é"\n`, bytes: 1, digest: null } },
        }),
      );
      const [a, b, c] = rows.map(({ content }) => Buffer.from(JSON.stringify(content)));
      // Of the second row it is not known.
      const bytes = Buffer.concat([Buffer.from('??'), c ?? b ?? Buffer.alloc(0), a ?? Buffer.alloc(0)]);
      const [ofA = 0, ofC = 0] = [a?.length, c?.length];
      await log.put(rows, { bytes, starts: [2 + ofC, 0, 2], ends: [2 + ofC + ofA, 0, 2 + ofC] });
      for (const each of rows) expect(await log.get(tenant, 'i', each.id)).toEqual(each);
    });

    test('a later put replaces, an older one does not', async () => {
      const log = open();
      const tenant = freshTenant();
      await log.put([row(tenant, 'a', { incident: 'i', summary: 'first' })]);
      await log.put([row(tenant, 'a', { incident: 'i', summary: 'same time' })]);
      expect((await log.get(tenant, 'i', 'a'))?.summary).toBe('same time');
      await log.put([row(tenant, 'a', { incident: 'i', summary: 'older', receivedAtUnixNano: BASE })]);
      expect((await log.get(tenant, 'i', 'a'))?.summary).toBe('same time');
      expect((await log.counts(tenant, 'i')).total).toBe(1);
    });

    test('pages go from newest to oldest, each row once, and end', async () => {
      const log = open();
      const tenant = freshTenant();
      const rows = Array.from({ length: 25 }, (_, index) =>
        row(tenant, `r${String(index).padStart(2, '0')}`, {
          incident: 'i',
          // Five rows at each instant, so that the cursor must tell equals apart.
          occurredAtUnixNano: BASE + BigInt(Math.floor(index / 5)),
        }),
      );
      await log.put(rows);
      await log.put([row(tenant, 'elsewhere', { incident: 'j' }), row(tenant, 'loose')]);
      const seen: string[] = [];
      let cursor: string | undefined;
      for (let pages = 0; pages < 20; pages += 1) {
        const page = await log.page(tenant, 'i', { limit: 4, ...(cursor === undefined ? {} : { cursor }) });
        seen.push(...page.items.map((item) => item.id));
        if (page.next === null) break;
        cursor = page.next;
      }
      expect(seen).toEqual(rows.map((each) => each.id).reverse());
    });

    test('every condition of a filter must hold', async () => {
      const log = open();
      const tenant = freshTenant();
      await log.put([
        row(tenant, 'match', {
          incident: 'i',
          kind: 'error',
          outcome: 'error',
          service: 'pay',
          actor: { kind: 'service', name: 'pay', id: null },
          summary: 'Timeout at 50% _of_ "Größe"',
          occurredAtUnixNano: BASE + 50n,
        }),
        row(tenant, 'other', { incident: 'i' }),
      ]);
      const ids = async (filter: Record<string, unknown>): Promise<string[]> =>
        (await log.page(tenant, 'i', { limit: 10, ...filter })).items.map((item) => item.id);
      expect(await ids({ kinds: ['error', 'log'] })).toEqual(['match']);
      expect(await ids({ outcome: 'error' })).toEqual(['match']);
      expect(await ids({ service: 'pay' })).toEqual(['match']);
      expect(await ids({ actor: 'pay' })).toEqual(['match']);
      expect(await ids({ q: 'timeout "GRÖSSE"' })).toEqual([]);
      expect(await ids({ q: 'TIMEOUT "größe" 50% _OF_' })).toEqual(['match']);
      expect(await ids({ q: 'größe', kinds: ['tool_call'] })).toEqual(['other']);
      expect(await ids({ anyOf: ['no such', '"Größe"'] })).toEqual(['match']);
      expect(await ids({ anyOf: ['GRÖSSE', 'größe'] })).toEqual([]);
      expect(await ids({ anyOf: ['no such'] })).toEqual([]);
      expect(await ids({ anyOf: [`') OR 1=1 --`] })).toEqual([]);
      expect(await ids({ fromUnixNano: BASE + 50n })).toEqual(['match']);
      expect(await ids({ fromUnixNano: BASE + 51n })).toEqual([]);
      expect(await ids({ toUnixNano: BASE + 50n })).toEqual(['other']);
      expect(await ids({ kinds: ['error'], service: 'cart' })).toEqual([]);
      expect(await ids({ actor: `' OR '1'='1` })).toEqual([]);
      expect(await ids({ q: `' OR 1=1 --` })).toEqual([]);
    });

    test('counts and existing tell what the incident has', async () => {
      const log = open();
      const tenant = freshTenant();
      await log.put([
        row(tenant, 'a', { incident: 'i' }),
        row(tenant, 'b', { incident: 'i', kind: 'log', actor: { kind: 'service', name: 'cart', id: null } }),
        row(tenant, 'c', { incident: 'i', actor: { kind: 'agent', name: 'other-agent', id: null } }),
        row(tenant, 'd'),
      ]);
      expect(await log.counts(tenant, 'i')).toEqual({
        total: 3,
        byKind: { log: 1, tool_call: 2 },
        agents: ['other-agent', 'sre-agent'],
      });
      expect(await log.counts(tenant, 'none')).toEqual({ total: 0, byKind: {}, agents: [] });
      expect(await log.existing(tenant, 'i', ['a', 'c', 'd', 'x'])).toEqual(new Set(['a', 'c']));
      expect(await log.existing('other', 'i', ['a'])).toEqual(new Set());
    });

    test('copies are the rows of the named acts under the named incidents', async () => {
      const log = open();
      const tenant = freshTenant();
      const copy = row(tenant, 'a', { incident: 'i' });
      await log.put([copy, row(tenant, 'a', { incident: 'j' }), row(tenant, 'b', { incident: 'i' }), row(tenant, 'c')]);
      const found = await log.copies(tenant, ['', 'i'], ['a', 'c', 'x']);
      expect(new Set(found.map((each) => `${each.id} ${each.incident}`))).toEqual(new Set(['a i', 'c ']));
      expect(found.find((each) => each.id === 'a')).toEqual(copy);
      expect(await log.copies(freshTenant(), ['', 'i'], ['a'])).toEqual([]);
      expect(await log.copies(tenant, [], ['a'])).toEqual([]);
      expect(await log.copies(tenant, ['i'], [])).toEqual([]);
      const many = Array.from({ length: 201 }, (_, index) => String(index));
      await expect(log.copies(tenant, ['i'], many)).rejects.toThrow(RangeError);
    });

    test('contents are those of the named acts, whichever incident has them', async () => {
      const log = open();
      const tenant = freshTenant();
      const filed = row(tenant, 'a', { incident: 'i' });
      await log.put([filed, row(tenant, 'b'), row(tenant, 'c')]);
      const found = await log.contents(tenant, ['a', 'b', 'x']);
      expect(new Set(found.keys())).toEqual(new Set(['a', 'b']));
      expect(found.get('a')).toEqual(filed.content);
      expect(await log.contents(freshTenant(), ['a'])).toEqual(new Map());
      expect(await log.contents(tenant, [])).toEqual(new Map());
      const many = Array.from({ length: 201 }, (_, index) => String(index));
      await expect(log.contents(tenant, many)).rejects.toThrow(RangeError);
    });

    const trace = '0af7651916cd43dd8448eb211c80319c';
    const selectors: readonly (readonly [BindingSelector, Partial<EvidenceRow>, Partial<EvidenceRow>])[] = [
      [
        { kind: 'trace', traceId: trace },
        { source: { traceId: trace, spanId: '', signal: 'traces', alsoSeenAs: [] } },
        { source: { traceId: trace.replace('0', '1'), spanId: '', signal: 'traces', alsoSeenAs: [] } },
      ],
      [{ kind: 'conversation', conversationId: 'c1' }, { conversationId: 'c1' }, { conversationId: 'c2' }],
      [{ kind: 'session', sessionId: 's1' }, { sessionId: 's1' }, { sessionId: 's2' }],
      [
        { kind: 'agent', agent: 'sre-agent', fromUnixNano: BASE, toUnixNano: BASE },
        {},
        { occurredAtUnixNano: BASE + 1n },
      ],
      [
        { kind: 'agent', agent: 'sre-agent', fromUnixNano: null, toUnixNano: null },
        {},
        { actor: { kind: 'service', name: 'sre-agent', id: null } },
      ],
      [
        { kind: 'service', service: 'cart', environment: 'prod', fromUnixNano: null, toUnixNano: null },
        {},
        { environment: 'dev' },
      ],
      [
        { kind: 'service', service: 'cart', environment: null, fromUnixNano: BASE, toUnixNano: null },
        { environment: 'dev' },
        { occurredAtUnixNano: BASE - 1n },
      ],
      [{ kind: 'ref', refs: ['INC-1', 'INC-2'] }, { namedRefs: ['x', 'INC-2'] }, { namedRefs: ['INC-3'] }],
    ];
    test.each(selectors)('linking by %o files what matches and nothing else', async (selector, match, other) => {
      const log = open();
      const tenant = freshTenant();
      const foreign = freshTenant();
      await log.put([row(tenant, 'match', match), row(tenant, 'other', other), row(foreign, 'foreign', match)]);
      expect(await log.link(tenant, 'i', selector, BOUND)).toBe(1);
      expect(await log.link(tenant, 'i', selector, BOUND)).toBe(0);
      expect((await log.page(tenant, 'i', { limit: 10 })).items).toEqual([
        row(tenant, 'match', { ...match, incident: 'i', state: 'linked', link: BOUND }),
      ]);
      expect((await log.unfiled(tenant, { limit: 10 })).items.map((item) => item.id)).toEqual(['other']);
      expect((await log.unfiled(foreign, { limit: 10 })).items.map((item) => item.id)).toEqual(['foreign']);
    });

    test('an empty key binds nothing', async () => {
      const log = open();
      const tenant = freshTenant();
      await log.put([row(tenant, 'a')]);
      expect(await log.link(tenant, 'i', { kind: 'trace', traceId: '' }, BOUND)).toBe(0);
      expect(await log.link(tenant, 'i', { kind: 'session', sessionId: '' }, BOUND)).toBe(0);
      expect(await log.link(tenant, 'i', { kind: 'ref', refs: [] }, BOUND)).toBe(0);
    });

    test('a row of another incident is filed under both', async () => {
      const log = open();
      const tenant = freshTenant();
      await log.put([row(tenant, 'a', { incident: 'one', conversationId: 'c' })]);
      expect(await log.link(tenant, 'two', { kind: 'conversation', conversationId: 'c' }, BOUND)).toBe(1);
      expect((await log.get(tenant, 'one', 'a'))?.link?.mode).toBe('explicit');
      expect((await log.get(tenant, 'two', 'a'))?.link).toEqual(BOUND);
    });

    test('what was filed stays filed when the same unfiled row is put again', async () => {
      const log = open();
      const tenant = freshTenant();
      const manual: EvidenceLink = { mode: 'manual', rule: "filed by O'Brien", score: 1 };
      await log.put([row(tenant, 'a'), row(tenant, 'b')]);
      expect(await log.file(tenant, 'i', ['a', 'missing'], manual)).toBe(1);
      expect(await log.file(tenant, 'i', ['a'], manual)).toBe(0);
      await log.put([row(tenant, 'a'), row(tenant, 'b', { receivedAtUnixNano: BASE + 9_999n })]);
      expect((await log.unfiled(tenant, { limit: 10 })).items.map((item) => item.id)).toEqual(['b']);
      expect((await log.get(tenant, 'i', 'a'))?.link).toEqual(manual);
    });

    test('a removed row is gone from everywhere and a redelivery does not bring it back', async () => {
      const log = open();
      const tenant = freshTenant();
      const foreign = freshTenant();
      const rows = [row(tenant, 'a'), row(tenant, 'b'), row(tenant, 'c', { incident: 'i' })];
      await log.put([...rows, row(tenant, 'c', { incident: 'j' }), row(foreign, 'a')]);
      await log.remove(tenant, []);
      await log.remove(tenant, ['a', 'c', 'missing']);
      await log.remove(tenant, ['a', 'c']);
      await log.put(rows);
      expect((await log.unfiled(tenant, { limit: 10 })).items.map((item) => item.id)).toEqual(['b']);
      expect(await log.get(tenant, 'i', 'c')).toBeUndefined();
      expect(await log.get(tenant, 'j', 'c')).toBeUndefined();
      expect((await log.counts(tenant, 'i')).total).toBe(0);
      expect((await log.unfiled(foreign, { limit: 10 })).items.map((item) => item.id)).toEqual(['a']);
      const ids = Array.from({ length: 1_001 }, (_, index) => String(index));
      await expect(log.remove(tenant, ids)).rejects.toThrow(RangeError);
    });

    test('tool calls of a trace are found wherever they are filed, and nothing else is', async () => {
      const log = open();
      const tenant = freshTenant();
      const source = { traceId: trace, spanId: 'aa', signal: 'traces', alsoSeenAs: [] } as const;
      await log.put([
        row(tenant, 'loose', { source }),
        row(tenant, 'filed', { source, incident: 'i', occurredAtUnixNano: BASE + 1n }),
        row(tenant, 'filed', { source, incident: 'j', occurredAtUnixNano: BASE + 1n }),
        row(tenant, 'model', { source, kind: 'model_call' }),
        row(tenant, 'other', { source: { ...source, traceId: trace.replace('0', '1') } }),
        row(tenant, 'traceless'),
        row(freshTenant(), 'foreign', { source }),
      ]);
      const found = await log.toolCalls(tenant, [trace, '']);
      expect(found.map((each) => [each.id, each.incident])).toEqual([
        ['loose', ''],
        ['filed', 'i'],
        ['filed', 'j'],
      ]);
      expect(found[0]).toEqual(row(tenant, 'loose', { source }));
      expect(await log.toolCalls(tenant, [])).toEqual([]);
      const many = Array.from({ length: 201 }, (_, index) => String(index));
      await expect(log.toolCalls(tenant, many)).rejects.toThrow(RangeError);
    });

    test('text that looks like SQL stays text', async () => {
      const log = open();
      const hostile = `x') OR 1=1 -- \\' {tenant:String} \u0000 \n "`;
      const tenant = `${hostile}${freshTenant()}`;
      const nasty = row(tenant, hostile, {
        incident: hostile,
        service: hostile,
        summary: hostile,
        conversationId: hostile,
        namedRefs: [hostile, "'", '\\'],
        content: { data: { captured: true, value: hostile, bytes: 1, digest: null } },
      });
      await log.put([nasty]);
      expect(await log.get(tenant, hostile, hostile)).toEqual(nasty);
      expect((await log.page(tenant, hostile, { limit: 5, service: hostile, q: `{tenant:String} 1=1` })).items).toEqual(
        [nasty],
      );
      expect(await log.link(tenant, 'i', { kind: 'ref', refs: [hostile] }, { ...BOUND, rule: hostile })).toBe(1);
      expect((await log.get(tenant, 'i', hostile))?.link?.rule).toBe(hostile);
    });
  });
}
