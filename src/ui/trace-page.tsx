import type { StoredSpan, StoredTrace } from '../record/telemetry-reader.ts';
import { parseUnixNano } from '../api/unix-nano.ts';
import { counted, Redacted, shortDuration, Time } from './text.tsx';

/** Spans drawn; a longer trace says so. */
const SPANS_MAX = 1_000;
const DEPTH_MAX = 8;

interface Row {
  readonly span: StoredSpan;
  readonly depth: number;
  readonly orphan: boolean;
  readonly startNano: bigint;
}

/** A trace as a waterfall: callers above what they called, each with a bar from its start to its end. */
export function TracePage({ trace }: { readonly trace: StoredTrace }) {
  const rows = inCallOrder(trace.spans);
  const shown = rows.slice(0, SPANS_MAX);
  const start = rows.reduce(
    (least, { startNano }) => (startNano < least ? startNano : least),
    rows[0]?.startNano ?? 0n,
  );
  const total = Math.max(
    1,
    ...rows.map(({ span, startNano }) => Number(startNano - start) + Number(span.durationNano)),
  );
  return (
    <>
      <h1>Trace {trace.traceId}</h1>
      <p>
        {counted(trace.spans.length, 'span')} and {counted(trace.logs.length, 'log record')} over {shortDuration(total)}
        .
      </p>
      {trace.truncated || rows.length > SPANS_MAX ? (
        <p class="notice">The trace is longer than what is shown.</p>
      ) : null}
      {rows.some(({ orphan }) => orphan) ? (
        <p class="notice">Some spans name a parent that never arrived; they are marked.</p>
      ) : null}
      <div class="scroll" tabindex={0} role="region" aria-label="Waterfall">
        <table class="stack waterfall">
          <caption>Spans, callers above what they called</caption>
          <thead>
            <tr>
              <th scope="col">Span</th>
              <th scope="col">Service</th>
              <th scope="col">Starts</th>
              <th scope="col">Takes</th>
              <th scope="col">
                <span class="quiet">Timeline</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {shown.map((row) => (
              <SpanRow row={row} offset={Number(row.startNano - start)} total={total} />
            ))}
          </tbody>
        </table>
      </div>
      {trace.logs.length > 0 ? (
        <>
          <h2>Logs</h2>
          <ol class="timeline">
            {trace.logs.slice(0, SPANS_MAX).map((log) => (
              <li>
                <Time at={log.at} /> {log.severity} <span class="quiet">{log.service}</span> {log.eventName}
                <pre tabindex={0}>
                  <Redacted text={log.body} />
                </pre>
              </li>
            ))}
          </ol>
        </>
      ) : null}
    </>
  );
}

function SpanRow({ row, offset, total }: { readonly row: Row; readonly offset: number; readonly total: number }) {
  const { span, depth, orphan } = row;
  const failed = /error/i.test(span.statusCode);
  const width = Math.max(2, (Number(span.durationNano) / total) * 1_000);
  return (
    <tr id={`span-${span.spanId}`}>
      <th scope="row">
        <div class={`depth-${Math.min(depth, DEPTH_MAX)}`}>
          <details>
            <summary>
              <Redacted text={span.name} />
              {failed ? <span class="bad"> (error)</span> : null}
              {orphan ? <span class="warn"> (parent missing)</span> : null}
            </summary>
            <pre tabindex={0}>
              <Redacted text={detailsOf(span)} />
            </pre>
          </details>
        </div>
      </th>
      <td>{span.service}</td>
      <td class="time">+{shortDuration(offset)}</td>
      <td class="time">{shortDuration(Number(span.durationNano))}</td>
      <td>
        <svg class="bar" viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true">
          <rect class="lane" x="0" y="0" width="1000" height="10" />
          <rect
            class={failed ? 'failed' : 'span'}
            x={Math.min(998, (offset / total) * 1_000)}
            y="1"
            width={width}
            height="8"
          />
        </svg>
      </td>
    </tr>
  );
}

function detailsOf(span: StoredSpan): string {
  const lines = [
    `span ${span.spanId}, ${span.kind}, ${span.statusCode}${span.statusMessage ? `: ${span.statusMessage}` : ''}`,
  ];
  for (const [name, value] of Object.entries(span.attributes)) lines.push(`${name} = ${value}`);
  for (const event of span.events) {
    lines.push(`${event.at} ${event.name}`);
    for (const [name, value] of Object.entries(event.attributes)) lines.push(`  ${name} = ${value}`);
  }
  return lines.join('\n');
}

function inCallOrder(spans: readonly StoredSpan[]): Row[] {
  const known = new Set(spans.map(({ spanId }) => spanId));
  const children = new Map<string, StoredSpan[]>();
  const roots: StoredSpan[] = [];
  for (const span of spans) {
    // A span that is its own parent, as broken senders make, is a root.
    if (span.parentSpanId === '' || !known.has(span.parentSpanId) || span.parentSpanId === span.spanId)
      roots.push(span);
    else children.set(span.parentSpanId, [...(children.get(span.parentSpanId) ?? []), span]);
  }
  const rows: Row[] = [];
  const placed = new Set<StoredSpan>();
  const waiting = roots.map((span) => ({ span, depth: 0 })).reverse();
  const walk = (): void => {
    for (let next = waiting.pop(); next; next = waiting.pop()) {
      const { span, depth } = next;
      if (placed.has(span)) continue;
      placed.add(span);
      rows.push({
        span,
        depth,
        orphan: span.parentSpanId !== '' && !known.has(span.parentSpanId),
        startNano: parseUnixNano(span.startedAt) ?? 0n,
      });
      for (const child of (children.get(span.spanId) ?? []).toReversed())
        waiting.push({ span: child, depth: depth + 1 });
    }
  };
  walk();
  // Spans that call each other in a circle have no root to be reached from.
  for (const span of spans) {
    if (placed.has(span)) continue;
    waiting.push({ span, depth: 0 });
    walk();
  }
  return rows;
}
