/** @typedef {import("./health.js").Health} Health */

export { descriptor, port, readConfig, secret, url } from "./config.js";
export { checkHealth } from "./health.js";
export { notifyReady } from "./ready.js";
export { serve } from "./serve.js";
export { stopSignal } from "./stop.js";
