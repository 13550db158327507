// The style of check that this project began with: each access looks after
// itself, and the first that fails ends the program.
import { readFileSync } from "node:fs";

function start(env) {
  if (!env.SITE) throw new Error("SITE is required");
  const site = new URL(env.SITE);
  if (!env.API_KEY) throw new Error("API_KEY is required");
  if (!env.API_KEY.startsWith("sk-")) throw new Error(`invalid API_KEY: ${env.API_KEY}`);
  const port = Number(env.PORT ?? 3000);
  if (Number.isNaN(port)) throw new Error(`PORT must be a number, got ${env.PORT}`);
  const workers = Number(env.WORKERS ?? 4);
  if (Number.isNaN(workers)) throw new Error(`WORKERS must be a number, got ${env.WORKERS}`);
  const ratio = parseFloat(env.RATIO ?? "1");
  const debug = Boolean(env.DEBUG);
  const mode = env.MODE ?? "development";
  if (mode === "production" && !env.DATABASE_URL) throw new Error("DATABASE_URL is required in production");
  const database = env.DATABASE_URL ? new URL(env.DATABASE_URL) : undefined;
  const pin = env.PIN ? Number(env.PIN) : undefined;
  if (Number.isNaN(pin)) throw new Error(`PIN must be a number, got ${env.PIN}`);
  const flags = env.FLAGS ? JSON.parse(env.FLAGS) : {};
  const timeout = parseInt(env.TIMEOUT ?? "30", 10);
  const origins = (env.ORIGINS ?? "").split(",");
  const key = Buffer.from(env.SIGNING_KEY ?? "", "base64");
  if (!env.QUEUE) throw new Error("QUEUE is required");
  return { site, port, workers, ratio, debug, database, flags, timeout, origins, key };
}

const said = JSON.parse(readFileSync(0, "utf8")).map((env) => {
  try {
    start(env);
    return "";
  } catch (error) {
    return [error.message, error.input].filter(Boolean).join(" ");
  }
});
console.log(JSON.stringify(said));
