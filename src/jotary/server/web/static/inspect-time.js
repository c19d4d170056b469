// A NumericDate (RFC 7519 §2) as a person reads it.

import { NumberText, shown } from "./inspect-json.js";

const LAST_MOMENT = 253_402_300_799; // the end of the year 9999
const UNITS = [[86_400, "d"], [3_600, "h"], [60, "min"], [1, "s"]];

export const TIMES = new Map([
  ["exp", ["expires", "expired"]],
  ["nbf", ["is valid", "has been valid"]],
  ["iat", ["will be issued", "was issued"]],
  ["auth_time", ["will be signed in", "signed in"]],
]);

function distance(seconds) {
  const [size, unit] = UNITS.find(([least]) => seconds >= least) ?? UNITS[UNITS.length - 1];
  return `${Math.floor(seconds / size)} ${unit}`;
}

/** "1800000300 (2027-01-15 08:05:00Z, in 5 min)"; what is no time as it is. */
export function timeInWords(value, now) {
  const text = shown(value);
  if (!(value instanceof NumberText) || value.value < 0 || value.value > LAST_MOMENT) return text;
  const moment = new Date(Math.floor(value.value) * 1000).toISOString().replace("T", " ").replace(".000Z", "Z");
  return `${text} (${moment}, ${relative(value.value, now)})`;
}

/** "expires in 4 min", "expired 2 h ago"; nothing for what is no time. */
export function sentence(name, value, now) {
  const words = TIMES.get(name);
  if (words === undefined || !(value instanceof NumberText) || value.value < 0 || value.value > LAST_MOMENT) return "";
  const [ahead, behind] = words;
  if (name === "nbf" && value.value <= now) return `valid since ${distance(Math.floor(now - value.value))}`;
  return `${value.value > now ? ahead : behind} ${relative(value.value, now)}`;
}

function relative(at, now) {
  return at > now ? `in ${distance(Math.floor(at - now))}` : `${distance(Math.floor(now - at))} ago`;
}
