import { describe } from 'vitest';

/** MUST, SHOULD and MAY are the specification's; `industry` is what others do where it says nothing. */
export type Level = 'MUST' | 'SHOULD' | 'MAY' | 'industry';

export interface Requirement {
  readonly number: number;
  /** What is required, as a statement that a test can hold or break. */
  readonly sentence: string;
  readonly level: Level;
  /** What Docket does. */
  readonly docket: string;
  /** What the OpenTelemetry Collector does, where known: 0.161.0 asked by hand, or the source of 0.159.0 read. */
  readonly collector?: string;
}

const registered: { readonly requirement: Requirement; readonly suite: string }[] = [];

/** The tests of one requirement, in a suite named by its number and sentence. */
export function requirement(about: Requirement, tests: () => void): void {
  const suite = `R${about.number} ${about.sentence}`;
  registered.push({ requirement: about, suite });
  describe(suite, tests);
}

export const requirements = (): readonly Requirement[] => registered.map((each) => each.requirement);

export interface Outcome {
  readonly passed: number;
  readonly failed: number;
}

/** The conformance document as a run found it. `outcomes` are keyed by the suites' names. */
export function renderDocument(outcomes: ReadonlyMap<string, Outcome>): string {
  let met = 0;
  const rows = registered
    .toSorted((a, b) => a.requirement.number - b.requirement.number)
    .map(({ requirement: each, suite }) => {
      const { passed, failed } = outcomes.get(suite) ?? { passed: 0, failed: 0 };
      const isMet = failed === 0 && passed > 0;
      if (isMet) met += 1;
      const result = isMet ? `yes (${passed})` : '**failed**';
      return `| R${each.number} | ${each.level} | ${each.sentence} | ${result} | ${each.docket} | ${each.collector ?? ''} |`;
    });
  return `# OTLP conformance

What Docket's receiver does with the OpenTelemetry Protocol 1.11.0. This page is written by the tests in \`test/conformance/\`, which
speak to a real receiver over real sockets; a run whose result differs from this page fails. To write it anew:
\`npx vitest run test/conformance/otlp.test.ts -u\`.

**Result** counts the tests behind each line. **Collector** is the OpenTelemetry Collector's otlp receiver where its
behaviour is known, for comparison: as 0.161.0 answered such requests, or as the source of 0.159.0 says.

${registered.length} requirements: ${met} met, ${registered.length - met} failed.

| | level | requirement | result | Docket | Collector |
|---|---|---|---|---|---|
${rows.join('\n')}

## Choices where the specification leaves room

- **Nesting.** AnyValue at most 47 levels, of arrays and of lists of pairs, refused as malformed beyond that, in JSON and protobuf alike.
- **The request of another signal.** In JSON it is recognised by its field name and refused with 400, although by the letter its
  one field is merely unknown: an answer of success would lose the data silently. Protobuf does not name its fields; spans
  sent as logs, logs as spans, spans or logs as metrics fail on the first field whose wire type differs and are refused with 400.
  Metrics sent as traces may pass for spans when nothing in them contradicts; those have no valid ids and are rejected and counted.
- **Tolerated forms.** Ids, bytes and 64-bit integers are also understood as JavaScript senders serialise protobufjs objects
  (\`{"data":[…]}\`, \`{"low":…,"high":…}\`).
- **Expansion.** A JSON body within the limit whose protobuf would be larger than the limit is refused with 413 as well.
- **UTF-8.** Text is not validated on the way in; readers replace invalid sequences by U+FFFD.
- **Not answered in time.** A request whose body does not arrive within its deadline (60 s, or its \`grpc-timeout\`) is UNAVAILABLE with RetryInfo
  over gRPC and 503 with Retry-After over HTTP, because the same request may arrive in time when it is sent again.
`;
}
