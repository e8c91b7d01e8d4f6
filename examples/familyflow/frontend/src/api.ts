// The API, as the backend's README lists it. VITE_API_BASE_URL is empty where page and API share an address.

const base = (import.meta.env.VITE_API_BASE_URL ?? "").replace(/\/+$/, "");
const PATIENCE = 30_000;

export interface Release {
  version: string;
  release: string;
  slot: string;
  commit: string;
}

export interface Health extends Release {
  healthy: boolean;
  checks: Record<string, string>;
}

export interface Heartbeat {
  count: number;
  age_seconds: number | null;
}

export interface Note {
  number: number;
  text: string;
}

export interface Summary extends Release {
  notes: number;
  words: number;
}

interface Task {
  state: string;
  result: Summary | null;
}

async function call<T>(path: string, body?: unknown, accepted: number[] = []): Promise<T> {
  const options: RequestInit =
    body === undefined
      ? { cache: "no-store" }
      : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  const answer = await fetch(`${base}${path}`, { ...options, signal: AbortSignal.timeout(10_000) });
  const read = (await answer.json().catch(() => ({}))) as T & { error?: string };
  if (!answer.ok && !accepted.includes(answer.status)) {
    throw new Error(read.error ?? `the server answered ${answer.status}`);
  }
  return read;
}

export const health = () => call<Health>("/api/health/", undefined, [503]);
export const heartbeat = () => call<Heartbeat>("/api/heartbeat/");
export const notes = () => call<{ notes: Note[] }>("/api/notes/");
export const write = (number: number, text: string) => call<unknown>("/api/notes/", { number, text });

/** Queues the task and asks for its result until the worker has it. */
export async function summary(): Promise<Summary> {
  const { id } = await call<{ id: string }>("/api/tasks/", { kind: "summary" });
  const end = Date.now() + PATIENCE;
  for (let pause = 100; Date.now() < end; pause = Math.min(pause * 1.5, 1_000)) {
    const task = await call<Task>(`/api/tasks/${id}/`);
    if (task.state === "SUCCESS" && task.result) return task.result;
    if (task.state === "FAILURE") throw new Error("the task failed; the worker's log says why");
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
  throw new Error("no worker has taken the task");
}
