import { join } from "node:path";
import { serveStatic } from "@hono/node-server/serve-static";
import { checkHealth } from "@iterate/shared";
import { Hono } from "hono";

const dist = join(import.meta.dirname, "../dist");

/**
 * The built front end, and its API.
 *
 * @param {{ ITERATE_TOKEN?: string, SERVICE_A_URL: string, SERVICE_B_URL: string }} config
 */
export function createApp(config) {
  const app = new Hono();

  app.get("/api/health", (c) => c.json({ ok: true }));

  app.get("/api/hello", (c) =>
    c.json({ message: "Hello from the Iterate daemon", signedIn: Boolean(config.ITERATE_TOKEN) }),
  );

  app.get("/api/services", async (c) => {
    const services = await Promise.all([
      checkHealth("example-service-a", `${config.SERVICE_A_URL}/health`),
      checkHealth("example-service-b-depends-on-a", `${config.SERVICE_B_URL}/health`),
    ]);
    return c.json({ services });
  });

  app.use(serveStatic({ root: dist }));

  return app;
}
