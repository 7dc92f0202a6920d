/** A LangGraph agent: a model node, a tool node, and the edge between them. */
import { tool } from '@langchain/core/tools';
import { MessagesAnnotation, StateGraph } from '@langchain/langgraph';
import { ToolNode, toolsCondition } from '@langchain/langgraph/prebuilt';
import { ChatOpenAI } from '@langchain/openai';
import { z } from 'zod';
import { ANSWER, kubectlGet, QUESTION } from './work.mjs';

export async function runLangGraphAgent() {
  const kubectl = tool(async (input) => kubectlGet(input), {
    name: 'kubectl_get',
    description: 'Reads objects of the cluster',
    schema: z.object({ resource: z.string(), namespace: z.string(), authorization: z.string() }),
  });
  const model = new ChatOpenAI({
    model: 'gpt-5',
    apiKey: 'local-model',
    maxRetries: 0,
    configuration: { baseURL: process.env.OPENAI_BASE_URL },
  }).bindTools([kubectl]);
  const graph = new StateGraph(MessagesAnnotation)
    .addNode('agent', async (state) => ({ messages: [await model.invoke(state.messages)] }))
    .addNode('tools', new ToolNode([kubectl]))
    .addEdge('__start__', 'agent')
    .addConditionalEdges('agent', toolsCondition)
    .addEdge('tools', 'agent')
    .compile();
  const { messages } = await graph.invoke(
    { messages: [{ role: 'user', content: QUESTION }] },
    { runName: 'sre-agent', configurable: { thread_id: 'thread-7' }, metadata: { thread_id: 'thread-7' } },
  );
  if (messages.at(-1).content !== ANSWER) throw new Error('the agent has no answer');
}
