/**
 * What a key's name says about its value. `strong`: the value is a secret whatever it looks like; `weak`: it is one if it looks
 * random.
 */
export interface SensitiveKey {
  readonly rule: string;
  readonly class: string;
  readonly strength: 'strong' | 'weak';
}

/** Last words that make a name speak about a secret instead of holding it: `token_count`, `secret_name`, `password_policy`. */
const describing = new Set(
  (
    'count counts total totals limit limits length len size max min usage used tokens name names type types kind ttl expiry expires ' +
    'expired expiration expiresat expiresin age at in version policy enabled disabled required status algorithm alg format index idx remaining ' +
    'budget rate cost costs price details attempts created updated rotated rotation age days seconds ms millis timeout url uri endpoint ' +
    'path file filename dir location hint label description prefix suffix manager provider source store field column table ' +
    'strength rules rule reset error errors exception scope scopes audience issuer present valid invalid ok set mode method methods latency ' +
    'duration bytes per ratio percent percentage position offset id ids arn ref reference schema class model verified check checks checked ' +
    'tokenizer tokenization limiter bucket throughput'
  ).split(' '),
);

/** Words before `token` or `key` that make it a cursor, a vocabulary entry or a row's key. */
const harmlessToken = new Set(
  'page next prev previous continuation continue cursor sync pagination max min stop pad eos bos unk mask sep special prompt completion input output cached reasoning total first last per num n avg mean end start begin image audio text'.split(
    ' ',
  ),
);
const keyHolders = new Set(
  'api apis access private secret signing signature encryption encrypt decryption master auth authentication authorization license licence account storage shared subscription service deploy ssh hmac crypto rsa dsa ecdsa pgp gpg app application admin client user server web hook webhook rest sdk integration ingest ingestion write read personal session host root host management publishable live sandbox connection function functions aes kms wallet mnemonic seed bot consumer customer developer dev partner project publish push read routing send site team tenant upload'.split(
    ' ',
  ),
);

/** `dbPassword`, `DB_PASSWORD`, `db.password`, `db-password` → db, password. */
export function wordsOf(key: string): string[] {
  return key
    .slice(-128)
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replace(/([A-Z])([A-Z][a-z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '');
}

const password = { rule: 'password-key', class: 'secret.password', strength: 'strong' } as const;
const secret = { rule: 'secret-key', class: 'secret.generic', strength: 'strong' } as const;
const token = { rule: 'token-key', class: 'secret.token', strength: 'strong' } as const;
const apiKey = { rule: 'api-key-key', class: 'secret.api_key', strength: 'strong' } as const;
const privateKey = { rule: 'private-key-key', class: 'secret.private_key', strength: 'strong' } as const;
const authorization = { rule: 'authorization-key', class: 'secret.authorization', strength: 'strong' } as const;
const cookie = { rule: 'cookie-key', class: 'secret.cookie', strength: 'strong' } as const;
const credential = { rule: 'credential-key', class: 'secret.credential', strength: 'strong' } as const;
const card = { rule: 'card-security-code-key', class: 'pii.card_security_code', strength: 'strong' } as const;
const weak = { rule: 'secret-by-name', class: 'secret.generic', strength: 'weak' } as const;

export const keyRuleVersion = 1;
export const keyRuleIds: readonly string[] = [
  password,
  secret,
  token,
  apiKey,
  privateKey,
  authorization,
  cookie,
  credential,
  card,
  weak,
].map((each) => each.rule);

/** The meaning of a key, or undefined when its name says nothing about secrets. */
export function classifyKey(key: string): SensitiveKey | undefined {
  const words = wordsOf(key);
  const last = words.at(-1) ?? '';
  // GOOGLE_KEY_1, password2: a counter at the end says nothing.
  if (/^\d{1,2}$/.test(last) && words.length > 1) words.pop();
  const end = (words.at(-1) ?? '').replace(/(?<=[a-z])\d{1,2}$/, '');
  if (end === '' || describing.has(end)) {
    const compact = words.join('');
    if (
      /(?:secretaccesskeyid|roleid|secretid|clientid|appid|accountid|accesskeyid|keyid|accessid|userid|sid)$/.test(
        compact,
      )
    )
      return weak;
    return undefined;
  }
  const before = words.at(-2) ?? '';
  if (
    /passw(?:or)?d|passphrase|passcode|^(?:pwd|pswd|passwort|contrasena|senha|motdepasse|kennwort|pw|userpass|dbpass|mysqlpass)$|^pass$|pass$/.test(
      end,
    )
  ) {
    return /compass|bypass|trespass|surpass|encompass/.test(end) ? undefined : password;
  }
  if (
    words.some((word) => /passw(?:or)?d|passphrase/.test(word)) &&
    /^(?:hash|salt|value|plain|plaintext|text|old|new|confirm|confirmation|encrypted|enc|base64|b64|string|raw)$/.test(
      end,
    )
  )
    return password;
  if (/^(?:authorization|authheader)$/.test(end)) return authorization;
  if (/^(?:cookie|cookies|setcookie)$/.test(end)) return cookie;
  if (/^(?:cvv2?|cvc2?|securitycode)$/.test(end)) return card;
  const joined = before + end;
  if (/private(?:ssh|rsa|pgp|gpg|dsa|ec)?key$/.test(words.join('')) || joined === 'keypem' || joined === 'privatepem')
    return privateKey;
  if (
    /^(?:clientsecret|secretkey|appsecret|sharedsecret|secret|secrets|consumersecret|apisecret|authsecret|tokensecret|secretkeybase|secretstring)$/.test(
      end,
    ) ||
    end.endsWith('secret')
  )
    return secret;
  if (end === 'value' && /secret|token|password|apikey/.test(before)) return secret;
  if (/^(?:mnemonic|seedphrase|connectionstring|connstr|connstring|dsn)$/.test(end) || joined === 'connectionstring')
    return credential;
  if (/^(?:credential|credentials|creds|cred)$/.test(end)) return credential;
  if (
    /^(?:apikey|accesskey|authkey|appkey|secretaccesskey|apisecret|apitoken|xapikey|masterkey|signingkey|encryptionkey|licensekey|subscriptionkey|accountkey|sharedkey|sessionkey|servicekey|storagekey|sharedaccesskey|passkey|userkey|clientkey|writekey|readkey|ingestkey)$/.test(
      end,
    )
  )
    return apiKey;
  if (end === 'key' || end === 'keys') {
    if (keyHolders.has(before)) return end === 'key' || before === 'api' || before === 'private' ? apiKey : weak;
    return weak;
  }
  if (end.endsWith('token') || /^(?:jwt|bearer|accesstoken|pat)$/.test(end)) {
    if (harmlessToken.has(before) || /^(?:next|page|continuation|sync|cursor)/.test(end)) return undefined;
    return end === 'pat' ? weak : token;
  }
  if (
    /^(?:auth|oauth|access|signature|sig|session|sessionid|sess|otp|totp|pin|license|licence|webhook|sas|nonce|csrf|xsrf|accountsid|hmac|bearerauth|basicauth|login)$/.test(
      end,
    )
  )
    return weak;
  if (
    end.endsWith('key') &&
    !/^(?:monkey|turkey|hotkey|donkey|whiskey|hockey|jockey|keykey|lackey|partitionkey|primarykey|foreignkey|sortkey|publickey|routingkey)$/.test(
      end,
    )
  )
    return weak;
  if (words.some((word) => /^(?:secret|token|apikey|password|credential|credentials)$/.test(word))) return weak;
  return undefined;
}
