import { createHash, randomBytes } from 'node:crypto';
import { existsSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { isMap, isSeq, parseDocument, type Document } from 'yaml';
import { errorCode, readYamlFile, type ConfigProblem } from '../config/yaml-file.ts';
import { readTokenFile, type ApiToken } from '../config/token-file.ts';
import { UsageError } from './exit-code.ts';

export interface NewToken {
  readonly name: string;
  readonly kind: ApiToken['kind'];
  readonly tenant: string;
  readonly id: string | undefined;
}

/** The tokens of a token file, and how they come into it and out of it. Other lines of the file stay as they are. */
export interface TokenList {
  readonly tokens: readonly ApiToken[];
  /** Writes the hash of a new random token; answers the token, which is kept nowhere. */
  create(wanted: NewToken): string;
  /** Takes out the one token that `which` means: its name, its name and tenant as `tenant/name`, or the beginning of its hash. */
  revoke(which: string): ApiToken;
}

/** Digits of a hash that name a token. */
export const HASH_SHOWN = 12;
const EMPTY =
  '# Who each token stands for. The tokens themselves are kept nowhere: only their SHA-256.\nversion: 1\ntokens: []\n';

/** Opens a token file; one that is not there yet is empty. Throws UsageError for one that cannot be used. */
export function openTokenList(path: string): TokenList {
  const document = existsSync(path) ? documentOf(path) : parseDocument(EMPTY);
  const list = document.get('tokens', true);
  if (!isSeq(list)) throw new UsageError(`${path}: has no list of tokens`);
  const tokens = list.items.length === 0 ? [] : validTokens(path);

  return {
    tokens,
    create({ name, kind, tenant, id }) {
      if (tokens.some((each) => each.name === name && each.tenant === tenant && each.id === (id ?? null))) {
        throw new UsageError(`${name} of ${tenant} has a token already: revoke it first, or tell them apart with --id`);
      }
      const token = `dkt_${randomBytes(32).toString('base64url')}`;
      const sha256 = createHash('sha256').update(token).digest('hex');
      list.flow = false;
      list.add(document.createNode({ name, kind, tenant, ...(id === undefined ? {} : { id }), sha256 }));
      replace(path, document);
      return token;
    },
    revoke(which) {
      const meant = tokens.filter(
        (each) =>
          each.name === which ||
          `${each.tenant}/${each.name}` === which ||
          (/^[0-9a-f]{8,64}$/.test(which) && each.sha256.startsWith(which)),
      );
      const [token] = meant;
      if (token === undefined) throw new UsageError(`no token is called ${which}: docket token list shows them`);
      if (meant.length > 1) {
        const hashes = meant.map((each) => `${each.sha256.slice(0, HASH_SHOWN)} (${each.tenant}/${each.name})`);
        throw new UsageError(`${which} means several tokens: say which by its hash, ${hashes.join(' or ')}`);
      }
      if (tokens.length === 1) {
        throw new UsageError('it is the only token, and the service does not start without one: create another first');
      }
      const at = list.items.findIndex((item) => isMap(item) && item.get('sha256') === token.sha256);
      list.items.splice(at, 1);
      replace(path, document);
      return token;
    },
  };
}

function documentOf(path: string): Document.Parsed {
  const file = readYamlFile(path, path);
  if ('document' in file) return file.document;
  throw unusable(file);
}

function validTokens(path: string): readonly ApiToken[] {
  const read = readTokenFile(path, path);
  if ('tokens' in read) return read.tokens;
  throw unusable(read.problems);
}

function unusable(problems: readonly ConfigProblem[]): UsageError {
  return new UsageError(problems.map(({ where, message }) => `${where}: ${message}`).join('\n'));
}

/** Whole or not at all: a service that starts meanwhile reads one of the two. What comes out must be a token file. */
function replace(path: string, document: Document): void {
  const next = `${path}.${process.pid}.new`;
  try {
    const mode = existsSync(path) ? statSync(path).mode & 0o777 : 0o600;
    writeFileSync(next, document.toString({ lineWidth: 0 }), { mode, flag: 'wx' });
    validTokens(next);
    renameSync(next, path);
  } catch (error) {
    rmSync(next, { force: true });
    if (error instanceof UsageError) throw new UsageError(error.message.replaceAll(next, path));
    throw new UsageError(`${path} cannot be written (${errorCode(error)})`);
  }
}
