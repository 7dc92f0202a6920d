import { first, hasPrefix, text } from '../attribute.ts';
import { outcomeOf } from '../gen-ai-fields.ts';
import { overlay } from '../overlay.ts';
import { contents, recognised, type Dialect } from '../recognised.ts';
import { openInference } from './openinference.ts';
import { openLlmetry } from './openllmetry.ts';

/** CrewAI, through OpenInference or OpenLLMetry, whose names say what a span is, or by its own telemetry. */
export const crewAi: Dialect = {
  name: 'crewai',
  recognise(record) {
    if (record.signal !== 'traces') return undefined;
    const { attributes, scope } = record;
    if (!/crewai/i.test(scope.name) && !hasPrefix(attributes, 'crewai.')) return undefined;
    const host = openInference.recognise(record) ?? openLlmetry.recognise(record);
    if (host !== undefined) {
      return { ...overlay(host, record, { agentName: ['crewai.agent.role', 'agent_role'] }), dialect: 'crewai' };
    }
    if (record.name === 'crewai.workflow') {
      return recognised('crewai', {
        kind: 'agent_run',
        operation: 'workflow',
        outcome: outcomeOf(record),
        detail: text(attributes, 'crewai.crew.name'),
        content: contents({ output: first(attributes, 'crewai.crew.result') }),
      });
    }
    if (record.name === 'Tool Usage' || record.name === 'Tool Usage Error') {
      return recognised('crewai', {
        kind: 'tool_call',
        operation: 'tool usage',
        tool: { name: text(attributes, 'tool_name'), callId: '', type: null, mcpServer: null, role: 'execute' },
        outcome: record.name === 'Tool Usage' ? outcomeOf(record) : 'error',
      });
    }
    return undefined;
  },
};
