// The whole client: it talks to its own origin, holds no token, and cannot read one.

const element = (id) => document.getElementById(id);
const state = { filter: "", next: null, loads: 0, changes: 0 };

class SignedOut extends Error {}

/** Call the ToDo API through the web app; the session cookie does the rest. */
async function call(path, { method = "GET", body } = {}) {
  const headers = { Accept: "application/json", "X-CSRF": "1" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const response = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  if (response.status === 401) throw new SignedOut();
  const answer = response.status === 204 ? null : await response.json().catch(() => null);
  if (!response.ok) throw new Error(answer?.detail ?? answer?.title ?? "That did not work. Try again.");
  return answer;
}

/** Run an action; show what went wrong in words, and the way in when the session is over. */
async function attempt(action) {
  element("notice").hidden = true;
  try {
    return await action();
  } catch (error) {
    if (error instanceof SignedOut) return showWelcome();
    element("notice").textContent = error instanceof TypeError ? "The server cannot be reached. Try again." : error.message;
    element("notice").hidden = false;
  }
}

function showWelcome() {
  element("account").hidden = element("tasks").hidden = true;
  element("welcome").hidden = false;
}

function showRow(task) {
  const row = element("row").content.cloneNode(true).firstElementChild;
  const [box, text, remove] = ["input", ".text", ".remove"].map((selector) => row.querySelector(selector));
  row.dataset.task = task.id;
  box.checked = task.done;
  text.textContent = task.title;
  remove.setAttribute("aria-label", `Delete “${task.title}”`);
  box.addEventListener("change", () => finish(row, task, box));
  remove.addEventListener("click", () => removeTask(row, task));
  return row;
}

async function finish(row, task, box) {
  const wanted = box.checked;
  box.disabled = true;
  const changed = await attempt(() => call(`/api/tasks/${task.id}`, { method: "PATCH", body: { done: wanted } }));
  box.disabled = false;
  box.checked = changed?.done ?? !wanted;
  state.changes += 1;
  if (changed && state.filter && state.filter !== String(changed.done)) row.remove();
  else box.focus();
  await count();
}

async function removeTask(row, task) {
  const gone = await attempt(() => call(`/api/tasks/${task.id}`, { method: "DELETE" }));
  if (gone === undefined) return;
  state.changes += 1;
  const neighbour = row.nextElementSibling ?? row.previousElementSibling;
  row.remove();
  (neighbour?.querySelector(".remove") ?? element("title")).focus();
  await count();
}

async function load({ more = false } = {}) {
  const query = new URLSearchParams({ limit: "50" });
  if (state.filter) query.set("done", state.filter);
  if (more && state.next) query.set("cursor", state.next);
  const number = ++state.loads;
  const changes = state.changes;
  const page = await attempt(() => call(`/api/tasks?${query}`));
  if (!page || number !== state.loads) return; // a later one is on its way
  if (changes !== state.changes) return load({ more }); // this one may be from before the change
  if (!more) element("list").replaceChildren();
  element("list").append(...page.items.map(showRow));
  state.next = page.next_cursor;
  element("more").hidden = !page.next_cursor;
  show(page.open);
}

async function count() {
  const page = await attempt(() => call("/api/tasks?limit=1"));
  if (page) show(page.open);
}

function show(open) {
  const rows = element("list").children.length;
  element("count").textContent = open > 0 ? `${open} open` : rows > 0 ? "All done" : "";
  element("list").hidden = rows === 0;
  element("empty").hidden = rows > 0;
  element("empty").textContent = { "": "Nothing here yet. Add your first task.", false: "Nothing open. Well done.", true: "Nothing finished yet." }[state.filter];
}

element("add").addEventListener("submit", async (event) => {
  event.preventDefault();
  const input = element("title");
  const title = input.value.trim();
  if (!title) return;
  const task = await attempt(() => call("/api/tasks", { method: "POST", body: { title } }));
  if (!task) return;
  state.changes += 1;
  input.value = "";
  input.focus();
  for (const row of [...element("list").children]) if (row.dataset.task === String(task.id)) row.remove(); // a list was faster
  if (state.filter !== "true") element("list").prepend(showRow(task));
  await count();
});

for (const button of document.querySelectorAll("[data-filter]")) {
  button.addEventListener("click", () => {
    state.filter = button.dataset.filter;
    for (const other of document.querySelectorAll("[data-filter]")) other.setAttribute("aria-pressed", String(other === button));
    load();
  });
}

element("more").addEventListener("click", () => load({ more: true }));

element("sign-out").addEventListener("click", async () => {
  const answer = await attempt(() => call("/auth/logout", { method: "POST" }));
  if (answer) window.location.assign(answer.location);
});

const person = await attempt(() => call("/auth/me"));
if (person) {
  element("who").textContent = person.name ?? person.email ?? "";
  element("account").hidden = element("tasks").hidden = false;
  await load();
}
