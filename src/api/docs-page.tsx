import type { OpenAPIHono } from '@hono/zod-openapi';

type OpenApiDocument = ReturnType<OpenAPIHono['getOpenAPI31Document']>;

/** The page at `/docs`: every route of the OpenAPI document, readable without a script and without the network. */
export function docsPage(document: OpenApiDocument) {
  const paths = Object.entries(document.paths ?? {});
  const schemas = Object.entries(document.components?.schemas ?? {});
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>{`${document.info.title} API`}</title>
        <link rel="stylesheet" href="/docs.css" />
      </head>
      <body>
        <header>
          <h1>{`${document.info.title} API`}</h1>
          <p>{document.info.description}</p>
          <p>
            Version {document.info.version}. For programs: <a href="/openapi.json">/openapi.json</a>.{' '}
            <a href="/">All incidents</a>
          </p>
        </header>
        <main>
          <h2>Routes</h2>
          {paths.flatMap(([path, operations]) =>
            Object.entries(operations).map(([method, operation]) => (
              <Operation method={method} path={path} operation={operation} />
            )),
          )}
          <h2>Shapes</h2>
          {schemas.map(([name, schema]) => (
            <details id={`schema-${name}`}>
              <summary>{name}</summary>
              <pre tabindex={0}>{JSON.stringify(schema, null, 2)}</pre>
            </details>
          ))}
        </main>
      </body>
    </html>
  );
}

interface OperationProps {
  readonly method: string;
  readonly path: string;
  readonly operation: unknown;
}

interface DocumentedOperation {
  readonly summary?: string;
  readonly description?: string;
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly required?: boolean;
    readonly description?: string;
    readonly schema?: unknown;
  }[];
  readonly requestBody?: { readonly content?: Record<string, { readonly schema?: unknown }> };
  readonly responses?: Record<string, { readonly description: string; readonly content?: Record<string, unknown> }>;
}

function Operation({ method, path, operation }: OperationProps) {
  const { summary, description, parameters = [], requestBody, responses = {} } = operation as DocumentedOperation;
  const id = `${method}-${path.replace(/[^A-Za-z0-9]+/g, '-')}`;
  return (
    <section aria-labelledby={id}>
      <h3 id={id}>
        <code>
          {method.toUpperCase()} {path}
        </code>
      </h3>
      <p>{summary}</p>
      {description ? <p>{description}</p> : null}
      {parameters.length > 0 ? (
        <table>
          <caption>Parameters</caption>
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col">In</th>
              <th scope="col">Shape</th>
            </tr>
          </thead>
          <tbody>
            {parameters.map((parameter) => (
              <tr>
                <th scope="row">
                  <code>{parameter.name}</code>
                  {parameter.required ? ' (required)' : ''}
                </th>
                <td>{parameter.in}</td>
                <td>
                  {parameter.description ? `${parameter.description}. ` : ''}
                  <code>{JSON.stringify(parameter.schema)}</code>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      ) : null}
      {Object.entries(requestBody?.content ?? {}).map(([type, { schema }]) => (
        <p>
          Body, <code>{type}</code>: <Shape schema={schema} />
        </p>
      ))}
      <ul>
        {Object.entries(responses).map(([status, response]) => (
          <li>
            <strong>{status}</strong> {response.description}
            {Object.keys(response.content ?? {}).length > 0
              ? ` (${Object.keys(response.content ?? {}).join(', ')})`
              : ''}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Shape({ schema }: { readonly schema: unknown }) {
  const reference = typeof schema === 'object' && schema !== null && '$ref' in schema ? String(schema.$ref) : '';
  const name = reference.split('/').at(-1);
  return name ? <a href={`#schema-${name}`}>{name}</a> : <code>{JSON.stringify(schema)}</code>;
}

export const DOCS_STYLE = `:root{color-scheme:light dark}
body{background:light-dark(#fff,#101318);color:light-dark(#14181f,#eef1f5);font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:0 auto;padding:1rem;overflow-wrap:anywhere}
section{border-top:1px solid #8886;margin-top:1.5rem}
table{border-collapse:collapse;width:100%}
caption{text-align:left;font-weight:600}
th,td{text-align:left;vertical-align:top;padding:.25rem .5rem .25rem 0;border-top:1px solid #8884}
thead th,tbody th,td:nth-child(2){overflow-wrap:normal;white-space:nowrap}
pre{overflow:auto;padding:.75rem;border:1px solid #8886;border-radius:.25rem}
code,pre{font:14px/1.4 ui-monospace,monospace}
summary{cursor:pointer;padding:.25rem 0}
a{color:light-dark(#0b4a9e,#a9cdff)}
`;
