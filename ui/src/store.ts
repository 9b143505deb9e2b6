// What is known of the fleet, filled by one stream. Components are told at most four times a second.

import { lines, RefusedError } from "./session";
import type { Broker, Happening, Pool, Queue, Reference, Schedule, Stored } from "./model";

const TELL_MS = 250;
const RETRY_MS = 2000;
// The server sends a line every 10 s at least.
const SILENCE_MS = 25_000;
const MAX_EVENTS = 2000;

export interface Fleet {
  WorkerPool: Map<string, Pool>;
  TaskQueue: Map<string, Queue>;
  PeriodicSchedule: Map<string, Schedule>;
  Broker: Map<string, Broker>;
  Event: Map<string, Happening>;
}

interface Line {
  sync?: keyof Fleet;
  items?: (Stored | Happening)[];
  put?: Stored | Happening;
  drop?: Reference;
  error?: keyof Fleet;
  message?: string;
  scope?: string;
  namespace?: string;
  version?: string;
}

export const fleet: Fleet = empty();
export const state = {
  scope: undefined as string | undefined, // the namespace that is shown; "": all
  home: "",
  version: "",
  synced: new Set<keyof Fleet>(),
  errors: new Map<keyof Fleet, string>(),
  connected: false,
  refused: "", // why there is no session
};

const listeners = new Set<() => void>();
let stream: AbortController | undefined;
let pending: ReturnType<typeof setTimeout> | undefined;
let heard = 0;
let followed: string | undefined;

export function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function refuse(message: string): void {
  state.refused = message;
  tell(0);
}

// Follow a namespace; "" all, undefined the server's choice.
export async function follow(scope: string | undefined): Promise<void> {
  stream?.abort();
  const own = (stream = new AbortController());
  if (scope !== followed) {
    Object.assign(fleet, empty());
    state.synced.clear();
  }
  followed = scope;
  state.errors.clear();
  while (!own.signal.aborted) {
    try {
      const query = scope === undefined ? "" : `?namespace=${encodeURIComponent(scope)}`;
      for await (const line of lines(`/api/live${query}`, own.signal)) {
        heard = Date.now();
        take(JSON.parse(line) as Line);
      }
    } catch (error) {
      if (error instanceof RefusedError && error.status === 401) return refuse(error.message);
    }
    if (own.signal.aborted) return;
    state.connected = false;
    tell(0);
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

// A hidden tab gives its connection back, because a browser has six of them for all tabs together.
export function watchVisibility(scope: () => string | undefined): void {
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) stream?.abort();
    else void follow(scope());
  });
  setInterval(() => {
    if (state.connected && Date.now() - heard > SILENCE_MS && !document.hidden) void follow(scope());
  }, 5000);
}

export function keyOf(object: Reference): string {
  return `${object.namespace}/${object.name}`;
}

function take(line: Line): void {
  state.connected = true;
  if (line.scope !== undefined) {
    state.scope = line.scope;
    state.home = line.namespace ?? "";
    state.version = line.version ?? "";
  } else if (line.sync !== undefined) {
    const map = new Map((line.items ?? []).map((one) => [keyOf(one), one]));
    Object.assign(fleet, { [line.sync]: map });
    state.synced.add(line.sync);
    state.errors.delete(line.sync);
    return tell(0);
  } else if (line.put !== undefined) {
    const map = fleet[line.put.kind] as Map<string, Stored | Happening>;
    map.set(keyOf(line.put), line.put);
    if (line.put.kind === "Event" && map.size > MAX_EVENTS) map.delete(map.keys().next().value!);
  } else if (line.drop !== undefined) {
    fleet[line.drop.kind as keyof Fleet].delete(keyOf(line.drop));
  } else if (line.error !== undefined) {
    state.errors.set(line.error, line.message ?? "");
  }
  tell(TELL_MS);
}

function tell(milliseconds: number): void {
  if (milliseconds === 0) clearTimeout(pending);
  else if (pending !== undefined) return;
  pending = setTimeout(() => {
    pending = undefined;
    for (const listener of listeners) listener();
  }, milliseconds);
}

function empty(): Fleet {
  return { WorkerPool: new Map(), TaskQueue: new Map(), PeriodicSchedule: new Map(), Broker: new Map(), Event: new Map() };
}
