import { GEN_AI } from '../../otlp/semconv/gen-ai.ts';
import { text } from '../attribute.ts';
import { scopedGenAi } from '../scoped-gen-ai.ts';

/** AutoGen core. Its runtime's messaging spans (`autogen send …`) carry no operation and are no rows. */
export const autogen = scopedGenAi(
  'autogen',
  ({ scope, attributes }) => scope.name.startsWith('autogen') || text(attributes, ...GEN_AI.provider) === 'autogen',
);
