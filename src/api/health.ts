/** One part of the service, as `/readyz` and `docket doctor` show it. */
export interface ComponentHealth {
  /** e.g. `store`, `spool`, `record`, `disk`. */
  readonly name: string;
  readonly ok: boolean;
  /** It works, and still somebody should look at what `detail` says. */
  readonly note?: boolean;
  /** For people; content-free. */
  readonly detail: string;
  /** Numbers behind it, e.g. `lagBytes`, `deadLetters`, `freeBytes`. */
  readonly measures?: Readonly<Record<string, number>>;
}

/** Whether the service can take work. Not ready when any component that intake needs is not. */
export interface HealthReport {
  readonly ready: boolean;
  readonly components: readonly ComponentHealth[];
  /** Where the service keeps its data; told to known callers alone. */
  readonly dataDir?: string;
}
