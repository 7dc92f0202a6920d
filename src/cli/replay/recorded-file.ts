import { readdir, readFile, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { countRecords, readJsonLines, readJsonRequests, type JsonRequest, type ReplaySignal } from './otlp-json.ts';
import { NotOtlp, readProtobufRequest } from './otlp-protobuf.ts';
import { UsageError } from '../exit-code.ts';

/** Largest file read, in bytes: what one JavaScript string holds with room to spare. */
const FILE_BYTES_MAX = 256 * 1024 * 1024;
const FOLDER_DEPTH_MAX = 6;
const FILES_MAX = 10_000;

/** One export request of a file. */
export interface RecordedRequest {
  readonly signal: ReplaySignal;
  /** Spans, log records or metrics. */
  readonly records: number;
  readonly payload:
    | { readonly kind: 'json'; readonly json: JsonRequest }
    | { readonly kind: 'protobuf'; readonly bytes: Uint8Array };
}

export type RecordedFile =
  | {
      readonly kind: 'recorded';
      readonly name: string;
      readonly requests: readonly RecordedRequest[];
      readonly others: number;
    }
  | { readonly kind: 'not_otlp'; readonly name: string; readonly reason: string };

/** A recording on disk: its path, and its name relative to what was asked for. */
export interface RecordingPath {
  readonly path: string;
  readonly name: string;
}

/** The file itself, or every .json, .jsonl and .pb file in the folder and below, by name. */
export async function listRecordings(path: string): Promise<readonly RecordingPath[]> {
  const root = await stat(path).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`${path} cannot be read (${error.code ?? 'unknown error'})`);
  });
  if (!root.isDirectory()) return [{ path, name: path }];
  const found: RecordingPath[] = [];
  async function walk(folder: string, depth: number): Promise<void> {
    const entries = await readdir(folder, { withFileTypes: true });
    for (const entry of entries.sort((left, right) => (left.name < right.name ? -1 : 1))) {
      const child = join(folder, entry.name);
      if (entry.isDirectory() && depth < FOLDER_DEPTH_MAX) await walk(child, depth + 1);
      else if (entry.isFile() && /\.(json|jsonl|pb)$/.test(entry.name)) {
        if (found.length >= FILES_MAX) throw new UsageError(`${path} holds more than ${FILES_MAX} files`);
        found.push({ path: child, name: relative(path, child) });
      }
    }
  }
  await walk(path, 1);
  return found;
}

/** Reads one recording. What it is decides its content; the ending only tells JSON lines and protobuf from JSON. */
export async function readRecording({ path, name }: RecordingPath): Promise<RecordedFile> {
  const { size } = await stat(path);
  if (size > FILE_BYTES_MAX) return { kind: 'not_otlp', name, reason: 'larger than 256 MiB' };
  const bytes = await readFile(path);
  if (path.endsWith('.pb')) return fromProtobuf(name, bytes);
  try {
    const text = bytes.toString('utf8');
    const { requests, others } = path.endsWith('.jsonl') ? readJsonLines(text) : readJsonRequests(text);
    if (requests.length === 0) return { kind: 'not_otlp', name, reason: 'JSON without OTLP export requests' };
    return {
      kind: 'recorded',
      name,
      others,
      requests: requests.map((json) => ({
        signal: json.signal,
        records: countRecords(json),
        payload: { kind: 'json', json },
      })),
    };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    // A protobuf request without the ending it should have.
    const binary = fromProtobuf(name, bytes);
    return binary.kind === 'recorded' ? binary : { kind: 'not_otlp', name, reason: 'neither JSON nor an OTLP request' };
  }
}

function fromProtobuf(name: string, bytes: Uint8Array): RecordedFile {
  try {
    const { signal, records } = readProtobufRequest(bytes);
    return { kind: 'recorded', name, others: 0, requests: [{ signal, records, payload: { kind: 'protobuf', bytes } }] };
  } catch (error) {
    if (!(error instanceof NotOtlp)) throw error;
    return { kind: 'not_otlp', name, reason: 'not an OTLP export request' };
  }
}
