// The page /inspect: a token is decoded and checked here, and never leaves. The one request is for the public keys, made
// when the page opens, before there is a token; nothing is stored, and leaving the page empties it.

import { explain } from "./inspect-explain.js";
import { shown } from "./inspect-json.js";
import { sentence } from "./inspect-time.js";

const REFRESH = 10_000; // milliseconds after which "expires in 4 min" is said anew
const MARKS = { passed: "ok", failed: "fail", skipped: "skip" };
const VERDICTS = {
  accepted: "Nothing is wrong with it, as far as this page can see",
  refused: "Refused",
  undecided: "Undecided",
};

const byId = (id) => document.getElementById(id);
const tool = byId("inspector");
const [token, audience, result] = [byId("token"), byId("audience"), byId("result")];
const { issuer, jwks } = tool.dataset;
let run = 0; // which explanation is the newest: they end in any order
let last = ""; // what is shown, so that nothing is read out twice

const keys = fetchKeys();

async function fetchKeys() {
  try {
    const options = { credentials: "omit", cache: "no-cache", referrerPolicy: "no-referrer", redirect: "error" };
    const answer = await fetch(jwks, options);
    const document = await answer.json();
    return answer.ok && Array.isArray(document.keys) ? document.keys : null;
  } catch {
    return null;
  }
}

function element(name, className, ...children) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...children); // texts become text: whatever a token says, it is no markup
  return made;
}

async function inspect() {
  run += 1;
  const mine = run;
  const text = token.value.trim();
  if (text === "") return clearResult();
  const now = Math.floor(Date.now() / 1000);
  const said = await explain(text, { issuer, audience: audience.value.trim(), keys: await keys, now });
  if (mine !== run) return;
  const fresh = JSON.stringify([said.verdict, said.kind, said.checks]) + text;
  if (fresh !== last) show(said, now);
  last = fresh;
}

function clearResult() {
  last = "";
  result.hidden = true;
  for (const id of ["verdict", "kind", "warning", "checks", "claims", "header"]) byId(id).replaceChildren();
}

function show(said, now) {
  const { verdict, refusedBy, kind } = said;
  byId("verdict").className = `verdict ${verdict}`;
  const why = refusedBy === null ? [] : [", by ", element("code", "", refusedBy.name)];
  byId("verdict").replaceChildren(element("strong", "", VERDICTS[verdict], ...why), ". ", reason(said));
  byId("kind").replaceChildren(kind[1]);
  byId("kind").className = kind[2] ? "problem" : "hint";
  const unsigned = "The signature was not verified: anybody may have written what follows.";
  const isShown = said.members !== null || said.claims !== null;
  byId("warning").replaceChildren(isShown && !said.signatureHolds ? unsigned : "");
  byId("checks").replaceChildren(...said.checks.map(checkRow));
  byId("claims").replaceChildren(...memberRows(said.claims, now));
  byId("header").replaceChildren(...memberRows(said.members, now));
  byId("claims-part").hidden = said.claims === null;
  byId("header-part").hidden = said.members === null;
  result.hidden = false;
}

function reason({ verdict, refusedBy, checks }) {
  if (refusedBy !== null) return refusedBy.change;
  if (verdict === "accepted") return "Only jotary explain also knows whether it was revoked.";
  const open = checks.filter((check) => check.verdict === "skipped" && check.name !== "revoked");
  return `Not decided: ${open.map((check) => check.name).join(", ")}.`;
}

function checkRow(check) {
  const row = element("li", `check ${check.verdict}`);
  row.dataset.check = check.name;
  row.dataset.verdict = check.verdict;
  const summary = [element("span", "mark", MARKS[check.verdict]), " ", element("code", "name", check.name)];
  if (check.verdict === "passed") {
    row.append(element("p", "", ...summary, " ", element("span", "value", check.found ?? "")));
    return row;
  }
  const details = element("dl", "why");
  const rows = { expected: check.expected, found: check.found, standard: check.standard, change: check.change };
  for (const [name, value] of Object.entries(rows)) {
    if (value) details.append(element("div", "", element("dt", "", name), element("dd", "", value)));
  }
  row.append(element("p", "", ...summary), details);
  return row;
}

function memberRows(members, now) {
  return [...(members ?? [])].map(([name, value]) => {
    const words = sentence(name, value, now);
    const key = shown(name).slice(1, -1);
    const said = element("dd", "", element("span", "value", shown(value)));
    if (words !== "") said.append(" ", element("span", "hint", words));
    return element("div", "", element("dt", "", key), said);
  });
}

function forget() {
  token.value = "";
  run += 1;
  clearResult();
}

tool.hidden = false;
token.focus({ preventScroll: true });
token.addEventListener("input", inspect);
audience.addEventListener("input", inspect);
byId("clear").addEventListener("click", () => {
  forget();
  token.focus();
});
addEventListener("pagehide", forget); // or the page would come back with the token in it
setInterval(inspect, REFRESH);
