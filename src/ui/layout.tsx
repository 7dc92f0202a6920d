import type { Child } from 'hono/jsx';
import { html } from 'hono/html';

interface PageProps {
  readonly title: string;
  readonly version: string;
  /** Something every reader must know, such as that nothing is redacted. */
  readonly notice: string | undefined;
  readonly children?: Child;
}

function Page({ title, version, notice, children }: PageProps) {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>{`${title} · Docket`}</title>
        <link rel="stylesheet" href="/docket.css" />
        <link rel="icon" href="/docket.svg" type="image/svg+xml" />
      </head>
      <body>
        <a class="skip" href="#content">
          Skip to content
        </a>
        <header>
          <nav aria-label="Docket">
            <a href="/">Docket</a>
            <a href="/unfiled">Unfiled evidence</a>
            <a href="/measures">Measures</a>
            <a href="/docs">API</a>
          </nav>
        </header>
        {notice === undefined ? null : (
          <p class="notice warn" role="status">
            {notice}
          </p>
        )}
        <main id="content">{children}</main>
        <footer>
          Docket {version}. Text from telemetry and tools is shown as it came, redacted, and proves nothing by itself.
        </footer>
      </body>
    </html>
  );
}

/** A whole document. Everything in it is escaped by the JSX renderer; nothing is inserted raw. */
export function document(title: string, version: string, content: Child, notice?: string) {
  return html`<!doctype html>${(
      <Page title={title} version={version} notice={notice}>
        {content}
      </Page>
    )}`;
}

export const ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect x="2" y="1" width="12" height="14" rx="2" fill="#0b4a9e"/><path d="M5 5h6M5 8h6M5 11h4" stroke="#fff" stroke-width="1.5"/></svg>`;
