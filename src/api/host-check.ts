import type { MiddlewareHandler } from 'hono';
import { ApiProblem } from './problem.ts';

/**
 * Refuses requests whose Host is not this machine. A page on the internet can point its own name at 127.0.0.1 (DNS
 * rebinding) and would otherwise read a Docket that listens without authentication.
 */
export const requireLoopbackHost: MiddlewareHandler = async (context, next) => {
  const host = context.req.header('host') ?? new URL(context.req.url).host;
  if (!/^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?$/i.test(host)) {
    throw new ApiProblem(421, 'request.host_refused', 'This Docket answers only to localhost, 127.0.0.1 and [::1].');
  }
  return next();
};
