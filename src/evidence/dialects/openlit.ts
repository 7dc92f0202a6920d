import { text } from '../attribute.ts';
import { scopedGenAi } from '../scoped-gen-ai.ts';

/** OpenLIT: content in span events `gen_ai.content.prompt` and `gen_ai.content.completion`. */
export const openLit = scopedGenAi(
  'openlit',
  ({ scope, resource }) =>
    scope.name.startsWith('openlit') || text(resource.attributes, 'telemetry.sdk.name') === 'openlit',
  {
    toolName: ['gen_ai.agent.action.tool'],
    content: { arguments: ['gen_ai.agent.action.tool_input'] },
  },
);
