import { z } from "zod";

const common = {
  LISTEN_HOST: z.string().default("127.0.0.1"),
  LOG_LEVEL: z.enum(["debug", "info", "warn", "error"]).default("info"),
};

/**
 * A TCP port, with the one to use where the environment names none.
 *
 * @param {number} fallback
 */
export const port = (fallback) => z.coerce.number().int().min(1).max(65535).default(fallback);

/**
 * An http or https URL, with the one to use where the environment names none.
 *
 * @param {string} fallback
 */
export const url = (fallback) => z.url({ protocol: /^https?$/ }).default(fallback);

/** A secret. The empty one counts as none. */
export const secret = () => z.string().optional().transform((text) => text || undefined);

/** A descriptor that was passed to this process, if any. */
export const descriptor = () => z.coerce.number().int().min(3).optional();

/**
 * Reads the environment. Throws one error that names every variable at fault
 * and never shows a value.
 *
 * @template {z.ZodRawShape} T
 * @param {T} shape
 * @param {Record<string, string | undefined>} [env]
 */
export function readConfig(shape, env = process.env) {
  const result = z.object({ ...common, ...shape }).safeParse(env, { reportInput: false });
  if (result.success) return result.data;
  const faults = result.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
  throw new Error(`cannot use the environment: ${faults.join("; ")}`);
}
