// What makes a component draw again: news of the fleet, another address, a second that passed.

import { useEffect, useReducer } from "preact/hooks";
import { ask } from "./session";
import { current, type Route } from "./route";
import { subscribe } from "./store";

export function useNews(): void {
  const [, draw] = useReducer((count: number) => count + 1, 0);
  useEffect(() => subscribe(() => draw(undefined)), []);
}

export function useRoute(): Route {
  const [, draw] = useReducer((count: number) => count + 1, 0);
  useEffect(() => {
    const moved = () => draw(undefined);
    window.addEventListener("popstate", moved);
    return () => window.removeEventListener("popstate", moved);
  }, []);
  return current();
}

export function useNow(): number {
  const [, draw] = useReducer((count: number) => count + 1, 0);
  useEffect(() => {
    const timer = setInterval(() => draw(undefined), 1000);
    return () => clearInterval(timer);
  }, []);
  return Date.now();
}

const ACCESS_MS = 60_000;
const access = new Map<string, { allowed?: boolean; until: number }>();

// Whether the user may change an object, by SelfSubjectAccessReview; undefined while that is not known.
export function useAccess(kind: string, namespace: string, name: string): boolean | undefined {
  const [, draw] = useReducer((count: number) => count + 1, 0);
  const key = `${kind} ${namespace} ${name}`;
  const known = access.get(key);
  useEffect(() => {
    if (name === "" || (known !== undefined && known.until > Date.now())) return;
    const entry: { allowed?: boolean; until: number } = { ...known, until: Date.now() + ACCESS_MS };
    access.set(key, entry);
    ask<{ allowed: boolean }>("/api/access", { kind, namespace, name })
      .then((answer) => {
        entry.allowed = answer.allowed;
        draw(undefined);
      })
      .catch(() => access.delete(key));
  });
  return known?.allowed;
}
