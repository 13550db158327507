import { closeSync, writeSync } from "node:fs";

/**
 * Tells whoever started this process that it is ready: a newline on the
 * descriptor they passed. Without one it does nothing.
 *
 * @param {number | undefined} descriptor
 */
export function notifyReady(descriptor) {
  if (descriptor === undefined) return;
  writeSync(descriptor, "\n");
  closeSync(descriptor);
}
