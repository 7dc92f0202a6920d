/** The OTLP signals Docket takes. Profiles are answered UNIMPLEMENTED / 404 (docs/spec/otlp-conformance.md, R48). */
export type Signal = 'traces' | 'logs' | 'metrics';

export const SIGNALS: readonly Signal[] = ['traces', 'logs', 'metrics'];
