// What is round every page: its name, the way to the others, the namespace, the theme, and whether it is live.

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { address, go, PAGES, refine, type Route } from "../route";
import { fleet, state } from "../store";

const THEMES = ["auto", "light", "dark"] as const;
const STORED = "taskfleet-theme";

export function Shell({ route, children }: { route: Route; children: ComponentChildren }) {
  return (
    <>
      <a class="skip" href="#main" onClick={skip}>
        Skip to the content
      </a>
      <header>
        <a class="brand" href={address("")}>
          Taskfleet
        </a>
        <nav aria-label="Pages">
          {PAGES.map(([path, name]) => (
            <a href={address(path)} aria-current={isCurrent(route, path) ? "page" : undefined}>
              {name}
            </a>
          ))}
        </nav>
        <span class="space" />
        <Live />
        <Namespaces />
        <Theme />
      </header>
      <main id="main" tabIndex={-1}>
        {[...state.errors].map(([kind, message]) => (
          <p class="notice" role="alert">
            {kind} cannot be read: {message}
          </p>
        ))}
        {children}
      </main>
    </>
  );
}

function skip(event: Event): void {
  event.preventDefault();
  document.getElementById("main")?.focus();
}

function isCurrent(route: Route, path: string): boolean {
  const [first = ""] = route.path;
  return (first === "pools" ? "" : first) === path;
}

function Live() {
  const text = state.connected ? "Live" : "Connecting…";
  return (
    <span class={`live ${state.connected ? "on" : ""}`} role="status">
      {text}
    </span>
  );
}

function Namespaces() {
  const known = new Set([state.home, state.scope ?? ""]);
  for (const map of [fleet.WorkerPool, fleet.TaskQueue, fleet.PeriodicSchedule, fleet.Broker]) {
    for (const object of map.values()) known.add(object.namespace);
  }
  known.delete("");
  return (
    <label>
      <span class="hidden">Namespace</span>
      <select value={state.scope ?? ""} onChange={(event) => refine({ namespace: event.currentTarget.value })}>
        <option value="">all namespaces</option>
        {[...known].sort().map((name) => (
          <option value={name}>{name}</option>
        ))}
      </select>
    </label>
  );
}

function Theme() {
  const [theme, setTheme] = useState(document.documentElement.dataset.theme ?? "auto");
  const next = THEMES[(THEMES.indexOf(theme as (typeof THEMES)[number]) + 1) % THEMES.length]!;
  const change = () => {
    localStorage.setItem(STORED, next);
    applyTheme();
    setTheme(next);
  };
  return (
    <button type="button" class="plain" onClick={change} aria-label={`Theme: ${theme}. Change to ${next}.`}>
      {theme === "auto" ? "◐" : theme === "light" ? "☀" : "☾"}
    </button>
  );
}

export function applyTheme(): void {
  document.documentElement.dataset.theme = localStorage.getItem(STORED) ?? "auto";
}

// "/" searches, "g" and a letter goes to a page, arrows go through the rows of a table.
export function listenToKeys(): void {
  let before = "";
  document.addEventListener("keydown", (event) => {
    const target = event.target as HTMLElement;
    if (event.ctrlKey || event.metaKey || event.altKey || target.matches("input, select, textarea, dialog *")) return;
    const page = PAGES.find(([, name]) => before === "g" && name[0]!.toLowerCase() === event.key);
    before = event.key;
    if (page !== undefined) go(address(page[0]));
    else if (event.key === "/") {
      event.preventDefault();
      document.querySelector<HTMLInputElement>("input[type=search]")?.focus();
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") step(event, target);
  });
}

function step(event: KeyboardEvent, target: HTMLElement): void {
  const links = [...document.querySelectorAll<HTMLElement>(".body .row > :first-child a")];
  const at = links.indexOf(target);
  const next = links[at + (event.key === "ArrowDown" ? 1 : -1)];
  if (at < 0 || next === undefined) return;
  event.preventDefault();
  next.focus();
}
