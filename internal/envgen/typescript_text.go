package envgen

const tsHead = `
/** What is wrong with the environment: all of it, one line each. */
export class EnvError extends Error {
  constructor(readonly faults: readonly string[]) {
    super(faults.join("\n"));
    this.name = "EnvError";
  }
}

interface Rule {
  readonly parse: (text: string) => unknown;
  readonly want: string;
  readonly required?: boolean;
  readonly when?: readonly (readonly [string, readonly string[]])[];
  readonly fallback?: string;
  readonly from?: string;
  readonly empty?: boolean;
}
`

const tsParse = `
/**
 * Reads the environment, such as process.env. Throws an EnvError that has every
 * fault, and that shows no value.
 */
export function parseEnv(source: Readonly<Record<string, string | undefined>>): Env {
  const known = new Map<string, Rule>(rules);
  const found = (name: string, depth = 0): string | undefined => {
    const rule = known.get(name);
    const given = Object.prototype.hasOwnProperty.call(source, name) ? source[name] : undefined;
    if (rule === undefined || depth > rules.length) return undefined;
    if (given !== undefined && (given !== "" || rule.empty === true)) return given;
    if (rule.fallback !== undefined && (rule.fallback !== "" || rule.empty === true)) return rule.fallback;
    return rule.from === undefined ? undefined : found(rule.from, depth + 1);
  };
  const faults: string[] = [];
  const values = rules.map(([name, rule]): [string, unknown] => {
    const text = found(name);
    if (text === undefined) {
      const holds = rule.when?.every(([other, values]) => {
        const value = found(other);
        return value !== undefined && (values.length === 0 || values.includes(value));
      });
      if (rule.required === true || holds === true) faults.push("cannot find a value for " + name + ": it is required");
      return [name, undefined];
    }
    const value = rule.parse(text);
    if (value === undefined || text.includes("\0")) faults.push("cannot use " + name + ": it is not " + rule.want);
    return [name, value];
  });
  if (faults.length > 0) throw new EnvError(faults);
  return Object.fromEntries(values) as unknown as Env;
}
`

// A tsFunction is one that generated rules may call.
type tsFunction struct{ name, source string }

func tsFunctions() []tsFunction {
	return []tsFunction{
		{"matching", `function matching(pattern: RegExp, longest = Infinity): (text: string) => string | undefined {
  return (text) => (pattern.test(text) && text.length <= longest ? text : undefined);
}
`},
		{"number", `function number(pattern: RegExp, fits: (value: number) => boolean): (text: string) => number | undefined {
  return (text) => (pattern.test(text) && fits(Number(text)) ? Number(text) : undefined);
}
`},
		{"duration", `/** A duration is a number of milliseconds. */
function duration(pattern: RegExp): (text: string) => number | undefined {
  const units: Readonly<Record<string, number>> = { ns: 1, us: 1e3, ms: 1e6, s: 1e9, m: 6e10, h: 36e11 };
  return (text) => {
    if (!pattern.test(text)) return undefined;
    let total = BigInt(0); // nanoseconds
    for (const part of text.match(/[0-9.]+[a-z]+/g) ?? []) {
      const [, whole = "", fraction = "", unit = ""] = /^([0-9]*)\.?([0-9]*)([a-z]+)$/.exec(part) ?? [];
      const scale = BigInt(units[unit] ?? 0);
      total += BigInt(whole || "0") * scale + (BigInt(fraction || "0") * scale) / BigInt("1" + "0".repeat(fraction.length));
    }
    return total <= BigInt("9223372036854775807") ? Number(total) / 1e6 : undefined;
  };
}
`},
		{"bytes", `function bytes(pattern: RegExp): (text: string) => number | undefined {
  const powers = ["", "k", "m", "g", "t"];
  return (text) => {
    if (!pattern.test(text)) return undefined;
    const unit = text.replace(/[0-9 ]+/, "").replace("B", "");
    const scale = unit.endsWith("i") ? 1024 : 1000;
    const total = parseInt(text, 10) * scale ** powers.indexOf(unit.replace("i", "").toLowerCase());
    return Number.isSafeInteger(total) ? total : undefined;
  };
}
`},
		{"base64", `function base64(pattern: RegExp, least: number): (text: string) => Uint8Array | undefined {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  return (text) => {
    const digits = text.replace(/=+$/, "").replace(/-/g, "+").replace(/_/g, "/");
    const out = new Uint8Array(Math.floor((digits.length * 3) / 4));
    if (!pattern.test(text) || out.length < least) return undefined;
    let bits = 0;
    let held = 0;
    let at = 0;
    for (const digit of digits) {
      bits = ((bits << 6) | alphabet.indexOf(digit)) & 0xffff;
      held += 6;
      if (held >= 8) {
        held -= 8;
        out[at++] = (bits >> held) & 0xff;
      }
    }
    return out;
  };
}
`},
		{"json", `/** Its schema was checked by sandwright, before anything started. */
function json(text: string): unknown {
  try {
    return JSON.parse(text) ?? null;
  } catch {
    return undefined;
  }
}
`},
		{"list", `function list<T>(separator: string, parse: (text: string) => T | undefined): (text: string) => readonly T[] | undefined {
  return (text) => {
    const items: T[] = [];
    if (text === "") return items;
    for (const part of text.split(separator)) {
      const trimmed = part.replace(/^[\t-\r ]+|[\t-\r ]+$/g, "");
      const item = trimmed === "" ? undefined : parse(trimmed);
      if (item === undefined) return undefined;
      items.push(item);
    }
    return items;
  };
}
`},
	}
}
