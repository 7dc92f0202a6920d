import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { apiOf } from '../support/api-client.ts';
import { startDocket, type DocketProcess } from '../support/docket-process.ts';
import { attribute, eventually, postJson, traceId, tracesRequest } from '../support/otlp-json.ts';

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const untrusted = '<img src=x onerror="document.title=\'owned\'"><script>document.title="owned"</script>';

let docket: DocketProcess;
let browser: Browser;

beforeAll(async () => {
  docket = await startDocket();
  const api = apiOf(docket.api);
  await api.post('/incidents', {
    ref: 'INC-1',
    title: `Checkout fails ${untrusted}`,
    severity: 'sev2',
    services: ['shop'],
    trigger: { source: 'alert', rule: 'error rate', service: 'shop', firedAt: new Date().toISOString() },
  });
  for (const statement of ['The cache is cold', untrusted]) {
    await api.post('/incidents/INC-1/entries', {
      type: 'hypothesis.propose',
      body: { statement, predicts: ['misses'] },
    });
  }
  const sent = await postJson(
    docket.otlpHttp,
    'traces',
    tracesRequest('sre-agent', [1], {
      name: 'execute_tool kubectl_get',
      attributes: [
        attribute('incident.id', 'INC-1'),
        attribute('gen_ai.operation.name', 'execute_tool'),
        attribute('gen_ai.tool.name', `kubectl_get ${untrusted}`),
        attribute('gen_ai.tool.call.id', 'call_1'),
        attribute('gen_ai.agent.name', 'sre-agent'),
        attribute('gen_ai.tool.call.arguments', JSON.stringify({ namespace: 'shop', password: 'hunter2-Xy7!' })),
      ],
    }),
  );
  expect(sent.status).toBe(200);
  await eventually(
    () => api.evidence('INC-1', '&kind=tool_call'),
    (rows) => rows.length > 0,
  );
  await eventually(
    async () => (await fetch(`http://${docket.api}/api/v1/traces/${traceId(1)}`)).status,
    (status) => status === 200,
  );
  browser = await chromium.launch({
    executablePath: process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
});

afterAll(async () => {
  await browser?.close();
  await docket?.dispose();
});

async function open(
  path: string,
  options: Parameters<Browser['newContext']>[0] = {},
): Promise<{ page: Page; context: BrowserContext; problems: string[] }> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const problems: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' && !message.location().url.endsWith('/favicon.ico')) problems.push(message.text());
  });
  page.on('pageerror', (error) => problems.push(error.message));
  const response = await page.goto(`http://${docket.api}${path}`);
  expect(response?.status(), path).toBe(200);
  return { page, context, problems };
}

async function pages(): Promise<string[]> {
  const [row] = await apiOf(docket.api).evidence('INC-1', '&kind=tool_call');
  return ['/', '/incidents/INC-1', `/incidents/INC-1/evidence/${row?.id}`, `/traces/${traceId(1)}`, '/docs'];
}

test.each(['light', 'dark'] as const)(
  'every page has no accessibility violation in a %s scheme',
  async (colorScheme) => {
    for (const path of await pages()) {
      const { page, context } = await open(path, { colorScheme, bypassCSP: true });
      await page.evaluate(axeSource);
      const found = (await page.evaluate('axe.run()')) as { violations: { id: string; nodes: { html: string }[] }[] };
      const violations = found.violations.map((each) => `${path}: ${each.id}: ${each.nodes[0]?.html}`);
      await context.close();
      expect(violations).toEqual([]);
    }
  },
);

test('text from telemetry and people is shown, never run, and no page needs a script', async () => {
  for (const path of await pages()) {
    const { page, context, problems } = await open(path);
    expect(await page.title()).not.toBe('owned');
    expect(await page.locator('script').count(), path).toBe(0);
    expect(await page.locator('img[src="x"]').count(), path).toBe(0);
    expect(problems, path).toEqual([]);
    await context.close();
  }
});

test('the list leads to the record, the record to a tool call, and its argument is redacted', async () => {
  const { page, context } = await open('/');
  await page.getByRole('link', { name: /INC-1/ }).first().click();
  await page.waitForURL('**/incidents/INC-1');
  expect(await page.getByText('The cache is cold').first().isVisible()).toBe(true);
  await page.locator('a[href*="/incidents/INC-1/evidence/"]').first().click();
  await page.waitForURL('**/evidence/**');
  const text = await page.locator('main').innerText();
  expect(text).toContain('[redacted:');
  expect(text).toContain('shop');
  expect(text).not.toContain('hunter2-Xy7!');
  await context.close();
});

test.each([320, 390, 768])('no page is wider than a screen of %i', { timeout: 150_000 }, async (width) => {
  // What was compared shows the whole window it holds for: the widest there is.
  await failingShop();
  await eventually(
    () => apiOf(docket.api).evidence('INC-1', '&kind=error'),
    (rows) => rows.length > 0,
    120_000,
  );
  for (const path of await pages()) {
    const { page, context } = await open(path, { viewport: { width, height: 844 } });
    const overflow = await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');
    expect(overflow, path).toBe(0);
    await context.close();
  }
});

/** The shop answers well for half an hour, and fails now. */
async function failingShop(): Promise<void> {
  const request = tracesRequest(
    'shop',
    [...Array(80).keys()].map((each) => 1_000 + each),
  ) as {
    resourceSpans: { scopeSpans: { spans: Record<string, unknown>[] }[] }[];
  };
  const spans = request.resourceSpans[0]?.scopeSpans[0]?.spans ?? [];
  for (const [index, span] of spans.entries()) {
    if (index % 2 === 0) {
      span['status'] = { code: 2 };
      continue;
    }
    const at = BigInt(Date.now() - 30 * 60_000) * 1_000_000n;
    Object.assign(span, { startTimeUnixNano: String(at), endTimeUnixNano: String(at + 1_000_000n) });
  }
  expect((await postJson(docket.otlpHttp, 'traces', request)).status).toBe(200);
}

test('a page that keeps itself up to date stops when told, by keyboard alone', async () => {
  const { page, context } = await open('/incidents/INC-1');
  await page.getByRole('link', { name: 'keep it up to date' }).focus();
  await page.keyboard.press('Enter');
  await page.waitForURL('**/incidents/INC-1?live=on');
  await page.getByRole('link', { name: 'Stop' }).focus();
  await page.keyboard.press('Enter');
  await page.waitForURL('**/incidents/INC-1');
  await context.close();
});
