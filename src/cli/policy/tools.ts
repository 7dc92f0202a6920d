/**
 * What the policy commands need of the engine. Given by the process, for the command line itself knows neither redaction nor
 * the service: it prints.
 */
export interface PolicyTools {
  /** Reads a policy file, or the built-in policy when `file` is undefined. Never throws for what the file holds. */
  check(file: string | undefined): PolicyVerdict;
  /** Redacts one OTLP/JSON export request under the policy and says what changed. Throws SampleError for no such request. */
  preview(file: string | undefined, request: SampleRequest): readonly SampleChange[];
  /** Plants canaries in a temporary Docket under the policy and looks for them everywhere. */
  prove(options: ProveOptions): Promise<Proof>;
}

export interface PolicyProblemLine {
  /** `file:line`. */
  readonly at: string;
  readonly message: string;
}

export type PolicyVerdict =
  | { readonly kind: 'unreadable' | 'invalid'; readonly problems: readonly PolicyProblemLine[] }
  | ({ readonly kind: 'valid' } & PolicySummary);

export interface PolicySummary {
  readonly version: string;
  /** SHA-256 hex over the policy's content. */
  readonly hash: string;
  readonly preset: string;
  readonly mode: 'enforce' | 'observe';
  readonly packs: readonly { readonly name: string; readonly rules: number }[];
  readonly budgets: { readonly valueBytes: number; readonly decodeDepth: number };
  readonly classes: readonly ClassTreatment[];
  /** What is done with findings, where it is not the default `redact`. */
  readonly findings: readonly { readonly name: string; readonly action: string }[];
  readonly allowRules: number;
  readonly overrides: number;
}

export interface ClassTreatment {
  readonly class: string;
  /** A key of that class. */
  readonly example: string;
  readonly action: string;
}

export interface SampleRequest {
  readonly signal: 'traces' | 'logs' | 'metrics';
  /** An export request in OTLP/JSON. */
  readonly json: string;
}

/** One place that is not as it was. */
export interface SampleChange {
  readonly path: string;
  /** Undefined for what the policy adds. */
  readonly before: string | undefined;
  /** Undefined for what the policy drops. */
  readonly after: string | undefined;
}

/** What was given as a sample is no OTLP export request. Its message quotes nothing of it. */
export class SampleError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'SampleError';
  }
}

/** The proof could not be carried through, so that it shows nothing. */
export class ProofFailed extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ProofFailed';
  }
}

export interface ProveOptions {
  readonly file: string | undefined;
  /** Parent of the temporary data directory; the system's own when undefined. */
  readonly dataDirectory: string | undefined;
  readonly progress: (step: string) => void;
}

/** `clean`: gone, and what stood beside it is there. `withheld`: gone with all around it, as the policy says. `over`: gone with more
 * than the policy says. `leak`: found somewhere. */
export type CellVerdict = 'clean' | 'withheld' | 'over' | 'leak';

export interface ProofRow {
  readonly position: string;
  /** By column. */
  readonly verdicts: readonly (CellVerdict | undefined)[];
}

export interface SinkReport {
  readonly sink: string;
  readonly bytes: number;
  /** True when text that no policy takes out was found there: the search does see this place. */
  readonly seen: boolean;
  /** Whether text that stays must be there. */
  readonly expectsControl: boolean;
  readonly leaks: number;
}

export interface ProofLeak {
  readonly sink: string;
  readonly position: string;
  readonly carrier: string;
  /** The form it was found in, such as `plain` or `base64`. */
  readonly form: string;
}

export interface Proof {
  readonly policyVersion: string;
  readonly mode: 'enforce' | 'observe';
  readonly columns: readonly string[];
  readonly rows: readonly ProofRow[];
  readonly sinks: readonly SinkReport[];
  readonly leaks: readonly ProofLeak[];
  readonly canaries: number;
  readonly seconds: number;
}
