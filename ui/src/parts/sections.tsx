// Parts of an object's page: figures, conditions, events.

import type { ComponentChildren } from "preact";
import { ago, figure } from "../format";
import type { Reference, Stored } from "../model";
import { fleet } from "../store";
import { Sign } from "./badge";

const MAX_EVENTS = 20;

export function Section({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <section>
      <h2>{title}</h2>
      {children}
    </section>
  );
}

export type Figure = [name: string, value: number | string | null | undefined];

export function Figures({ figures }: { figures: Figure[] }) {
  return (
    <dl class="figures">
      {figures.map(([name, value]) => (
        <div>
          <dt>{name}</dt>
          <dd>{typeof value === "string" ? value : figure(value)}</dd>
        </div>
      ))}
    </dl>
  );
}

export function Facts({ facts }: { facts: [string, ComponentChildren][] }) {
  return (
    <dl class="facts">
      {facts
        .filter(([, value]) => value !== undefined && value !== "")
        .map(([name, value]) => (
          <>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </>
        ))}
    </dl>
  );
}

// Those that ask for attention come first.
export function Conditions({ object, now }: { object: Stored; now: number }) {
  const all = object.status.conditions ?? [];
  const bad = (type: string) => object.attention.includes(type);
  const ordered = [...all.filter((one) => bad(one.type)), ...all.filter((one) => !bad(one.type))];
  if (ordered.length === 0) return <p class="empty">The operator has not reported on this object yet.</p>;
  return (
    <ul class="conditions">
      {ordered.map((one) => (
        <li key={one.type}>
          <Sign tone={bad(one.type) ? "bad" : "good"} text={`${one.type} = ${one.status}`} />
          <span class="reason">{one.reason}</span>
          <span class="message">{one.message}</span>
          <time dateTime={one.lastTransitionTime} title={one.lastTransitionTime}>
            {ago(one.lastTransitionTime, now)}
          </time>
        </li>
      ))}
    </ul>
  );
}

export function Events({ about, now }: { about: Reference; now: number }) {
  const found = [...fleet.Event.values()]
    .filter((one) => one.namespace === about.namespace && one.about.kind === about.kind && one.about.name === about.name)
    .sort((a, b) => (a.last < b.last ? 1 : -1))
    .slice(0, MAX_EVENTS);
  if (found.length === 0) return <p class="empty">No events. Kubernetes keeps them for an hour.</p>;
  return (
    <ul class="conditions">
      {found.map((one) => (
        <li key={one.name}>
          <Sign tone={one.type === "Warning" ? "warn" : "good"} text={one.reason} />
          <span class="reason">{one.count > 1 ? `${figure(one.count)} times` : ""}</span>
          <span class="message">{one.message}</span>
          <time dateTime={one.last} title={one.last}>
            {ago(one.last, now)}
          </time>
        </li>
      ))}
    </ul>
  );
}
