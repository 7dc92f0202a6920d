import { Redacted } from './text.tsx';

/**
 * An address outside of Docket. It is somebody's word, so it is shown whole, is a link for http(s) only, and the page it leads to learns
 * nothing of this one.
 */
export function Outside({ address }: { readonly address: unknown }) {
  if (typeof address !== 'string') return null;
  if (!/^https?:\/\//i.test(address)) return <Redacted text={address} />;
  return (
    <a href={address} rel="noopener noreferrer nofollow">
      <Redacted text={address} />
    </a>
  );
}
