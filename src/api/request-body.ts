import type { Context, MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { matchedRoutes } from 'hono/route';
import { ApiProblem } from './problem.ts';

/** Largest request body, in bytes. */
export const BODY_BYTES_MAX = 1024 * 1024;
/** Deepest nesting of a JSON body; what validates and canonicalises it may recurse. */
const DEPTH_MAX = 64;

export const limitBody: MiddlewareHandler = bodyLimit({
  maxSize: BODY_BYTES_MAX,
  onError: () => {
    throw new ApiProblem(413, 'request.too_large', 'The body is larger than 1 MiB.');
  },
});

/** Lets a request with a body pass only when it is JSON that the stages behind can work on safely. */
export const requireJson: MiddlewareHandler = async (context, next) => {
  const { method } = context.req;
  // Where no route takes the method, that is the better answer than a complaint about the body.
  if (method === 'POST' && matchedRoutes(context).some((route) => route.method === method)) await checkJson(context);
  return next();
};

async function checkJson(context: Context): Promise<void> {
  const type = context.req.header('content-type') ?? '';
  if (!/^application\/([\w.-]+\+)?json *(;|$)/i.test(type)) {
    throw new ApiProblem(415, 'request.unsupported_media_type', 'The body must be application/json.');
  }
  const encoding = context.req.header('content-encoding') ?? 'identity';
  if (encoding.toLowerCase() !== 'identity') {
    throw new ApiProblem(415, 'request.unsupported_encoding', 'The body must not be compressed.');
  }
  let body: unknown;
  try {
    body = JSON.parse(await context.req.text());
  } catch (error) {
    if (error instanceof SyntaxError) throw new ApiProblem(400, 'request.malformed_json', 'The body is not JSON.');
    throw error;
  }
  const reason = unsafeReason(body);
  if (reason !== undefined) throw new ApiProblem(400, 'request.unacceptable_json', reason);
}

/** Walked with a list of its own, so that depth costs no stack. */
function unsafeReason(root: unknown): string | undefined {
  let level: unknown[] = [root];
  for (let depth = 1; level.length > 0; depth++) {
    if (depth > DEPTH_MAX) return `The body is nested deeper than ${DEPTH_MAX} levels.`;
    const below: unknown[] = [];
    for (const value of level) {
      if (typeof value === 'string' && /\p{Surrogate}/u.test(value)) return 'The body has text that is not Unicode.';
      if (typeof value !== 'object' || value === null) continue;
      for (const [key, child] of Object.entries(value)) {
        if (key === '__proto__') return 'The body has a key that is not allowed.';
        if (/\p{Surrogate}/u.test(key)) return 'The body has text that is not Unicode.';
        below.push(child);
      }
    }
    level = below;
  }
  return undefined;
}
