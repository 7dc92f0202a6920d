import type { Redaction } from '../pipeline/receipt.ts';
import type { MessageRole, PolicyBudgets, PolicyRules } from './policy.ts';

/** What the treatment of one text needs to know, and where its receipts go. */
export interface TextContext {
  readonly tenant: string;
  readonly rules: PolicyRules;
  readonly budgets: PolicyBudgets;
  /** Key that holds the text, '' if none. */
  readonly key: string;
  /** Path for receipts. Asked for when something is found, so that it need not be put together for what is clean. */
  readonly path: string;
  /** Whose words a message is, when a name beside it says so. */
  readonly role?: MessageRole | undefined;
  /** Values of JSON members of these names stay as they are. */
  readonly keepKeys?: ReadonlySet<string> | undefined;
  /** What a pseudonym that is stable per incident is stable in. */
  scope?(): string | undefined;
  receive(redaction: Redaction): void;
  /** True when the record or the request has used up its time: nothing more is looked into. */
  expired?(text: string): boolean;
  /** Told of a text that was scrubbed whole, and what of it is left: the very same string when there was nothing in it. */
  scrubbed?(text: string, clean: string): void;
}

/** A context that differs from another in what is given, and is told of no scrubbed texts. (A context may be an object of a class, which a spread would empty.) */
export function contextWith(
  context: TextContext,
  other: Partial<Pick<TextContext, 'key' | 'path' | 'role' | 'keepKeys' | 'receive'>>,
): TextContext {
  return {
    tenant: context.tenant,
    rules: context.rules,
    budgets: context.budgets,
    key: other.key ?? context.key,
    path: other.path ?? context.path,
    role: other.role ?? context.role,
    keepKeys: other.keepKeys ?? context.keepKeys,
    scope: () => context.scope?.(),
    receive: other.receive ?? ((redaction) => context.receive(redaction)),
    expired: (text) => context.expired?.(text) === true,
  };
}

/** A context that keeps the receipts to itself until they are handed over: what fails half-way leaves none. */
export class HeldContext implements TextContext {
  readonly #context: TextContext;
  #received: Redaction[] | undefined;

  constructor(context: TextContext) {
    this.#context = context;
  }

  get tenant(): string {
    return this.#context.tenant;
  }

  get rules(): PolicyRules {
    return this.#context.rules;
  }

  get budgets(): PolicyBudgets {
    return this.#context.budgets;
  }

  get key(): string {
    return this.#context.key;
  }

  get path(): string {
    return this.#context.path;
  }

  get role(): MessageRole | undefined {
    return this.#context.role;
  }

  get keepKeys(): ReadonlySet<string> | undefined {
    return this.#context.keepKeys;
  }

  scope(): string | undefined {
    return this.#context.scope?.();
  }

  receive(redaction: Redaction): void {
    (this.#received ??= []).push(redaction);
  }

  scrubbed(text: string, clean: string): void {
    this.#context.scrubbed?.(text, clean);
  }

  handOver(): void {
    for (const each of this.#received ?? []) this.#context.receive(each);
  }
}
