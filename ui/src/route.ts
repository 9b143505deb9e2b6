// Where the page is: all of its state is in the address, so that a link shows the same again.

export interface Route {
  path: string[];
  query: URLSearchParams;
}

export const PAGES = [
  ["", "Fleet"],
  ["queues", "Queues"],
  ["schedules", "Schedules"],
  ["brokers", "Brokers"],
  ["events", "Events"],
] as const;

const FOLDERS: Record<string, string> = {
  WorkerPool: "pools",
  TaskQueue: "queues",
  PeriodicSchedule: "schedules",
  Broker: "brokers",
};

export function current(): Route {
  const path = location.pathname.split("/").filter((part) => part !== "");
  return { path, query: new URLSearchParams(location.search) };
}

export function address(path: string, query: Record<string, string> = {}): string {
  const kept = new URLSearchParams();
  const scope = current().query.get("namespace");
  if (scope !== null) kept.set("namespace", scope);
  for (const [name, value] of Object.entries(query)) if (value !== "") kept.set(name, value);
  const text = kept.toString();
  return `/${path}${text === "" ? "" : `?${text}`}`;
}

export function objectAddress(kind: string, namespace: string, name: string): string {
  const folder = FOLDERS[kind];
  return folder === undefined ? "" : address(`${folder}/${namespace}/${name}`);
}

export function go(to: string): void {
  history.pushState(null, "", to);
  window.dispatchEvent(new PopStateEvent("popstate"));
  window.scrollTo(0, 0);
}

// Change parts of the query in place: filters make no entries of the browser's history.
export function refine(changes: Record<string, string>): void {
  const { query } = current();
  for (const [name, value] of Object.entries(changes)) {
    if (value === "" && name !== "namespace") query.delete(name);
    else query.set(name, value);
  }
  const text = query.toString();
  history.replaceState(null, "", `${location.pathname}${text === "" ? "" : `?${text}`}`);
  window.dispatchEvent(new PopStateEvent("popstate"));
}

// Links within the page are followed without loading it again.
export function followLinks(): void {
  document.addEventListener("click", (event) => {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.defaultPrevented) return;
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    if (link === null || link.origin !== location.origin || link.hash !== "") return;
    event.preventDefault();
    go(link.pathname + link.search);
  });
}
