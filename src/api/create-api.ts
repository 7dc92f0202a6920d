import { randomUUID } from 'node:crypto';
import { OpenAPIHono } from '@hono/zod-openapi';
import type { MiddlewareHandler } from 'hono';
import { methodNotAllowed } from 'hono/method-not-allowed';
import { routePath } from 'hono/route';
import { secureHeaders } from 'hono/secure-headers';
import type { Logger } from '../telemetry/logger.ts';
import { createAccessAudit } from './access-audit.ts';
import type { ApiApp, ApiEnv, ApiOptions } from './api-context.ts';
import { DOCS_STYLE } from './docs-page.tsx';
import { requireLoopbackHost } from './host-check.ts';
import { createApiInstruments, type ApiInstruments } from './instruments.ts';
import { ApiProblem, problemResponse, type FieldError } from './problem.ts';
import { limitBody, requireJson } from './request-body.ts';
import { registerBundleRoutes } from './routes/bundle.ts';
import { registerAlertRoutes } from './routes/alerts.ts';
import { registerCatalogueRoutes } from './routes/catalogue.ts';
import { registerEntryRoutes } from './routes/entries.ts';
import { registerEvidenceRoutes } from './routes/evidence.ts';
import { registerIncidentRoutes } from './routes/incidents.ts';
import { registerMeasureRoutes } from './routes/measures.ts';
import { registerPolicyApplicationRoutes } from './routes/policy-applications.ts';
import { registerReceiptRoutes } from './routes/policy-receipts.ts';
import { registerReviewRoutes } from './routes/review.ts';
import { registerServiceRoutes } from './routes/service.ts';
import { registerSimilarRoutes } from './routes/similar.ts';
import { registerStreamRoute } from './routes/stream.ts';
import { registerTraceRoutes } from './routes/traces.ts';

/** Reached without a token: what load balancers ask, and what describes the API. */
const PUBLIC_PATHS: ReadonlySet<string> = new Set([
  '/healthz',
  '/readyz',
  '/openapi.json',
  '/docs',
  '/docs.css',
  '/docket.css',
  '/docket.svg',
]);

/**
 * The HTTP API under `/api/v1`, with health, metrics and its own description. The page is mounted into the same app
 * (`app.route('/', createPages(…))`), so that it stands behind the same checks.
 */
export function createApi(options: ApiOptions): ApiApp {
  const instruments = createApiInstruments(options.meter);
  const app: ApiApp = new OpenAPIHono<ApiEnv>({
    defaultHook: (result) => {
      if (result.success) return;
      const errors = result.error.issues.flatMap((issue) =>
        fieldErrors(PLACES.get(result.target) ?? result.target, issue),
      );
      throw new ApiProblem(
        result.target === 'json' ? 422 : 400,
        'request.invalid',
        `The request is not valid: ${errors.length === 1 ? 'one field is' : `${errors.length} fields are`} wrong.`,
        { errors },
      );
    },
  });

  app.use('*', measure(instruments));
  app.use(
    '*',
    secureHeaders({
      contentSecurityPolicy: {
        defaultSrc: ["'none'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'"],
        formAction: ["'self'"],
        frameAncestors: ["'none'"],
        baseUri: ["'none'"],
      },
      xFrameOptions: 'DENY',
      referrerPolicy: 'no-referrer',
      // The service itself speaks plain HTTP; whoever terminates TLS in front of it decides about HSTS.
      strictTransportSecurity: false,
    }),
  );
  app.use('*', async (context, next) => {
    await next();
    // Records are nobody else's to keep: no shared cache, and a fresh look before each reuse.
    if (!context.res.headers.has('cache-control')) context.header('cache-control', 'private, no-cache');
  });
  app.use(
    '*',
    methodNotAllowed({ app, onMethodNotAllowed: (_context, allowed) => problemResponse(wrongMethod(allowed)) }),
  );
  if (options.loopbackOnly) app.use('*', requireLoopbackHost);
  app.use('*', authenticate(options));
  app.use('*', requireStore(options));
  app.use('*', limitBody);
  app.use('/api/*', refuseCrossSite, requireJson);

  registerIncidentRoutes(app, options);
  registerEntryRoutes(app, options);
  registerStreamRoute(app, options, instruments);
  registerEvidenceRoutes(app, options);
  registerTraceRoutes(app, options);
  if (options.webhooks !== undefined) registerAlertRoutes(app, options.webhooks);
  if (options.catalogue !== undefined) registerCatalogueRoutes(app, options.catalogue);
  if (options.bundles) registerBundleRoutes(app, options.bundles);
  registerReceiptRoutes(app, options);
  if (options.policyApplications) registerPolicyApplicationRoutes(app, options.policyApplications);
  if (options.memory) registerSimilarRoutes(app, options.memory);
  registerMeasureRoutes(app, options);
  registerReviewRoutes(app, options);
  registerServiceRoutes(app, options);
  app.get('/docs.css', (context) => context.body(DOCS_STYLE, 200, { 'content-type': 'text/css; charset=utf-8' }));

  app.notFound(() => problemResponse(new ApiProblem(404, 'request.unknown_route', 'There is nothing at this path.')));
  app.onError((error) => {
    if (error instanceof ApiProblem) return problemResponse(error);
    const away = options.isStoreAway?.(error) === true;
    return problemResponse(away ? storeUnavailable() : internalError(error, options.logger));
  });
  return app;
}

