// What a text looks like that somebody took for an access token, as jotary.verifier.explain.kinds has it.

const SECRETS = new Map([
  ["jrt_", "A refresh token of jotary: a secret of the client, and it was pasted here. Revoke its session."],
  ["jac_", "An authorization code of jotary: good once, at the token endpoint only, and it was pasted here. Sign in again."],
  ["jcs_", "A client secret of jotary: a password, and it was pasted here. Make the client a new one."],
]);

const BY_TYPE = new Map([
  ["at+jwt", ["access_token", "An access token (RFC 9068): whoever holds it may use it until it expires."]],
  ["logout+jwt", ["logout_token", "A logout token (OpenID Connect Back-Channel Logout), which is for the client."]],
  ["dpop+jwt", ["dpop_proof", "A DPoP proof (RFC 9449), which goes beside an access token, in another header."]],
  ["revocations+jwt", ["revocation_feed", "An answer of jotary's revocation feed, which opens nothing."]],
]);

/** The media type without what does not count (RFC 7515 §4.1.9). */
export function mediaType(typ) {
  const text = typeof typ === "string" ? typ.toLowerCase() : "";
  return text.startsWith("application/") ? text.slice("application/".length) : text;
}

export function looksLikeAnIDToken(claims) {
  const says = (name) => claims.has(name);
  return ["nonce", "at_hash", "c_hash"].some(says) || !["client_id", "scope"].some(says);
}

/** Name, description, and whether it is a secret that should be revoked. */
export function kindOf(token, members, claims) {
  const bare = token.replace(/^["'`]+|["'`]+$/g, ""); // a secret in quotes is a secret first
  if (/^(authorization: *)?bearer /i.test(bare)) {
    return ["authorization_header", "A whole Authorization header. Take only what follows 'Bearer '.", false];
  }
  for (const [prefix, description] of SECRETS) {
    if (bare.startsWith(prefix)) return ["secret", description, true];
  }
  if (bare !== token) {
    return ["quoted", "A text in quotes, as JSON and scripts have it. Take only what stands between them.", false];
  }
  if (members === null) {
    if (token.split(".").length === 5) {
      return ["encrypted", "Five parts: an encrypted token (JWE), which only its recipient can read.", false];
    }
    return ["opaque", "No JWT. If it is a refresh token, an API key or a password, it is a secret that was pasted: revoke it.", false];
  }
  return [...kindOfJWS(members, claims), false];
}

function kindOfJWS(members, claims) {
  const algorithm = members.get("alg");
  if (typeof algorithm === "string" && algorithm.toLowerCase() === "none") {
    return ["unsigned", "A JWT with no signature at all (alg none): anybody can write one."];
  }
  if (claims === null) return ["signed_data", "Signed data that is no JWT: the payload is not a JSON object."];
  const known = BY_TYPE.get(mediaType(members.get("typ")));
  if (known !== undefined) return known;
  if (looksLikeAnIDToken(claims)) {
    return ["id_token", "An ID token, which is for the client alone. Send the access token to the API."];
  }
  return ["jwt", "A JWT that does not say what it is for: perhaps an access token that is older than RFC 9068."];
}
