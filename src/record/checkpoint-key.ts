import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { chmod, link, mkdir, open, readFile, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { publicKeyId } from './checkpoint.ts';

/** The key that checkpoints and bundles are signed with. The private half never leaves this object. */
export interface CheckpointKey {
  readonly keyId: string;
  /** SPKI in PEM. */
  readonly publicKey: string;
  /** Ed25519 signature, lower-case hex. */
  sign(bytes: Buffer): string;
}

/** What `GET /api/v1/keys` tells of it. */
export interface PublicKeyDescription {
  readonly keyId: string;
  readonly algorithm: 'Ed25519';
  readonly publicKey: string;
}

/**
 * Loads `<directory>/checkpoint.key` (PKCS #8, PEM), or makes it on the first start, readable by its owner only. It is
 * written whole beside its place and linked into it, so that two processes that start together agree on one key.
 *
 * Throws when the file is there and is no Ed25519 key: a fresh one would disown everything signed so far.
 */
export async function loadCheckpointKey(directory: string): Promise<CheckpointKey> {
  const path = join(directory, 'checkpoint.key');
  await mkdir(directory, { recursive: true, mode: 0o700 });
  let pem = await readExisting(path);
  if (pem === undefined) {
    const { privateKey } = generateKeyPairSync('ed25519');
    await place(directory, path, privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
    pem = await readExisting(path);
  }
  if (pem === undefined) throw new Error(`${path} vanished while it was being read`);
  return checkpointKeyOf(pem, path);
}

function checkpointKeyOf(pem: string, path: string): CheckpointKey {
  let privateKey;
  try {
    privateKey = createPrivateKey(pem);
  } catch {
    // The cause may quote the file.
    throw new Error(`${path} does not hold a private key`);
  }
  if (privateKey.asymmetricKeyType !== 'ed25519') throw new Error(`${path} does not hold an Ed25519 key`);
  const key = privateKey;
  const publicKey = createPublicKey(key);
  return {
    keyId: publicKeyId(publicKey),
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    sign: (bytes) => sign(null, bytes, key).toString('hex'),
  };
}

async function place(directory: string, path: string, text: string): Promise<void> {
  const temporary = join(directory, `.checkpoint.key.${randomBytes(6).toString('hex')}`);
  const file = await open(temporary, 'wx', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  try {
    await link(temporary, path);
    const folder = await open(directory, 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await unlink(temporary);
  }
}

async function readExisting(path: string): Promise<string | undefined> {
  try {
    const { mode } = await stat(path);
    if ((mode & 0o077) !== 0) await chmod(path, 0o600);
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
