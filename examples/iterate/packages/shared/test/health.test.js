import { once } from "node:events";
import { createServer } from "node:http";
import { afterEach, expect, test } from "vitest";
import { checkHealth } from "../src/index.js";

const server = createServer((request, response) => {
  response.statusCode = request.url === "/health" ? 200 : 503;
  response.end();
});

afterEach(() => server.close());

async function listen() {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  return `http://127.0.0.1:${port}`;
}

test("a service that answers is ok", async () => {
  const url = await listen();
  expect(await checkHealth("a", `${url}/health`)).toMatchObject({ name: "a", ok: true });
});

test("a service that answers with a failure is not", async () => {
  const url = await listen();
  expect((await checkHealth("a", `${url}/busy`)).error).toBe(`GET ${url}/busy: 503`);
});

test("a service that does not listen is not", async () => {
  const url = await listen();
  server.close();
  await once(server, "close");
  expect((await checkHealth("a", url)).error).toBe(`GET ${url}: ECONNREFUSED`);
});
