import { scopedGenAi } from '../scoped-gen-ai.ts';

/** Semantic Kernel, .NET and Python. Tools are named `plugin-function`. */
export const semanticKernel = scopedGenAi('semantic-kernel', ({ scope }) =>
  /^(?:Microsoft\.SemanticKernel|semantic_kernel)/.test(scope.name),
);
