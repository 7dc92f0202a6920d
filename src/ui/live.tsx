import { Time } from './text.tsx';

/** Seconds between two loads of a page that keeps itself up to date. */
export const LIVE_SECONDS = 30;

export interface LiveView {
  readonly on: boolean;
  /** The same page without, and with, keeping itself up to date. */
  readonly off: string;
  readonly again: string;
}

/** `?live=on` keeps a page up to date without a script: the browser loads it again, which keeps where the reader was. */
export function liveViewOf(url: string): LiveView {
  const { pathname, searchParams } = new URL(url);
  const on = searchParams.get('live') === 'on';
  searchParams.delete('live');
  const off = searchParams.size === 0 ? pathname : `${pathname}?${searchParams.toString()}`;
  searchParams.set('live', 'on');
  return { on, off, again: `${pathname}?${searchParams.toString()}` };
}

export interface AsOfProps {
  readonly nowMs: number;
  /** Entry the record stands at. */
  readonly seq?: number;
  readonly live: LiveView;
}

/** As of when a page is, and whether it stays so. */
export function AsOf({ nowMs, seq, live }: AsOfProps) {
  return (
    <p class="quiet">
      As of <Time at={new Date(nowMs).toISOString()} />
      {seq === undefined ? '' : `, entry ${seq}`}.{' '}
      {live.on ? (
        <>
          Loaded again every {LIVE_SECONDS} s. <a href={live.off}>Stop</a>
        </>
      ) : (
        <>
          Reload the page for what came since, or <a href={live.again}>keep it up to date</a>.
        </>
      )}
    </p>
  );
}
