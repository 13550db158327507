import { once } from "node:events";
import { createServer } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { Hono } from "hono";
import { pino } from "pino";

/** How long open connections may last after a stop, in milliseconds. */
const grace = 500;

/**
 * Serves an application until the signal is aborted, with one line per request
 * on standard output. Resolves once the server listens.
 *
 * @param {string} name
 * @param {Hono} app
 * @param {{ LISTEN_HOST: string, PORT: number, LOG_LEVEL: string }} config
 * @param {AbortSignal} signal
 */
export async function serve(name, app, config, signal) {
  const log = createLog(name, config.LOG_LEVEL);
  const logged = new Hono().use(logRequests(log)).route("/", app);
  const server = createServer(getRequestListener(logged.fetch));

  server.listen(config.PORT, config.LISTEN_HOST);
  await once(server, "listening");
  log.info({ host: config.LISTEN_HOST, port: config.PORT }, "listening");

  const stop = () => {
    log.info("stopping");
    server.close();
    setTimeout(() => server.closeAllConnections(), grace).unref();
  };
  if (signal.aborted) stop();
  else signal.addEventListener("abort", stop);
}

/**
 * A log without times: the supervisor stamps every line.
 *
 * @param {string} name
 * @param {string} level
 */
function createLog(name, level) {
  const formatters = { level: (/** @type {string} */ label) => ({ level: label }) };
  return pino({ level, base: { name }, timestamp: false, formatters });
}

/**
 * @param {import("pino").Logger} log
 * @returns {import("hono").MiddlewareHandler}
 */
function logRequests(log) {
  return async (context, next) => {
    const start = performance.now();
    await next();
    const { method, path } = context.req;
    const milliseconds = Math.round(performance.now() - start);
    log.info({ method, path, status: context.res.status, milliseconds }, "request");
  };
}
