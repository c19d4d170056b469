// Algorithm, key and signature with WebCrypto, as jotary.jose chooses them (RFC 7515 §5.2, RFC 7517 §4, RFC 8725 §3.1).

import { decodeBase64url, Refusal } from "./inspect-json.js";

const rsa = (name, hash, saltLength) => ({ kty: "RSA", import: { name, hash }, verify: { name, saltLength } });
const ecdsa = (crv, hash) => ({ kty: "EC", crv, import: { name: "ECDSA", namedCurve: crv }, verify: { name: "ECDSA", hash } });

/** Those that a verifier takes unless it is told otherwise. */
export const ALGORITHMS = new Map([
  ["RS256", rsa("RSASSA-PKCS1-v1_5", "SHA-256")],
  ["RS384", rsa("RSASSA-PKCS1-v1_5", "SHA-384")],
  ["RS512", rsa("RSASSA-PKCS1-v1_5", "SHA-512")],
  ["PS256", rsa("RSA-PSS", "SHA-256", 32)],
  ["PS384", rsa("RSA-PSS", "SHA-384", 48)],
  ["PS512", rsa("RSA-PSS", "SHA-512", 64)],
  ["ES256", ecdsa("P-256", "SHA-256")],
  ["ES384", ecdsa("P-384", "SHA-384")],
  ["ES512", ecdsa("P-521", "SHA-512")],
  ["EdDSA", { kty: "OKP", crv: "Ed25519", import: { name: "Ed25519" }, verify: { name: "Ed25519" } }],
]);

const LEAST_RSA_BYTES = 256; // RFC 7518 §3.3

/** What is wrong with `alg`, `kid` or `signature`; null if nothing is. */
export async function checkSignature(header, signature, message, keys) {
  const name = header.get("alg");
  const algorithm = ALGORITHMS.get(name);
  if (algorithm === undefined) return refused("alg", "This algorithm is not among those that are taken.");
  if (keys === null) return skipped("kid", "The public keys of this server could not be fetched. Load the page again.");
  const [key, problem] = choose(keys, header.get("kid"), name, algorithm);
  if (problem !== null) return problem;
  return verify(key, algorithm, signature, message);
}

function choose(keys, kid, name, algorithm) {
  if (kid === undefined) {
    const fitting = keys.filter((key) => fits(key, name, algorithm));
    if (fitting.length === 1) return [fitting[0], null];
    return [null, refused("kid", `The token has no kid, and ${fitting.length} keys fit its algorithm.`)];
  }
  const named = keys.filter((key) => key.kid === kid);
  if (named.length !== 1) return [null, refused("kid", "This server publishes no key with the token's kid.")];
  return fits(named[0], name, algorithm) ? [named[0], null] : [null, refused("alg", "The key is for another algorithm.")];
}

function fits(key, name, algorithm) {
  return (
    key.kty === algorithm.kty &&
    (algorithm.crv === undefined || key.crv === algorithm.crv) &&
    (key.alg === undefined || key.alg === name) &&
    (key.use === undefined || key.use === "sig") &&
    (key.key_ops === undefined || key.key_ops.includes("verify")) &&
    (key.kty !== "RSA" || isLongEnough(key.n))
  );
}

function isLongEnough(modulus) {
  try {
    return decodeBase64url(modulus).length >= LEAST_RSA_BYTES;
  } catch (error) {
    if (error instanceof Refusal) return false;
    throw error;
  }
}

async function verify(key, algorithm, signature, message) {
  if (globalThis.crypto?.subtle === undefined) {
    return skipped("signature", "A browser verifies signatures on https and on this machine only. Use jotary explain.");
  }
  const { kty, crv, n, e, x, y } = key;
  let held;
  try {
    const imported = await crypto.subtle.importKey("jwk", { kty, crv, n, e, x, y }, algorithm.import, false, ["verify"]);
    held = await crypto.subtle.verify(algorithm.verify, imported, signature, message);
  } catch {
    return skipped("signature", "This browser cannot verify this algorithm. Use jotary explain.");
  }
  return held ? null : refused("signature", "The signature does not verify with this server's key.");
}

const refused = (check, change) => ({ check, change, verdict: "failed" });
const skipped = (check, change) => ({ check, change, verdict: "skipped" });
