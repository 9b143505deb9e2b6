// The fleet: what asks for attention, and all pools.

import { ago, figure } from "../format";
import { useNow } from "../hooks";
import { brokerName, condition, poolQueues, problems, type Pool, type Stored } from "../model";
import { Badge, Name, severity } from "../parts/badge";
import { Filter, matches } from "../parts/filter";
import { Figures, Section } from "../parts/sections";
import { Table, type Column } from "../parts/table";
import { objectAddress, refine, type Route } from "../route";
import { fleet, keyOf, state } from "../store";

const MAX_PROBLEMS = 5;

const CHOICES = {
  "": "all pools",
  attention: "need attention",
  busy: "busy",
  waiting: "messages waiting",
  limited: "limited by a maximum",
  dead: "with dead letters",
  suspended: "suspended",
};

const SHOWS: Record<string, (pool: Pool) => boolean> = {
  attention: (pool) => pool.attention.length > 0,
  busy: (pool) => (pool.status.busyReplicas ?? 0) > 0,
  waiting: (pool) => (pool.status.waiting ?? 0) > 0,
  limited: (pool) => condition(pool, "ScalingLimited")?.status === "True",
  dead: (pool) => (pool.status.deadLetters ?? 0) > 0,
  suspended: (pool) => pool.spec.suspend === true,
};

const COLUMNS: Column<Pool>[] = [
  { name: "Pool", cell: (pool) => <Name object={pool} />, sort: keyOf, grow: 2 },
  { name: "State", cell: (pool) => <Badge object={pool} />, sort: (pool) => -severity(pool), grow: 1.5 },
  { name: "Ready", cell: sizeOf, sort: (pool) => pool.status.readyReplicas ?? 0, number: true },
  { name: "Busy", cell: (pool) => figure(pool.status.busyReplicas), sort: (pool) => pool.status.busyReplicas ?? 0, number: true },
  { name: "Waiting", cell: (pool) => figure(pool.status.waiting), sort: (pool) => pool.status.waiting ?? 0, number: true },
  { name: "In flight", cell: (pool) => figure(pool.status.inFlight), sort: (pool) => pool.status.inFlight ?? 0, number: true, wide: true },
  { name: "Dead", cell: (pool) => figure(pool.status.deadLetters), sort: (pool) => pool.status.deadLetters ?? 0, number: true, wide: true },
  { name: "Last decision", cell: decisionOf, grow: 3, wide: true },
];

export function Fleet({ route }: { route: Route }) {
  const pools = [...fleet.WorkerPool.values()];
  const shows = SHOWS[route.query.get("show") ?? ""] ?? (() => true);
  const rows = pools.filter(
    (pool) =>
      shows(pool) && matches(route, keyOf(pool), pool.spec.app, pool.spec.image, brokerName(pool), ...poolQueues(pool)),
  );
  const empty = state.synced.has("WorkerPool") ? "No pool matches." : "Reading the pools…";
  return (
    <>
      <h1>Fleet</h1>
      <Summary pools={pools} />
      <Attention all={route.query.get("problems") === "all"} />
      <Section title="Pools">
        <Filter route={route} label="Pool, queue, app or image" choices={CHOICES} shown={rows.length} all={pools.length} />
        <Table label="Pools" columns={COLUMNS} rows={rows} sort={route.query.get("sort") ?? "State"} empty={empty} />
      </Section>
    </>
  );
}

function Summary({ pools }: { pools: Pool[] }) {
  const sum = (of: (pool: Pool) => number | undefined) => pools.reduce((total, pool) => total + (of(pool) ?? 0), 0);
  return (
    <Figures
      figures={[
        ["Pools", pools.length],
        ["Pods ready", sum((pool) => pool.status.readyReplicas)],
        ["Pods busy", sum((pool) => pool.status.busyReplicas)],
        ["Waiting", sum((pool) => pool.status.waiting)],
        ["In flight", sum((pool) => pool.status.inFlight)],
        ["Dead letters", sum((pool) => pool.status.deadLetters)],
      ]}
    />
  );
}

// Of all kinds, the gravest first.
function Attention({ all }: { all: boolean }) {
  const now = useNow();
  const objects: Stored[] = [
    ...fleet.Broker.values(),
    ...fleet.WorkerPool.values(),
    ...fleet.TaskQueue.values(),
    ...fleet.PeriodicSchedule.values(),
  ];
  const found = objects.filter((one) => one.attention.length > 0).sort((a, b) => severity(b) - severity(a));
  if (!state.synced.has("WorkerPool")) return null;
  if (found.length === 0) return <p class="fine">✓ Nothing asks for attention.</p>;
  return (
    <Section title={`Asks for attention: ${figure(found.length)}`}>
      <ul class="conditions">
        {found.slice(0, all ? found.length : MAX_PROBLEMS).map((one) => (
          <li key={`${one.kind} ${keyOf(one)}`}>
            <Badge object={one} />
            <span class="reason">
              {one.kind} <Name object={one} />
            </span>
            <span class="message">{problems(one)[0]?.message}</span>
            <time>{ago(problems(one)[0]?.lastTransitionTime, now)}</time>
          </li>
        ))}
      </ul>
      {found.length > MAX_PROBLEMS && (
        <button type="button" class="plain" onClick={() => refine({ problems: all ? "" : "all" })}>
          {all ? "Show less" : `Show all ${figure(found.length)}`}
        </button>
      )}
    </Section>
  );
}

function sizeOf(pool: Pool) {
  return `${figure(pool.status.readyReplicas ?? 0)} of ${figure(pool.status.desiredReplicas)}`;
}

function decisionOf(pool: Pool) {
  const message = pool.status.lastDecision?.message ?? "";
  return (
    <a class="quiet" href={objectAddress(pool.kind, pool.namespace, pool.name)} tabIndex={-1} title={message}>
      {message}
    </a>
  );
}
