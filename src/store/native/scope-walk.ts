import { WireReader } from '../../otlp/protobuf/reader.ts';
import { readResource, readScope, type Owner } from './envelope.ts';
import type { FrameSlice } from './slice.ts';

/**
 * Calls `visit` for each scope group of an export request with its resource and scope read; the cursor is at the first field
 * of the group, and `visit` reads to its end. All three signals have the same shape: request.1 = resource group, group.2 =
 * scope group, scope group.2 = span, log record or metric.
 */
export function walkScopes(
  bytes: Uint8Array,
  resource: Owner,
  scope: Owner,
  visit: (reader: WireReader) => void,
): void {
  const reader = new WireReader(bytes);
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag !== 0x0a) {
      reader.skip(tag);
      continue;
    }
    const request = reader.enter();
    readResource(reader, resource);
    for (let group = reader.tag(); group !== 0; group = reader.tag()) {
      if (group !== 0x12) {
        reader.skip(group);
        continue;
      }
      const outerGroup = reader.enter();
      readScope(reader, scope);
      visit(reader);
      reader.leave(outerGroup);
    }
    reader.leave(request);
  }
}

/**
 * Calls `visit` for each span or log record of the slice with the cursor at its length, its resource and scope read, and
 * `closeScope` behind those of one scope with their number.
 */
export function walkItems(
  slice: FrameSlice,
  resource: Owner,
  scope: Owner,
  visit: (reader: WireReader) => void,
  closeScope: (count: number) => void,
): void {
  let ordinal = 0;
  walkScopes(slice.frame.bytes, resource, scope, (reader) => {
    let visited = 0;
    for (let item = reader.tag(); item !== 0; item = reader.tag()) {
      if (item !== 0x12) {
        reader.skip(item);
        continue;
      }
      if (ordinal >= slice.from && ordinal < slice.to) {
        visit(reader);
        visited += 1;
      } else reader.skip(item);
      ordinal += 1;
    }
    if (visited > 0) closeScope(visited);
  });
}
