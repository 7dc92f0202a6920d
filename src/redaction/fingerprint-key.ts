import { createHash, randomBytes } from 'node:crypto';
import { chmod, link, mkdir, open, readFile, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';

const KEY_BYTES = 32;

export interface FingerprintKey {
  readonly key: Buffer;
  /** First six hex digits of the key's SHA-256, after `k`: tells keys apart without saying anything about them. */
  readonly keyId: string;
}

/**
 * Loads `<directory>/fingerprint.key`, or makes it on the first start: 32 random bytes, readable by its owner only. The file is
 * written whole beside its place and linked into it, so that two processes that start together agree on one key.
 *
 * Throws when the file is there but is not such a key, or when others could read it and that cannot be put right: a
 * fresh key would silently break every fingerprint in the database.
 */
export async function loadFingerprintKey(directory: string): Promise<FingerprintKey> {
  const path = join(directory, 'fingerprint.key');
  await mkdir(directory, { recursive: true, mode: 0o700 });
  let key = await readExisting(path);
  if (key === undefined) {
    const temporary = join(directory, `.fingerprint.key.${randomBytes(6).toString('hex')}`);
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(randomBytes(KEY_BYTES));
      await file.datasync();
    } finally {
      await file.close();
    }
    try {
      await link(temporary, path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    } finally {
      await unlink(temporary);
    }
    key = await readExisting(path);
  }
  if (key === undefined) throw new Error(`${path} vanished while it was being read`);
  if (key.length !== KEY_BYTES) throw new Error(`${path} holds ${key.length} bytes, not a key of ${KEY_BYTES}`);
  return { key, keyId: `k${createHash('sha256').update(key).digest('hex').slice(0, 6)}` };
}

async function readExisting(path: string): Promise<Buffer | undefined> {
  try {
    const { mode } = await stat(path);
    if ((mode & 0o077) !== 0) await chmod(path, 0o600);
    return await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
