import { ProofFailed } from '../cli/policy/tools.ts';

/** What the Docket under test answered, as bytes: its words are searched, not read. */
export interface Answer {
  readonly ok: boolean;
  readonly status: number;
  readonly headers: Headers;
  readonly body: Buffer;
}

/** Longer than anything under test takes; without a bound a Docket that hangs would hang the proof. */
export const ANSWER_WITHIN_MS = 60_000;

/** Asks the Docket under test. Throws ProofFailed when it does not answer. */
export async function ask(url: string, init: RequestInit = {}): Promise<Answer> {
  try {
    const response = await fetch(url, { ...init, signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
    const { ok, status, headers } = response;
    return { ok, status, headers, body: Buffer.from(await response.arrayBuffer()) };
  } catch (error) {
    const reason = error instanceof Error ? error.name : 'unknown error';
    throw new ProofFailed(`the Docket under test did not answer ${new URL(url).pathname} (${reason})`);
  }
}
