import type { KeyInfo } from './attribute-key.ts';
import type { ByteMemo } from './byte-memo.ts';
import type { Scanner } from './detectors/scanner.ts';
import type { Fingerprints } from './fingerprint.ts';
import type { Markers } from './marker.ts';
import type { CompiledPolicy, PolicyRules } from './policy.ts';
import type { KeyMeaning } from './record-context.ts';
import type { ToolAnnotations } from './tool-annotations.ts';
import type { TextRedactor } from './text-redactor.ts';

/** What is remembered between requests, for one set of rules. */
export interface RulesMemory {
  /** Whole attributes in which there was nothing to do. */
  readonly pairs: ByteMemo<true>;
  /** Texts of which the same holds. Apart from the pairs: the bytes of a harmless text may be those of a telling pair. */
  readonly texts: ByteMemo<true>;
  /** Keys that leave as they came. */
  readonly keys: ByteMemo<KeyInfo>;
}

/** The id of the incident that telemetry belongs to: by the refs it names, else by its trace. Undefined when none is known. */
export type IncidentOf = (tenant: string, refs: readonly string[], traceId: string) => string | undefined;

/** What redaction works with under one policy. */
export interface Engine {
  readonly scanner: Scanner;
  readonly markers: Markers;
  readonly fingerprints: Fingerprints;
  readonly text: TextRedactor;
  readonly policy: CompiledPolicy;
  readonly annotations: ToolAnnotations;
  readonly incidentOf: IncidentOf | undefined;
  /** What keys of attributes say about their record. */
  readonly keyMeanings: ByteMemo<KeyMeaning>;
  memoryOf(rules: PolicyRules): RulesMemory;
  onFailure(reason: 'engine_error' | 'budget'): void;
}
