import type { ApiClient, EvidenceReceipts, ReceiptListing } from '../../api/client.ts';
import { EXIT, UsageError } from '../exit-code.ts';
import { columns, type Terminal } from '../terminal.ts';

export interface ExplainOptions {
  readonly client: ApiClient;
  readonly terminal: Terminal;
  readonly json: boolean;
}

type Receipt = ReceiptListing['items'][number];

/**
 * Prints what redaction did to one record: a trace id, a trace and a span id, or an evidence id. Exits 1 when there is no
 * receipt, which means that the policy found nothing to do.
 */
export async function explain(options: ExplainOptions, record: readonly string[]): Promise<number> {
  const { client, terminal } = options;
  const [first = '', second] = record.flatMap((each) => each.split(/[:/]/));
  let listing: ReceiptListing | EvidenceReceipts;
  if (/^[0-9a-f]{32}$/i.test(first)) {
    if (second !== undefined && !/^[0-9a-f]{16}$/i.test(second)) throw new UsageError('a span id is 16 hex digits');
    listing = await client.receipts(first.toLowerCase(), second?.toLowerCase());
  } else {
    if (second !== undefined) throw new UsageError('name a trace id and a span id, or one evidence id');
    listing = await client.receiptsOfEvidence(first);
  }
  if (options.json) terminal.print(JSON.stringify(listing, null, 2));
  else terminal.print(described(listing));
  return listing.items.length === 0 ? EXIT.no : EXIT.done;
}

function described(listing: ReceiptListing | EvidenceReceipts): string {
  const lines: string[] = [];
  if ('evidence' in listing) {
    const { kind, summary, policyVersion } = listing.evidence;
    lines.push(`${kind}: ${summary}`, `redacted under ${policyVersion}`, '');
  }
  if (listing.items.length === 0) {
    lines.push('no receipts: the policy found nothing to do in this record, or nothing of it is stored');
    return lines.join('\n');
  }
  for (const [key, items] of byRecord(listing.items)) {
    lines.push(
      key,
      ...columns(items.map(row))
        .split('\n')
        .map((line) => `  ${line}`),
      '',
    );
  }
  const policies = [...new Set(listing.items.map((each) => each.policyVersion))];
  lines.push(`${listing.items.length} redaction${listing.items.length === 1 ? '' : 's'} under ${policies.join(', ')}`);
  if (listing.truncated) lines.push('there are more; name a span id to see all of its receipts');
  return lines.join('\n');
}

function byRecord(items: readonly Receipt[]): ReadonlyMap<string, readonly Receipt[]> {
  const records = new Map<string, Receipt[]>();
  for (const each of items) {
    const where = each.traceId === '' ? 'record' : `${each.signal} ${each.traceId} ${each.spanId}`.trimEnd();
    const key = `${where}${each.receivedAt === '' ? '' : `, received ${each.receivedAt}`}`;
    const known = records.get(key);
    if (known === undefined) records.set(key, [each]);
    else known.push(each);
  }
  return records;
}

function row(each: Receipt): readonly string[] {
  return [
    each.path === '' ? '(whole record)' : each.path,
    each.class,
    `${each.rule} v${each.ruleVersion}`,
    each.action,
    each.encodings.length === 0 ? 'plain' : each.encodings.join(' > '),
    `${each.originalBytes} B`,
    each.fingerprint === '' ? 'no fingerprint' : each.fingerprint,
  ];
}
