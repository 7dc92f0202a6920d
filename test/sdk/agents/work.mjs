/** The one piece of work that every agent of this folder does: one question, one call of one tool, one answer. */

/** A credential that a person, the model and the tool all let slip; it must be nowhere in Docket. */
export const SECRET = process.env.PLANTED_SECRET ?? '';

export const QUESTION = `Why does checkout fail? Use my token ${SECRET} where you must.`;

/** What the model asks for. */
export const ARGUMENTS = { resource: 'pods', namespace: 'shop', authorization: `Bearer ${SECRET}` };

export const ANSWER = 'The cart pod restarts again and again.';

/** The tool: its result holds a credential too, as `kubectl` output does. */
export function kubectlGet({ resource, namespace }) {
  return `${resource} in ${namespace}: cart-7f CrashLoopBackOff; env DATABASE_PASSWORD=${SECRET}`;
}
