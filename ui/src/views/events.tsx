// What changed: the events of all kinds in one timeline.

import { ago, figure } from "../format";
import { useNow } from "../hooks";
import type { Happening } from "../model";
import { Name, Sign } from "../parts/badge";
import { Filter, matches } from "../parts/filter";
import { Table, type Column } from "../parts/table";
import type { Route } from "../route";
import { fleet, keyOf, state } from "../store";

const CHOICES = { "": "all events", warning: "warnings" };

function columns(now: number): Column<Happening>[] {
  return [
    { name: "Object", cell: aboutOf, sort: (one) => `${one.about.kind} ${keyOf(one)}`, grow: 2 },
    { name: "Reason", cell: reasonOf, sort: (one) => one.reason, grow: 1 },
    { name: "Age", cell: (one) => ago(one.last, now), sort: (one) => one.last },
    { name: "Count", cell: (one) => figure(one.count), sort: (one) => one.count, number: true, wide: true },
    { name: "Message", cell: (one) => <span title={one.message}>{one.message}</span>, grow: 4 },
  ];
}

export function Events({ route }: { route: Route }) {
  const now = useNow();
  const all = [...fleet.Event.values()];
  const warnings = route.query.get("show") === "warning";
  const rows = all.filter(
    (one) =>
      (!warnings || one.type === "Warning") &&
      matches(route, one.namespace, one.about.kind, one.about.name, one.reason, one.message),
  );
  const empty = state.synced.has("Event") ? "No event matches. Kubernetes keeps events for an hour." : "Reading the events…";
  return (
    <>
      <h1>Events</h1>
      <Filter route={route} label="Object, reason or message" choices={CHOICES} shown={rows.length} all={all.length} />
      <Table label="Events" columns={columns(now)} rows={rows} sort={route.query.get("sort") ?? "-Age"} empty={empty} />
    </>
  );
}

function aboutOf(one: Happening) {
  return (
    <>
      <span class="kind">{one.about.kind}</span> <Name object={{ ...one.about, namespace: one.namespace }} />
    </>
  );
}

function reasonOf(one: Happening) {
  return <Sign tone={one.type === "Warning" ? "warn" : "good"} text={one.reason} />;
}
