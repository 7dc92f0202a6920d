import { scopedGenAi } from '../scoped-gen-ai.ts';

/** Microsoft Agent Framework, Python and .NET. Its call ids come as `["run_…","call_…"]`. */
export const msAgentFramework = scopedGenAi(
  'ms-agent-framework',
  ({ scope }) => scope.name.startsWith('agent_framework') || scope.name.startsWith('Experimental.Microsoft.'),
  { conversationId: ['workflow.id'] },
);
