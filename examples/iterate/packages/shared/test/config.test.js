import { expect, test } from "vitest";
import { port, readConfig } from "../src/index.js";

test("an empty environment gives the defaults", () => {
  const config = readConfig({ PORT: port(3000) }, {});
  expect(config).toEqual({ LISTEN_HOST: "127.0.0.1", LOG_LEVEL: "info", PORT: 3000 });
});

test("every fault is told at once, without its value", () => {
  const read = () => readConfig({ PORT: port(3000) }, { PORT: "s3cret", LOG_LEVEL: "loud" });
  expect(read).toThrow(/LOG_LEVEL: .*; PORT: /);
  expect(read).not.toThrow(/s3cret|loud/);
});

test.each(["", "0", "65536", "1.5"])("%j is not a port", (PORT) => {
  expect(() => readConfig({ PORT: port(3000) }, { PORT })).toThrow(/PORT/);
});
