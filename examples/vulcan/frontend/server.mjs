// The page and what the environment says to it. No framework and no packages: five files, read once.

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { hostname } from "node:os";

const here = (name) => new URL(name, import.meta.url);
const environment = (name, otherwise = "") => (process.env[name] ?? "").trim() || otherwise;
const version = environment("VERSION", readFileSync(here("version.txt"), "utf8").trim());

function origin(name) {
  const value = environment(name).replace(/\/$/, "");
  if (value && !/^https?:\/\/[^/\s]+$/.test(value)) {
    console.error(`${name} should be an origin, such as https://api.example.com`);
    process.exit(1);
  }
  return value;
}

const settings = {
  version,
  release: environment("SLIPWAY_RELEASE", version),
  slot: environment("SLIPWAY_SLOT", "local"),
  host: environment("SLIPWAY_HOST", hostname()),
  api: origin("NEXT_PUBLIC_API_URL"),
  supabase: origin("NEXT_PUBLIC_SUPABASE_URL"),
  supabaseKey: environment("NEXT_PUBLIC_SUPABASE_PUBLISHABLE_KEY"),
  debug: environment("NEXT_PUBLIC_ENABLE_DEBUG_MODE") === "true",
};

const file = (name, type) => ({ type, body: readFileSync(here(`page/${name}`)) });
const files = new Map([
  ["/", file("index.html", "text/html; charset=utf-8")],
  ["/page.css", file("page.css", "text/css; charset=utf-8")],
  ["/page.js", file("page.js", "text/javascript; charset=utf-8")],
  ["/mark.svg", file("mark.svg", "image/svg+xml")],
  ["/settings.json", { type: "application/json", body: Buffer.from(JSON.stringify(settings)) }],
]);

const server = createServer((request, response) => {
  const found = files.get(request.url.split("?")[0]);
  const allowed = request.method === "GET" || request.method === "HEAD";
  const status = found ? (allowed ? 200 : 405) : 404;
  const { type, body } = status === 200 ? found : { type: "text/plain", body: Buffer.from(`${status}\n`) };
  response.writeHead(status, { "Content-Type": type, "Content-Length": body.length, "Cache-Control": "no-cache" });
  response.end(request.method === "HEAD" ? undefined : body);
});
// Longer than the proxy in front keeps an idle connection: the one that closes it must not be the one that is asked.
server.keepAliveTimeout = 75_000;
server.listen(Number(environment("PORT", "3000")), "0.0.0.0", () => console.log(`version ${version} serves`));

for (const signal of ["SIGTERM", "SIGINT"]) {
  process.once(signal, () => server.close(() => process.exit(0))); // idle connections end now, busy ones when answered
}
