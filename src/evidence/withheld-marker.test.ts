import { expect, test } from 'vitest';
import { createFingerprints } from '../redaction/fingerprint.ts';
import { createMarkers } from '../redaction/marker.ts';
import { contentOf, CONTENT_LENGTH_MAX } from './content.ts';
import { withheldMarker } from './withheld-marker.ts';

const key = Buffer.alloc(32, 7);
const markers = createMarkers(key);
const fingerprint = createFingerprints(key, 'k1').of('default', 'the prompt');

test('the marker redaction writes for a withheld value gives its size and digest', () => {
  expect(withheldMarker(markers.withheld('messages.input', 512, fingerprint))).toEqual({
    kind: 'withheld',
    bytes: 512,
    digest: fingerprint,
  });
  expect(withheldMarker(markers.withheld('messages.input', 512, ''))).toEqual({
    kind: 'withheld',
    bytes: 512,
    digest: null,
  });
});

test('the marker at the end of an excerpt gives the size of the whole', () => {
  expect(withheldMarker(`first lines ${markers.cut(90_000, fingerprint)}`)).toEqual({
    kind: 'cut',
    bytes: 90_000,
    digest: fingerprint,
  });
});

test('text that is no marker, or only holds one, is as it was sent', () => {
  const whole = markers.withheld('messages.input', 512, fingerprint);
  for (const text of ['', ']', '[withheld:x]', `${whole} and more`, `before ${whole}`, markers.redacted('email')]) {
    expect(withheldMarker(text)).toBeUndefined();
  }
});

test('a withheld value is captured without a value', () => {
  expect(contentOf(markers.withheld('messages.input', 512, fingerprint))).toEqual({
    captured: true,
    value: null,
    bytes: 512,
    digest: fingerprint,
  });
});

test('a list of withheld values is withheld as a whole, its bytes added up', () => {
  const one = markers.withheld('messages.input', 500, fingerprint);
  const value = [
    new Map([
      ['role', 'user'],
      ['content', one],
    ]),
    new Map([['content', one]]),
  ];
  expect(contentOf(value)).toEqual({ captured: true, value: null, bytes: 1000, digest: null });
});

test('text beside a withheld value is kept', () => {
  const one = markers.withheld('messages.input', 500, fingerprint);
  const text = 'kubectl get pods -n checkout, please';
  expect(contentOf([one, text]).value).toBe(JSON.stringify([one, text]));
});

test('content longer than its bound is cut, its size is of the whole', () => {
  const content = contentOf('x'.repeat(746_000));
  expect(content.value).toHaveLength(CONTENT_LENGTH_MAX + 1);
  expect(content.bytes).toBe(746_000);
});
