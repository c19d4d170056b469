// node oidc-provider as a peer of `jotary serve`: the same clients, claims, lifetimes and algorithm.
//
// Run as `node oidc_provider.mjs ISSUER PORT CLIENT_SECRET SESSIONS [DATABASE]` where the package `oidc-provider` is
// installed, and `better-sqlite3` if a file is named: else everything is kept in memory.
// It prints one line of JSON, `{"version", "node", "refresh_tokens"}`, when it listens.

import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

import { Provider } from 'oidc-provider';

const [issuer, port, clientSecret, sessions, file] = process.argv.slice(2);
const AUDIENCE = 'https://todo.example.com';
const SCOPE = 'todo:read';

class Adapter {
  constructor(model) {
    this.prefix = `${model}:`;
  }

  async revokeByGrantId() {
    throw new Error('nothing is revoked here');
  }

  async findByUid() {
    throw new Error('nobody signs in here');
  }

  async findByUserCode() {
    throw new Error('no device signs in here');
  }
}

// The adapter that comes with the package remembers 1,000 things and walks through all tokens of a grant at each
// write; this one is a Map, which is the least that an adapter can cost.
function mapAdapter() {
  const stored = new Map();
  return class extends Adapter {
    async upsert(id, payload) {
      stored.set(this.prefix + id, payload);
    }

    async find(id) {
      return stored.get(this.prefix + id);
    }

    async consume(id) {
      stored.get(this.prefix + id).consumed = Math.floor(Date.now() / 1000);
    }

    async destroy(id) {
      stored.delete(this.prefix + id);
    }
  };
}

// One table, one row by primary key for each thing, and each write on disk before its promise is kept: the least that
// a durable adapter can do, as the package tells an adapter of no transaction that several writes could share.
async function sqliteAdapter() {
  const { default: Database } = await import('better-sqlite3');
  const database = new Database(file);
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = FULL');
  database.exec('CREATE TABLE stored (id TEXT PRIMARY KEY, payload TEXT NOT NULL, expires_at INTEGER) WITHOUT ROWID');
  const upsert = database.prepare('INSERT OR REPLACE INTO stored VALUES (?, ?, ?)');
  const find = database.prepare('SELECT payload FROM stored WHERE id = ?').pluck();
  const consume = database.prepare("UPDATE stored SET payload = json_set(payload, '$.consumed', ?) WHERE id = ?");
  const destroy = database.prepare('DELETE FROM stored WHERE id = ?');
  return class extends Adapter {
    async upsert(id, payload, expiresIn) {
      upsert.run(this.prefix + id, JSON.stringify(payload), expiresIn ? Math.floor(Date.now() / 1000) + expiresIn : null);
    }

    async find(id) {
      const payload = find.get(this.prefix + id);
      return payload === undefined ? undefined : JSON.parse(payload);
    }

    async consume(id) {
      consume.run(Math.floor(Date.now() / 1000), this.prefix + id);
    }

    async destroy(id) {
      destroy.run(this.prefix + id);
    }
  };
}

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const resourceServer = {
  scope: SCOPE,
  audience: AUDIENCE,
  accessTokenFormat: 'jwt',
  accessTokenTTL: 300,
  jwt: { sign: { alg: 'ES256' } },
};

const provider = new Provider(issuer, {
  adapter: file ? await sqliteAdapter() : mapAdapter(),
  jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), alg: 'ES256', use: 'sig', kid: 'bench' }] },
  clients: [
    {
      client_id: 'service',
      client_secret: clientSecret,
      grant_types: ['client_credentials'],
      response_types: [],
      redirect_uris: [],
      id_token_signed_response_alg: 'ES256',
    },
    {
      client_id: 'web',
      client_secret: clientSecret,
      grant_types: ['authorization_code', 'refresh_token'],
      redirect_uris: ['https://app.example.com/callback'],
      id_token_signed_response_alg: 'ES256',
    },
  ],
  cookies: { keys: [clientSecret] },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: () => resourceServer,
      defaultResource: () => AUDIENCE,
      useGrantedResource: () => true,
    },
  },
  scopes: ['openid', 'offline_access', SCOPE],
  // `sid`, `auth_time` and `amr`, which jotary's tokens of a person hold (RFC 9068, section 2.2.1).
  extraTokenClaims: (_, token) =>
    token.kind === 'AccessToken' ? { sid: token.sessionUid, auth_time: 1_700_000_000, amr: ['pwd'] } : undefined,
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  rotateRefreshToken: true,
  ttl: { ClientCredentials: 300, AccessToken: 300, RefreshToken: 14 * 86400, Grant: 90 * 86400 },
});

async function refreshToken(number) {
  const accountId = `person-${number}`;
  const grant = new provider.Grant({ accountId, clientId: 'web' });
  grant.addResourceScope(AUDIENCE, SCOPE);
  const token = new provider.RefreshToken({
    accountId,
    authTime: Math.floor(Date.now() / 1000),
    client: await provider.Client.find('web'),
    expiresWithSession: false,
    grantId: await grant.save(),
    gty: 'authorization_code',
    resource: AUDIENCE,
    rotations: 0,
    scope: SCOPE,
    sessionUid: `01JD9Z6X8T2M4N5P6Q7R8S${number}`,
  });
  return token.save();
}

const refreshTokens = [];
for (let number = 0; number < Number(sessions); number += 1) {
  refreshTokens.push(await refreshToken(number));
}
const root = dirname(dirname(createRequire(import.meta.url).resolve('oidc-provider')));
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
provider.listen(Number(port), '127.0.0.1', () => {
  console.log(JSON.stringify({ version, node: process.version, refresh_tokens: refreshTokens }));
});
