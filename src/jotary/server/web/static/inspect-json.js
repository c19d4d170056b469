// JSON that has one meaning, as jotary.jose.strict_json reads it: a name stands once in an object, integers have 64
// bits, nothing is nested deeper than 32, text is well-formed UTF-8 (RFC 8259, RFC 7493, RFC 7515 §4).
// Objects become Maps: a member called "__proto__" is a member like any other.

export class Refusal extends Error {}

const MAX_DEPTH = 32;
const MIN_INTEGER = -(2n ** 63n);
const MAX_INTEGER = 2n ** 63n - 1n;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const SPACE = /[ \t\n\r]*/y;
const LITERALS = new Map([["true", true], ["false", false], ["null", null]]);

/** A number with the text that it had, which a double may not keep. */
export class NumberText {
  constructor(text) {
    this.text = text;
    this.value = Number(text);
  }
}

/** Bytes to Map; raises Refusal. */
export function readObject(bytes) {
  let text;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Refusal("The text is not UTF-8.");
  }
  const reader = new Reader(text);
  const value = reader.value(0);
  reader.skipSpace();
  if (reader.at !== text.length) throw reader.malformed();
  if (!(value instanceof Map)) throw new Refusal("A JSON object is expected.");
  return value;
}

class Reader {
  constructor(text) {
    this.text = text;
    this.at = 0;
  }

  malformed() {
    return new Refusal("The text is not JSON.");
  }

  match(pattern) {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found === null) return null;
    this.at = pattern.lastIndex;
    return found[0];
  }

  skipSpace() {
    this.match(SPACE);
  }

  take(character) {
    this.skipSpace();
    if (this.text[this.at] !== character) return false;
    this.at += 1;
    return true;
  }

  value(depth) {
    this.skipSpace();
    const next = this.text[this.at];
    if (next === "{" || next === "[") {
      if (depth === MAX_DEPTH) throw new Refusal(`The JSON text is nested deeper than ${MAX_DEPTH}.`);
      this.at += 1;
      return next === "{" ? this.members(depth + 1) : this.items(depth + 1);
    }
    if (next === '"') return this.string();
    for (const [word, value] of LITERALS) {
      if (this.text.startsWith(word, this.at)) {
        this.at += word.length;
        return value;
      }
    }
    return this.number();
  }

  members(depth) {
    const members = new Map();
    if (this.take("}")) return members;
    do {
      this.skipSpace();
      const name = this.string();
      if (members.has(name)) throw new Refusal("A member name occurs twice in one object (RFC 7515 §4).");
      if (!this.take(":")) throw this.malformed();
      members.set(name, this.value(depth));
    } while (this.take(","));
    if (!this.take("}")) throw this.malformed();
    return members;
  }

  items(depth) {
    const items = [];
    if (this.take("]")) return items;
    do {
      items.push(this.value(depth));
    } while (this.take(","));
    if (!this.take("]")) throw this.malformed();
    return items;
  }

  string() {
    const quoted = this.match(STRING);
    if (quoted === null) throw this.malformed();
    const text = JSON.parse(quoted);
    // A surrogate without its other half has no place in UTF-8 (RFC 7493 §2.1).
    if (/\p{Surrogate}/u.test(text)) throw new Refusal("A text holds half a character.");
    return text;
  }

  number() {
    const text = this.match(NUMBER);
    if (text === null) throw this.malformed();
    const number = new NumberText(text);
    if (/[.eE]/.test(text)) {
      if (!Number.isFinite(number.value)) throw new Refusal("The text holds a float out of range.");
    } else if (text.length > 20 || BigInt(text) < MIN_INTEGER || BigInt(text) > MAX_INTEGER) {
      throw new Refusal("The text holds an integer outside 64 bits.");
    }
    return number;
  }
}

const DIGIT_VALUES = new Map([..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"].map((c, i) => [c, i]));

/** Base64url without padding, and each text of bytes in its one spelling (RFC 7515 §2, RFC 4648 §3.5). */
export function decodeBase64url(text) {
  const bytes = new Uint8Array(Math.floor((text.length * 3) / 4));
  let bits = 0;
  let held = 0;
  let length = 0;
  for (const character of text) {
    const value = DIGIT_VALUES.get(character);
    if (value === undefined) throw new Refusal("A character stands there that is none of base64url's.");
    held = ((held << 6) | value) & 0xfff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes[length] = (held >> bits) & 0xff;
      length += 1;
    }
  }
  if (text.length % 4 === 1 || (held & ((1 << bits) - 1)) !== 0) {
    throw new Refusal("It ends with bits that belong to no byte.");
  }
  return bytes;
}

const LONGEST = 200;

/** A value as JSON in printable ASCII, cut off where it is long: nothing turns around, or only looks like another. */
export function shown(value) {
  const text = written(value).replace(/[^ -~]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST)}... (${text.length} characters)`;
}

function written(value) {
  if (value instanceof NumberText) return value.text;
  if (value instanceof Map) return `{${[...value].map(([k, v]) => `${JSON.stringify(k)}: ${written(v)}`).join(", ")}}`;
  if (Array.isArray(value)) return `[${value.map(written).join(", ")}]`;
  return JSON.stringify(value);
}
