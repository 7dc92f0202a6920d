import type { Meter } from '@opentelemetry/api';
import type { ExportRequest } from '../pipeline/consumer.ts';
import type { Frame } from '../pipeline/frame.ts';
import type { RecordReceipt, Redaction } from '../pipeline/receipt.ts';
import { markRedacted } from '../pipeline/redacted.ts';
import type { Logger } from '../telemetry/logger.ts';
import { ByteMemo } from './byte-memo.ts';
import { createScanner, type Scanner } from './detectors/scanner.ts';
import { createFingerprints } from './fingerprint.ts';
import { createRedactionInstruments } from './instruments.ts';
import { createMarkers } from './marker.ts';
import { requestPlan } from './message-plan.ts';
import { metadataOnly } from './metadata-only.ts';
import { knowsTenant, rulesFor, UNKNOWN_TENANT, type CompiledPolicy, type PolicyRules } from './policy.ts';
import type { Engine, IncidentOf, RulesMemory } from './engine.ts';
import { createPseudonyms } from './pseudonym.ts';
import { RequestRedaction } from './request-redaction.ts';
import { createTextRedactor } from './text-redactor.ts';
import { ToolAnnotations } from './tool-annotations.ts';

export interface RedactorOptions {
  readonly policy: CompiledPolicy;
  /** 32 random bytes kept outside the database; see `loadFingerprintKey`. */
  readonly fingerprintKey: Buffer;
  readonly fingerprintKeyId: string;
  readonly scanner?: Scanner;
  /** The incident that what names these refs, or is of this trace, belongs to as far as is known now. */
  readonly incidentOf?: IncidentOf;
  readonly meter: Meter;
  readonly logger: Logger;
}

/** The one place where telemetry and typed text become fit to keep. */
export interface Redactor {
  /** `<policy id>@<12 hex>` of the policy in force. */
  readonly policyVersion: string;
  readonly policy: CompiledPolicy;
  /**
   * Redacts one export request. Never throws: what cannot be looked into is withheld with the reason and its ids, times and
   * numbers are kept. When nothing matched, `bytes` of the frame are the request's own, not a copy.
   */
  redact(request: ExportRequest): Frame;
  /**
   * Redacts text that a person typed, or any other text on its way to storage. `incident` is the id of the one it is
   * typed into, where there is one.
   */
  redactText(
    text: string,
    options?: { readonly tenant?: string; readonly key?: string; readonly incident?: string | undefined },
  ): RedactedText;
  /** Takes effect with the next call; requests under way are not affected. */
  setPolicy(policy: CompiledPolicy): void;
}

export interface RedactedText {
  readonly text: string;
  readonly redactions: readonly Redaction[];
}

