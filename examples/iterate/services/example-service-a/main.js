import { setTimeout as sleep } from "node:timers/promises";
import { port, readConfig, serve, stopSignal } from "@iterate/shared";
import { Hono } from "hono";

const config = readConfig({ PORT: port(3001) });
const signal = stopSignal();

const app = new Hono()
  .get("/", (c) => c.json({ service: "example-service-a", message: "Hello from a" }))
  .get("/health", (c) => c.json({ ok: true }));

// This service takes its time to start, as real ones do.
await sleep(2000, undefined, { signal }).catch(() => process.exit(0));
await serve("example-service-a", app, config, signal);
