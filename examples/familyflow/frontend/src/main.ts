import * as api from "./api";

const VERSION = "1.0.0";
const EVERY = 3_000;

function part<T extends HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found as T;
}

function say(id: string, text: string, bad = false): void {
  const place = part(id);
  if (place.textContent !== text) place.textContent = text; // unchanged text would be read out again
  place.classList.toggle("bad", bad);
}

const reason = (error: unknown) => (error instanceof Error ? error.message : String(error));

async function showHeartbeat(): Promise<void> {
  try {
    const beat = await api.heartbeat();
    const age = beat.age_seconds;
    say("heartbeat", age === null ? "none yet" : `beat ${beat.count}, ${Math.round(age)} s ago`, age === null || age > 30);
  } catch (error) {
    say("heartbeat", reason(error), true);
  }
}

async function showHealth(): Promise<void> {
  try {
    const health = await api.health();
    const silent = Object.entries(health.checks).filter(([, answer]) => answer !== "ok");
    const names = silent.map(([name]) => name).join(", ");
    say("health", health.healthy ? "everything answers" : `${names} does not answer`, !health.healthy);
    say("release", `${health.version}, ${health.release} (${health.slot}), commit ${health.commit.slice(0, 8)}`);
  } catch (error) {
    say("health", reason(error), true);
  }
}

async function showNotes(): Promise<void> {
  const { notes } = await api.notes();
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

part<HTMLFormElement>("write").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target as HTMLFormElement;
  const values = new FormData(form);
  try {
    await api.write(Number(values.get("number")), String(values.get("text")));
    await showNotes();
    form.reset();
  } catch (error) {
    say("result", `The note was not written: ${reason(error)}`, true);
  }
});

part("run").addEventListener("click", async () => {
  const button = part<HTMLButtonElement>("run");
  button.disabled = true;
  say("result", "Queued…");
  try {
    const found = await api.summary();
    say("result", `${found.notes} notes, ${found.words} words, counted by release ${found.release} (${found.slot}).`);
  } catch (error) {
    say("result", `It did not work: ${reason(error)}`, true);
  } finally {
    button.disabled = false;
  }
});

say("page", VERSION);
const refresh = () => Promise.all([showHeartbeat(), showHealth()]);
void refresh();
showNotes().catch((error: unknown) => say("result", reason(error), true));
setInterval(() => void (document.hidden || refresh()), EVERY);
