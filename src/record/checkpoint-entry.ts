import { z } from 'zod';
import { signedCheckpointSchema } from './checkpoint.ts';
import { acceptWith, entryKind, reject } from './entry-kind.ts';

/**
 * A checkpoint that somebody asked for, kept in the log itself. The ones Docket makes of its own accord lie beside the log:
 * an entry each would move the head under everybody who is about to answer to it.
 */
export const checkpointSign = entryKind({
  type: 'checkpoint.sign',
  summary: 'Has Docket sign the head as it is, and keeps the signature in the log.',
  allowed: ['human', 'service', 'import'],
  schema: z.strictObject({}),
  decide(state, _body, context) {
    const checkpoint = context.seal?.(state.head);
    if (checkpoint !== undefined) return acceptWith([], { checkpoint: { ...checkpoint } });
    return reject(
      'checkpoint.no_key',
      'rule 18: what can be proven',
      'This Docket has no key to sign with.',
      'Run it with a data directory for its keys.',
    );
  },
  apply(state, _body, entry) {
    const note = entry.body['docket'];
    if (typeof note !== 'object' || note === null || !('checkpoint' in note)) return;
    const parsed = signedCheckpointSchema.safeParse(note['checkpoint']);
    if (!parsed.success) return;
    const { seq, hash, keyId, signature, at } = parsed.data;
    state.checkpoint = { seq, hash, keyId, signature, at };
  },
});
