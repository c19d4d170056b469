// better-auth with its OAuth provider as a peer of `jotary serve`: ES256 access tokens, durable SQLite, rotation.
//
// Run as `node better_auth.mjs ISSUER PORT CLIENT_SECRET SESSIONS DATABASE` where the packages are installed.
// It prints one line of JSON, `{"version", "node", "refresh_tokens"}`, when it listens.

import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';

import { oauthProvider } from '@better-auth/oauth-provider';
import { betterAuth } from 'better-auth';
import { getMigrations } from 'better-auth/db/migration';
import { jwt } from 'better-auth/plugins';
import Database from 'better-sqlite3';
import { getRequest } from 'better-call/node';

const [issuer, port, clientSecret, sessions, file] = process.argv.slice(2);
const AUDIENCE = 'https://todo.example.com';
const SCOPE = 'todo:read';

const database = new Database(file);
database.pragma('journal_mode = WAL');
database.pragma('synchronous = FULL');

const auth = betterAuth({
  baseURL: issuer,
  secret: randomBytes(32).toString('base64url'),
  database,
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
  disabledPaths: ['/token'],
  plugins: [
    jwt({ jwks: { keyPairConfig: { alg: 'ES256' } }, disableSettingJwtHeader: true }),
    oauthProvider({
      loginPage: '/sign-in',
      consentPage: '/consent',
      scopes: ['openid', 'offline_access', SCOPE],
      resources: [AUDIENCE],
      enforcePerClientResources: false,
      accessTokenExpiresIn: 300,
      m2mAccessTokenExpiresIn: 300,
      refreshTokenExpiresIn: 14 * 86400,
    }),
  ],
});

await (await getMigrations(auth.options)).runMigrations();
const { adapter } = await auth.$context;
const hashed = (text) => createHash('sha256').update(text).digest('base64url');

async function client(clientId, grantType, more) {
  await adapter.create({
    model: 'oauthClient',
    data: {
      clientId,
      clientSecret: hashed(clientSecret),
      name: clientId,
      redirectUris: ['https://app.example.com/callback'],
      tokenEndpointAuthMethod: 'client_secret_basic',
      grantTypes: [grantType],
      scopes: ['offline_access', SCOPE],
      createdAt: new Date(),
      updatedAt: new Date(),
      ...more,
    },
  });
}

async function refreshToken(number) {
  const now = new Date();
  const later = new Date(now.getTime() + 14 * 86400 * 1000);
  const person = { name: `person-${number}`, email: `person-${number}@example.com`, emailVerified: true };
  const user = await adapter.create({ model: 'user', data: { ...person, createdAt: now, updatedAt: now } });
  const session = await adapter.create({
    model: 'session',
    data: { userId: user.id, token: randomBytes(24).toString('hex'), expiresAt: later, createdAt: now, updatedAt: now },
  });
  const token = randomBytes(24).toString('hex');
  await adapter.create({
    model: 'oauthRefreshToken',
    data: {
      token: hashed(token),
      clientId: 'web',
      sessionId: session.id,
      userId: user.id,
      scopes: ['offline_access', SCOPE],
      resources: [AUDIENCE],
      createdAt: now,
      expiresAt: later,
    },
  });
  return token;
}

await client('service', 'client_credentials', { clientCredentialsScopes: [SCOPE] });
await client('web', 'refresh_token', {});
const refreshTokens = [];
for (let number = 0; number < Number(sessions); number += 1) {
  refreshTokens.push(await refreshToken(number));
}

async function answer(request, response) {
  if (request.method === 'GET') {
    response.end('{}'); // the server is there
    return;
  }
  request.url = '/api/auth/oauth2/token';
  const answered = await auth.handler(getRequest({ base: issuer, request }));
  const body = Buffer.from(await answered.arrayBuffer());
  response.writeHead(answered.status, { ...Object.fromEntries(answered.headers), 'content-length': body.length });
  response.end(body);
}

const manifest = join(import.meta.dirname, 'node_modules', 'better-auth', 'package.json');
const { version } = JSON.parse(readFileSync(manifest, 'utf8'));
createServer(answer).listen(Number(port), '127.0.0.1', () => {
  console.log(JSON.stringify({ version, node: process.version, refresh_tokens: refreshTokens }));
});