export function createRedactor(options: RedactorOptions): Redactor {
  const builtinScanner = options.scanner ?? createScanner();
  const instruments = createRedactionInstruments(options.meter);
  const markers = createMarkers(options.fingerprintKey);
  const annotations = new ToolAnnotations();
  const fingerprints = createFingerprints(options.fingerprintKey, options.fingerprintKeyId);
  const onFailure = (reason: 'engine_error' | 'budget' | typeof UNKNOWN_TENANT): void => {
    instruments.failures.add(1, { reason });
  };

  const engineFor = (policy: CompiledPolicy): Engine => {
    const { ownRules } = policy;
    const pseudonyms = createPseudonyms(policy.pseudonyms, fingerprints, markers);
    const scanner = ownRules.length === 0 ? builtinScanner : createScanner({ extraRules: ownRules });
    const text = createTextRedactor({ scanner, markers, fingerprints, pseudonyms, onFailure });
    const memories = new Map<PolicyRules, RulesMemory>();
    return {
      scanner,
      markers,
      fingerprints,
      text,
      policy,
      annotations,
      incidentOf: options.incidentOf,
      keyMeanings: new ByteMemo('first'),
      memoryOf(rules) {
        let memory = memories.get(rules);
        if (memory === undefined) {
          memory = { pairs: new ByteMemo('second'), texts: new ByteMemo('second'), keys: new ByteMemo('first') };
          memories.set(rules, memory);
        }
        return memory;
      },
      onFailure,
    };
  };
  let engine = engineFor(options.policy);

  /** Once a request for those that are alike: an instrument takes a microsecond a call. */
  const count = (redactions: readonly Redaction[]): void => {
    const alike = new Map<string, { readonly first: Redaction; count: number }>();
    for (const each of redactions) {
      const key = `${each.rule} ${each.class} ${each.action}`;
      const known = alike.get(key);
      if (known === undefined) alike.set(key, { first: each, count: 1 });
      else known.count += 1;
    }
    for (const { first, count: times } of alike.values()) {
      instruments.redactions.add(times, { rule: first.rule, class: first.class, action: first.action });
    }
  };

  /** Last resort: nothing but numbers and ids of the whole request. */
  const withheldRequest = (request: ExportRequest, current: Engine): Omit<Frame, 'tenant' | 'signal' | 'items'> => {
    onFailure('engine_error');
    const original = Buffer.from(request.bytes.buffer, request.bytes.byteOffset, request.bytes.byteLength);
    const fingerprint = fingerprints.of(request.tenant, original);
    const marker = markers.withheld('engine_error', original.length, fingerprint);
    const kept = metadataOnly(requestPlan(request.signal), original, 0, original.length, marker);
    const receipts: RecordReceipt[] = [
      {
        item: 0,
        traceId: '',
        spanId: '',
        redactions: [
          {
            path: '',
            class: 'content.unscanned',
            rule: 'engine_error',
            ruleVersion: 1,
            action: 'withhold',
            encodings: [],
            originalBytes: original.length,
            fingerprint,
          },
        ],
      },
    ];
    return {
      receivedAtUnixNano: request.receivedAtUnixNano,
      policyVersion: current.policy.version,
      receipts,
      facts: [],
      bytes: markRedacted<Uint8Array>(kept),
    };
  };

  return {
    get policyVersion() {
      return engine.policy.version;
    },
    get policy() {
      return engine.policy;
    },
    redact(request) {
      const current = engine;
      const { tenant, signal, items, receivedAtUnixNano } = request;
      instruments.requests.add(1, { signal });
      instruments.bytes.add(request.bytes.length, { signal });
      if (!knowsTenant(current.policy, tenant)) onFailure(UNKNOWN_TENANT);
      try {
        const bytes = Buffer.from(request.bytes.buffer, request.bytes.byteOffset, request.bytes.byteLength);
        const outcome = new RequestRedaction(current, bytes, tenant).run(requestPlan(signal));
        if (outcome.bounded > 0) instruments.bounded.add(outcome.bounded, { bound: 'requested_calls' });
        count(outcome.receipts.flatMap((receipt) => receipt.redactions));
        return {
          tenant,
          signal,
          receivedAtUnixNano,
          policyVersion: current.policy.version,
          items,
          receipts: outcome.receipts,
          facts: outcome.facts,
          bytes: markRedacted(outcome.bytes === bytes ? request.bytes : outcome.bytes),
        };
      } catch {
        // The error may quote what it failed on: it is counted and named, never logged.
        options.logger.error({ signal, bytes: request.bytes.length }, 'redaction failed; the request is withheld');
        const withheld = withheldRequest(request, current);
        return { tenant, signal, items: withheld.bytes.length === 0 ? 0 : items, ...withheld };
      }
    },
    redactText(typed, { tenant = 'default', key = '', incident } = {}) {
      const redactions: Redaction[] = [];
      const clean = engine.text.scrub(typed, {
        tenant,
        rules: rulesFor(engine.policy, tenant, ''),
        budgets: engine.policy.budgets,
        key,
        path: 'text',
        scope: () => (incident === undefined ? undefined : `incident ${incident}`),
        receive: (redaction) => void redactions.push(redaction),
      });
      count(redactions);
      return { text: engine.policy.mode === 'observe' ? typed : clean, redactions };
    },
    setPolicy(policy) {
      if (policy.version === engine.policy.version) return;
      engine = engineFor(policy);
      options.logger.info({ policyVersion: policy.version, mode: policy.mode }, 'redaction policy in force');
    },
  };
}
