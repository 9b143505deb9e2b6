// The state of an object in a word, with a sign before it: color never carries the meaning alone.

import { condition, problems, type Condition, type Stored } from "../model";
import { objectAddress } from "../route";

type Tone = "bad" | "warn" | "good" | "idle";
const SIGNS: Record<Tone, string> = { bad: "✕", warn: "!", good: "✓", idle: "–" };
const HARD = ["Ready", "Stalled"];

export function Badge({ object }: { object: Stored }) {
  const [worst] = problems(object);
  const ready = condition(object, "Ready");
  if (worst !== undefined) return <Sign tone={HARD.includes(worst.type) ? "bad" : "warn"} text={worst.reason} />;
  return <Sign tone={ready?.status === "True" ? "good" : "idle"} text={ready?.reason ?? "Unknown"} />;
}

export function Sign({ tone, text }: { tone: Tone; text: string }) {
  return (
    <span class={`badge ${tone}`}>
      <span aria-hidden="true">{SIGNS[tone]}</span> {text}
    </span>
  );
}

export function Name({ object }: { object: { kind: string; namespace: string; name: string } }) {
  const to = objectAddress(object.kind, object.namespace, object.name);
  const text = (
    <>
      <span class="namespace">{object.namespace}/</span>
      {object.name}
    </>
  );
  return to === "" ? <span>{text}</span> : <a href={to}>{text}</a>;
}

// The sum of two: 0 is a state with nothing wrong.
export function severity(object: Stored): number {
  return problems(object).reduce((sum: number, one: Condition) => sum + (HARD.includes(one.type) ? 100 : 1), 0);
}
