// Figures and times as people read them.

const NUMBER = new Intl.NumberFormat("en-US", { maximumFractionDigits: 1 });
const UNITS = [
  [86_400, "d"],
  [3600, "h"],
  [60, "m"],
  [1, "s"],
] as const;

export function figure(value: number | null | undefined): string {
  return value === null || value === undefined ? "–" : NUMBER.format(value);
}

export function messages(count: number): string {
  return count === 1 ? "1 message" : `${figure(count)} messages`;
}

// Two units at most: 3m 20s.
export function duration(seconds: number): string {
  let left = Math.max(0, Math.round(seconds));
  const parts: string[] = [];
  for (const [size, unit] of UNITS) {
    if (left >= size || (size === 1 && parts.length === 0)) parts.push(`${Math.floor(left / size)}${unit}`);
    left %= size;
    if (parts.length === 2 || (parts.length === 1 && left === 0)) break;
  }
  return parts.join(" ");
}

export function ago(time: string | null | undefined, now: number): string {
  if (!time) return "–";
  const seconds = (now - Date.parse(time)) / 1000;
  return seconds >= 0 ? `${duration(seconds)} ago` : `in ${duration(-seconds)}`;
}

// A duration of the API, such as 1h30m5s, in seconds.
export function seconds(text: string | undefined): number {
  let sum = 0;
  for (const [, value, unit] of (text ?? "").matchAll(/([\d.]+)(ms|h|m|s|d)/g)) {
    sum += Number(value) * ({ d: 86_400, h: 3600, m: 60, s: 1, ms: 0.001 }[unit!] ?? 0);
  }
  return sum;
}
