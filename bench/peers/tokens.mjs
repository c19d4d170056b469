// The libraries of Node that sign and verify JWTs, as peers that take their turns beside the ones of Python.
//
// Run as `node tokens.mjs` where `jose`, `jsonwebtoken` and `fast-jwt` are installed. The first line on standard input
// is JSON: `{"algorithm", "public", "private", "tokens", "issuer", "audience", "claims"}`, with keys in PEM. The answer
// is the names of the parties, as JSON. Each line after it, `["PARTY", SECONDS]`, is answered by the microseconds of CPU
// time, of all threads, that the party took for one token, having worked for about that long.

import { createPrivateKey, createPublicKey } from 'node:crypto';
import { createInterface } from 'node:readline';

import { createSigner, createVerifier } from 'fast-jwt';
import { SignJWT, importPKCS8, importSPKI, jwtVerify } from 'jose';
import jsonwebtoken from 'jsonwebtoken';

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
const read = async () => (await lines.next()).value;

const asked = JSON.parse(await read());
const { algorithm, issuer, audience, claims, tokens } = asked;
const header = { alg: algorithm, typ: 'at+jwt' };

// Every token in its turn, so that none comes twice before all the others did.
function following() {
  let next = 0;
  return () => tokens[next++ % tokens.length];
}

async function verifiers() {
  const key = await importSPKI(asked.public, algorithm);
  const options = { algorithms: [algorithm], issuer, audience };
  const forFast = { key: asked.public, algorithms: [algorithm], allowedIss: issuer, allowedAud: audience };
  const [a, b, c, d] = [following(), following(), following(), following()];
  const found = {
    'verify: jose (node)': () => jwtVerify(a(), key, options),
    'verify: fast-jwt (node)': createVerifierOf(forFast, b),
    'seen: fast-jwt (node)': createVerifierOf({ ...forFast, cache: true }, c),
  };
  if (algorithm !== 'EdDSA') { // which it does not know
    const parsed = createPublicKey(asked.public); // given PEM, it would read that anew for each token
    found['verify: jsonwebtoken (node)'] = () => jsonwebtoken.verify(d(), parsed, options);
  }
  return found;
}

function createVerifierOf(options, next) {
  const verify = createVerifier(options);
  return () => verify(next());
}

async function signers() {
  const key = await importPKCS8(asked.private, algorithm);
  const fast = createSigner({ key: asked.private, algorithm, header, noTimestamp: true });
  const found = {
    'sign: jose (node)': () => new SignJWT(claims).setProtectedHeader(header).sign(key),
    'sign: fast-jwt (node)': () => fast(claims),
  };
  if (algorithm !== 'EdDSA') {
    const parsed = createPrivateKey(asked.private);
    found['sign: jsonwebtoken (node)'] = () => jsonwebtoken.sign(claims, parsed, { algorithm, header });
  }
  return found;
}

const BATCH = 16; // calls between two looks at the clock

async function turn(work, seconds) {
  const [started, before] = [performance.now(), process.cpuUsage()];
  let calls = 0;
  do {
    for (let each = 0; each < BATCH; each++) {
      const answer = work();
      if (answer instanceof Promise) await answer;
    }
    calls += BATCH;
  } while (performance.now() - started < seconds * 1000);
  const spent = process.cpuUsage(before);
  return (spent.user + spent.system) / calls;
}

const parties = { ...(await verifiers()), ...(await signers()) };
for (const work of Object.values(parties)) await turn(work, 0.05); // compiled by then
say(Object.keys(parties));
for (;;) {
  const line = await read();
  if (line === undefined) break;
  const [party, seconds] = JSON.parse(line);
  say(await turn(parties[party], seconds));
}
