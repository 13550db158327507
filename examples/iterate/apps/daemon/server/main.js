import { port, readConfig, secret, serve, stopSignal, url } from "@iterate/shared";
import { createApp } from "./app.js";

const config = readConfig({
  PORT: port(3000),
  ITERATE_TOKEN: secret(),
  SERVICE_A_URL: url("http://127.0.0.1:3001"),
  SERVICE_B_URL: url("http://127.0.0.1:3002"),
});

await serve("iterate-server", createApp(config), config, stopSignal());
