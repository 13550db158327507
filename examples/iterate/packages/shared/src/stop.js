/**
 * A signal that is aborted by the first SIGTERM or SIGINT of this process.
 */
export function stopSignal() {
  const controller = new AbortController();
  for (const name of /** @type {const} */ (["SIGTERM", "SIGINT"])) {
    process.once(name, () => controller.abort());
  }
  return controller.signal;
}
