import { descriptor, notifyReady, port, readConfig, serve, stopSignal, url } from "@iterate/shared";
import { Hono } from "hono";

const config = readConfig({
  PORT: port(3002),
  SERVICE_A_URL: url("http://127.0.0.1:3001"),
  NOTIFY_FD: descriptor(),
});

const app = new Hono()
  .get("/", async (c) => {
    const answer = await fetch(config.SERVICE_A_URL, { signal: AbortSignal.timeout(2000) });
    return c.json({ service: "example-service-b-depends-on-a", a: await answer.json() });
  })
  .get("/health", (c) => c.json({ ok: true }))
  .onError((error, c) => c.json({ error: `cannot ask example-service-a: ${error.message}` }, 502));

await serve("example-service-b-depends-on-a", app, config, stopSignal());
notifyReady(config.NOTIFY_FD);
