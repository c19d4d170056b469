// The checks of the verifier, one by one and in its order (src/jotary/verifier/explain). Nothing leaves this machine:
// the token comes in as text, an explanation goes out, and the keys were fetched before.

import { CHECKS } from "./inspect-checks.js";
import { NumberText, Refusal, decodeBase64url, readObject, shown } from "./inspect-json.js";
import { kindOf, looksLikeAnIDToken, mediaType } from "./inspect-kinds.js";
import { ALGORITHMS, checkSignature } from "./inspect-signature.js";
import { timeInWords } from "./inspect-time.js";

export const MAX_SIZE = 8192; // characters, as the verifier has it
const LEEWAY = 5; // seconds
const LATEST = Number.MAX_SAFE_INTEGER;
const ROWS = new Map(CHECKS.map(([name, standard, expected, advice]) => [name, { name, standard, expected, advice }]));
const SCOPE = /^[!#-[\]-~]+(?: [!#-[\]-~]+)*$/;
const MAX_SCOPE_LENGTH = 2048;

class Results {
  constructor() {
    this.byName = new Map();
  }

  note(name, verdict, found = null, more = {}) {
    this.byName.set(name, { ...ROWS.get(name), verdict, found, change: null, ...more });
  }

  /** Make a check; returns what it returns, or null if it refuses. */
  run(name, check, found = null, more = {}) {
    try {
      const value = check();
      this.note(name, "passed", found, more);
      return value;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.fail(name, error.message, found, more);
      return null;
    }
  }

  fail(name, change, found = null, more = {}) {
    this.note(name, "failed", found, { ...more, change: `${change} ${ROWS.get(name).advice}`.trim() });
  }

  passed(...names) {
    return names.every((name) => this.byName.get(name)?.verdict === "passed");
  }

  all() {
    for (const name of ROWS.keys()) {
      if (!this.byName.has(name)) this.note(name, "skipped", null, { change: "An earlier check has to pass first." });
    }
    return [...ROWS.keys()].map((name) => this.byName.get(name));
  }
}

/** Every check of a token; `keys` is null where they could not be fetched, `now` in seconds. */
export async function explain(token, { issuer, audience, keys, now }) {
  const results = new Results();
  const taken = takeApart(token, results);
  const { header, claims } = taken;
  if (header !== null && results.passed("payload_base64url", "signature_base64url", "b64")) {
    await checkAlgorithmKeyAndSignature(taken, keys, results);
  }
  if (header !== null && claims !== null) checkContent(header, claims, { issuer, audience, now }, results);
  results.note("revoked", "skipped", null, { change: "This page does not read the cut-offs. jotary explain does." });
  const checks = results.all();
  const verdict = checks.some((check) => check.verdict === "failed")
    ? "refused"
    : checks.every((check) => check.verdict === "passed" || check.name === "revoked")
      ? "accepted"
      : "undecided";
  return {
    verdict,
    refusedBy: checks.find((check) => check.verdict === "failed") ?? null,
    signatureHolds: results.passed("signature"),
    kind: kindOf(token, taken.members, claims),
    members: taken.members,
    claims,
    checks,
  };
}

function takeApart(token, results) {
  const nothing = { members: null, header: null, claims: null };
  const size = { expected: `at most ${MAX_SIZE} characters` };
  if (token.length > MAX_SIZE) {
    results.fail("size", "The token is too long.", `${token.length} characters`, size);
    return nothing;
  }
  results.note("size", "passed", `${token.length} characters`, size);
  const parts = token.split(".");
  const found = `${parts.length} part${parts.length > 1 ? "s" : ""}`;
  if (parts.length !== 3) {
    results.fail("form", "A signed JWT has three parts; this is none, perhaps a JWE.", found);
    return nothing;
  }
  results.note("form", "passed", found);
  const [headerText, payloadText, signatureText] = parts;
  const decode = (name, text) => results.run(name, () => decodeBase64url(text), `${text.length} characters`);
  const headerBytes = decode("header_base64url", headerText);
  const members = headerBytes && results.run("header_json", () => readObject(headerBytes));
  const header = members && checkHeader(members, results);
  const payload = decode("payload_base64url", payloadText);
  const signature = decode("signature_base64url", signatureText);
  if (header !== null) checkB64(header, results);
  const claims = payload && results.run("payload_json", () => readObject(payload));
  return { members, header, claims, signature, message: new TextEncoder().encode(`${headerText}.${payloadText}`) };
}

/** RFC 7515 §4.1, and its extensions (§4.1.11), of which `b64` is the one that is understood (RFC 7797). */
function checkHeader(members, results) {
  const found = shown([...members.keys()]);
  const header = results.run("header", () => checkMembers(members), found);
  if (header === null) return null;
  const critical = members.get("crit");
  if (critical !== undefined && shown(critical) !== '["b64"]') {
    results.fail("crit", "Only the extension 'b64' is understood (RFC 7797).", shown(critical));
    return null;
  }
  results.note("crit", "passed", foundIn(members, "crit"));
  return header;
}

function checkMembers(members) {
  for (const name of ["alg", "kid", "typ", "cty"]) {
    if (members.has(name) && typeof members.get(name) !== "string") throw new Refusal(`'${name}' must be a string.`);
  }
  if (!members.has("alg")) throw new Refusal("The header must name its algorithm.");
  if (members.has("b64") && typeof members.get("b64") !== "boolean") throw new Refusal("'b64' must be true or false.");
  const critical = members.get("crit");
  if (members.has("crit")) {
    const isList = Array.isArray(critical) && critical.length > 0 && critical.every((name) => typeof name === "string");
    if (!isList) throw new Refusal("'crit' must be a list of names.");
    if (shown(critical) === '["b64"]' && !members.has("b64")) throw new Refusal("'crit' names a member that is not there.");
  } else if (members.get("b64") === false) {
    throw new Refusal("'b64' must be critical when it is false.");
  }
  return members;
}

function checkB64(header, results) {
  if (header.get("b64") === false) results.fail("b64", "The payload must be in base64url.", "false");
  else results.note("b64", "passed", foundIn(header, "b64"));
}

async function checkAlgorithmKeyAndSignature({ header, signature, message }, keys, results) {
  const problem = await checkSignature(header, signature, message, keys);
  const found = new Map([["alg", foundIn(header, "alg")], ["kid", foundIn(header, "kid")], ["signature", null]]);
  const expected = { expected: `one of ${[...ALGORITHMS.keys()].sort().join(", ")}` };
  for (const [name, value] of found) {
    const more = name === "alg" ? expected : {};
    if (problem?.check !== name) results.note(name, "passed", value, more);
    else if (problem.verdict === "failed") return results.fail(name, problem.change, value, more);
    else return results.note(name, "skipped", value, { ...more, change: problem.change });
  }
}

function checkContent(header, claims, { issuer, audience, now }, results) {
  results.run("typ", () => checkType(header, claims), foundIn(header, "typ"));
  results.run("iss", () => checkIssuer(claims, issuer), foundIn(claims, "iss"), { expected: shown(issuer) });
  checkAudience(claims, audience, results);
  checkTimes(claims, now, results);
  for (const name of ["sub", "client_id", "jti"]) results.run(name, () => text(claims, name), foundIn(claims, name));
  results.run("scope", () => checkScope(claims), foundIn(claims, "scope"));
  results.run("sid", () => claims.has("sid") && text(claims, "sid"), foundIn(claims, "sid"));
}

function checkType(header, claims) {
  if (mediaType(header.get("typ")) === "at+jwt") return;
  if (looksLikeAnIDToken(claims)) throw new Refusal("This is an ID token; send the access token to the API.");
  throw new Refusal("The header's 'typ' must be 'at+jwt'.");
}

function checkIssuer(claims, issuer) {
  if (text(claims, "iss") !== issuer) throw new Refusal("Another issuer made the token; they are compared byte for byte.");
}

function checkAudience(claims, audience, results) {
  const found = foundIn(claims, "aud");
  const named = results.run("aud", () => audiences(claims), found, { expected: "a string or strings" });
  if (named === null) return;
  if (audience === "") {
    results.note("aud", "skipped", found, { expected: "the name of the API", change: "Name the API that the token is for." });
  } else if (!named.includes(audience)) {
    const change = "The token is meant for another audience; ask for one with this API as resource.";
    results.fail("aud", change, found, { expected: shown(audience) });
  } else {
    results.note("aud", "passed", found, { expected: shown(audience) });
  }
}

function audiences(claims) {
  const value = claims.get("aud");
  const list = typeof value === "string" ? [value] : value;
  const isList = Array.isArray(list) && list.length > 0 && list.every((one) => typeof one === "string" && one !== "");
  if (!isList) throw new Refusal("The 'aud' claim must be a string or a list of strings.");
  return list;
}

function checkTimes(claims, now, results) {
  const at = (name) => (claims.has(name) ? timeInWords(claims.get(name), now) : "absent");
  const rows = [
    ["exp", (time) => now < time + LEEWAY, "The token has expired; refresh it.", "in the future"],
    ["nbf", (time) => time <= now + LEEWAY, "The token is not valid yet; check the clocks.", "absent, or in the past"],
    ["iat", (time) => time <= now + LEEWAY, "The token was issued in the future; check the clocks.", "in the past"],
  ];
  for (const [name, holds, change, expected] of rows) {
    const check = () => {
      if (name === "nbf" && !claims.has(name)) return;
      if (!holds(seconds(claims, name))) throw new Refusal(change);
    };
    results.run(name, check, at(name), { expected });
  }
}

function seconds(claims, name) {
  const time = claims.get(name);
  if (!(time instanceof NumberText) || time.value < 0 || time.value > LATEST) {
    throw new Refusal(`The '${name}' claim must be a time in seconds.`);
  }
  return time.value;
}

function text(claims, name) {
  const value = claims.get(name);
  if (typeof value !== "string" || value === "") throw new Refusal(`The '${name}' claim must be a string, not empty.`);
  return value;
}

function checkScope(claims) {
  const value = claims.has("scope") ? claims.get("scope") : "";
  if (typeof value !== "string") throw new Refusal("The 'scope' claim is not a string of values.");
  if (value !== "" && (value.length > MAX_SCOPE_LENGTH || !SCOPE.test(value))) {
    throw new Refusal("The 'scope' claim is malformed.");
  }
}

function foundIn(members, name) {
  return members.has(name) ? shown(members.get(name)) : "absent";
}
