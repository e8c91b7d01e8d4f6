import { defineConfig } from "vite";

export default defineConfig({
  // Nothing inside the page's own text: a content security policy of 'self' is enough for it.
  build: { assetsDir: "assets", assetsInlineLimit: 0, target: "es2022" },
  server: { proxy: { "/api": "http://127.0.0.1:8000" } },
});