const PLACES: ReadonlyMap<string, string> = new Map([
  ['json', 'body'],
  ['query', 'query'],
  ['param', 'path'],
  ['header', 'headers'],
]);

interface Issue {
  readonly code?: string | undefined;
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly keys?: readonly string[];
}

/** A field's name, perhaps with a slip: all else, such as what was pasted in the wrong place, is not said again. */
const MISSPELT = /^[a-z][a-zA-Z_]{0,29}$/;

function fieldErrors(place: string, issue: Issue): FieldError[] {
  const path = issue.path.reduce<string>(
    (text, key) => (typeof key === 'number' ? `${text}[${key}]` : `${text}.${String(key)}`),
    place,
  );
  if (issue.code === 'unrecognized_keys' && issue.keys) {
    return issue.keys.map((key) => ({ path: `${path}.${MISSPELT.test(key) ? key : '?'}`, message: 'is not known' }));
  }
  return [{ path, message: issue.message }];
}

function authenticate(options: ApiOptions): MiddlewareHandler<ApiEnv> {
  const accessesOf = createAccessAudit(options);
  return async (context, next) => {
    if (PUBLIC_PATHS.has(context.req.path)) return next();
    const caller = options.identify(context.req.raw);
    if (!caller) {
      // Browsers ask for a password on Basic only; programs read Bearer.
      throw new ApiProblem(
        401,
        'auth.required',
        'A token is needed, and the one given (if any) is not known.',
        {},
        {
          'www-authenticate': 'Bearer realm="Docket", Basic realm="Docket", charset="UTF-8"',
        },
      );
    }
    context.set('caller', caller);
    context.set('accesses', accessesOf(caller));
    return next();
  };
}

/** Told apart from what is broken: the caller's request is fine and will do later. */
function requireStore({ available }: ApiOptions): MiddlewareHandler<ApiEnv> {
  return async (context, next) => {
    const { path } = context.req;
    if (available === undefined || available() || PUBLIC_PATHS.has(path) || path === '/metrics') return next();
    throw storeUnavailable();
  };
}

function storeUnavailable(): ApiProblem {
  return new ApiProblem(
    503,
    'store.unavailable',
    'ClickHouse does not answer now. Telemetry is taken and kept meanwhile; ask again later.',
    {},
    { 'retry-after': '5' },
  );
}

/** A browser says where a request comes from: another site's page must not act here with the reader's credentials. */
const refuseCrossSite: MiddlewareHandler = async (context, next) => {
  const site = context.req.header('sec-fetch-site');
  if (site !== undefined && site !== 'same-origin' && site !== 'none') {
    throw new ApiProblem(403, 'request.cross_site', 'Requests from other sites are refused.');
  }
  return next();
};

function measure(instruments: ApiInstruments): MiddlewareHandler {
  return async (context, next) => {
    const started = performance.now();
    await next();
    const labels = {
      route: context.res.status === 404 && context.error === undefined ? 'unknown' : routePath(context, -1),
      method: KNOWN_METHODS.has(context.req.method) ? context.req.method : 'other',
      status: context.res.status,
    };
    instruments.requests.add(1, labels);
    instruments.duration.record((performance.now() - started) / 1_000, { route: labels.route, method: labels.method });
  };
}

const KNOWN_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

function wrongMethod(allowed: readonly string[]): ApiProblem {
  const allow = allowed.join(', ');
  return new ApiProblem(405, 'request.method_not_allowed', `This path takes ${allow}.`, {}, { allow });
}

/** What the caller learns is an id; what the log learns is where, never with the error's words, which may quote content. */
function internalError(error: Error, logger: Logger): ApiProblem {
  const instance = `urn:uuid:${randomUUID()}`;
  const frames = (error.stack ?? '')
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .slice(0, 8)
    .map((line) => line.trim());
  logger.error({ instance, error: error.name, frames }, 'a request failed');
  return new ApiProblem(500, 'internal', 'Something went wrong here. The id in instance finds it in the log.', {
    instance,
  });
}
