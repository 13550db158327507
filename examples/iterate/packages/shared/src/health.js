/**
 * @typedef {object} Health
 * @property {string} name
 * @property {boolean} ok
 * @property {number} milliseconds that the answer took
 * @property {string} [error] why it is not ok
 */

/**
 * Asks a service how it is. Never rejects.
 *
 * @param {string} name
 * @param {string} url
 * @param {number} [timeout] in milliseconds
 * @returns {Promise<Health>}
 */
export async function checkHealth(name, url, timeout = 1000) {
  const start = performance.now();
  const error = await attempt(url, timeout);
  const milliseconds = Math.round(performance.now() - start);
  return { name, ok: error === undefined, milliseconds, error };
}

/**
 * @param {string} url
 * @param {number} timeout
 */
async function attempt(url, timeout) {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(timeout) });
    await answer.body?.cancel();
    return answer.ok ? undefined : `GET ${url}: ${answer.status}`;
  } catch (error) {
    return `GET ${url}: ${reason(error)}`;
  }
}

/** @param {unknown} error */
function reason(error) {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  return cause instanceof Error && "code" in cause ? String(cause.code) : error.message;
}
