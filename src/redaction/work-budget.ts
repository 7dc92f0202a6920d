import { createDeadline, type Deadline } from './detectors/work-deadline.ts';
import type { PolicyBudgets } from './policy.ts';

/** Work between two looks at the clock, in characters; each text counts for some more. */
const WORK_PER_LOOK = 65_536;
const WORK_PER_TEXT = 128;

/** The time that one request and each of its records may take. The clock is looked at once for some work, not for each value. */
export class WorkBudget {
  readonly #budgets: PolicyBudgets;
  #over = false;
  #work = 0;
  #request: Deadline | undefined;
  #record: Deadline | undefined;

  constructor(budgets: PolicyBudgets) {
    this.#budgets = budgets;
  }

  /** A record begins with its own time; it has none when the request has used up its own. */
  beginRecord(): void {
    this.#record = undefined;
    if (this.#over) this.#over = this.#request?.expired() === true;
  }

  /** Counts a text of `length` characters; true when the record or the request is out of time. */
  isOver(length: number): boolean {
    if (this.#over) return true;
    this.#work += length + WORK_PER_TEXT;
    if (this.#work < WORK_PER_LOOK) return false;
    this.#work = 0;
    this.#request ??= createDeadline(this.#budgets.requestMs);
    this.#record ??= createDeadline(this.#budgets.recordMs);
    this.#over = this.#request.expired() || this.#record.expired();
    return this.#over;
  }
}
