// The page. Where the API is stands in settings.json, which the server makes from its environment.

const EVERY = 3_000;
const part = (id) => document.getElementById(id);
const reason = (error) => (error instanceof Error ? error.message : String(error));
const named = ({ version, release, slot, host }) => `${version}, ${release} (${slot}) on ${host}`;

function say(id, text, bad = false) {
  const place = part(id);
  if (place.textContent !== text) place.textContent = text; // unchanged text would be read out again
  place.classList.toggle("bad", bad);
}

async function call(address, body, accepted = []) {
  const options =
    body === undefined
      ? { cache: "no-store" }
      : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  const answer = await fetch(address, { ...options, signal: AbortSignal.timeout(20_000) });
  const read = await answer.json().catch(() => ({}));
  if (!answer.ok && !accepted.includes(answer.status)) {
    throw new Error(read.error ?? `the server answered ${answer.status}`);
  }
  return read;
}

const settings = await call("/settings.json");
const api = `${settings.api}/api/v1`;

async function showHealth() {
  try {
    const health = await call(`${api}/utils/health-check/`, undefined, [503]);
    const silent = Object.keys(health.checks).filter((name) => health.checks[name] !== "ok");
    say("health", health.healthy ? "everything answers" : `${silent.join(", ")} does not answer`, !health.healthy);
    say("release", named(health));
  } catch (error) {
    say("health", reason(error), true);
  }
}

async function showNotes() {
  const { notes } = await call(`${api}/notes/`);
  part("notes").replaceChildren(
    ...notes.map((note) => {
      const row = document.createElement("li");
      const place = document.createElement("b");
      place.textContent = String(note.number);
      row.append(place, note.text);
      return row;
    }),
  );
}

part("write").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  const values = new FormData(form);
  try {
    await call(`${api}/notes/`, { number: Number(values.get("number")), text: values.get("text") });
    form.reset();
    await showNotes();
    say("result", "");
  } catch (error) {
    say("result", `It did not work: ${reason(error)}`, true);
  }
});

say("page", named(settings));
part("debug").hidden = !settings.debug;
void showHealth();
showNotes().catch((error) => say("result", reason(error), true));
setInterval(() => void (document.hidden || showHealth()), EVERY);
