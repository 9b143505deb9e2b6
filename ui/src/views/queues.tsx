// Queues: what waits, how long, and who consumes.

import { figure, messages, seconds } from "../format";
import { useNow } from "../hooks";
import { brokerName, queueName, type Queue } from "../model";
import { Acts } from "../parts/acts";
import { Badge, Name, severity } from "../parts/badge";
import { Filter, matches } from "../parts/filter";
import { Conditions, Events, Facts, Figures, Section } from "../parts/sections";
import { Table, type Column } from "../parts/table";
import type { Route } from "../route";
import { fleet, keyOf, state } from "../store";

const CHOICES = { "": "all queues", attention: "need attention", waiting: "messages waiting", unconsumed: "without consumers" };
const SHOWS: Record<string, (queue: Queue) => boolean> = {
  attention: (queue) => queue.attention.length > 0,
  waiting: (queue) => (queue.status.waiting ?? 0) > 0,
  unconsumed: (queue) => queue.attention.includes("Consumed"),
};

const COLUMNS: Column<Queue>[] = [
  { name: "Queue", cell: (queue) => <Name object={queue} />, sort: keyOf, grow: 2 },
  { name: "State", cell: (queue) => <Badge object={queue} />, sort: (queue) => -severity(queue) },
  { name: "Waiting", cell: (queue) => figure(queue.status.waiting), sort: (queue) => queue.status.waiting ?? 0, number: true },
  { name: "Oldest", cell: (queue) => queue.status.oldestAge ?? "–", sort: (queue) => seconds(queue.status.oldestAge), number: true },
  { name: "Unacked", cell: (queue) => figure(queue.status.unacked), sort: (queue) => queue.status.unacked ?? 0, number: true, wide: true },
  { name: "In/s", cell: (queue) => figure(queue.status.arrivalRate), sort: (queue) => queue.status.arrivalRate ?? 0, number: true, wide: true },
  { name: "Out/s", cell: (queue) => figure(queue.status.completionRate), sort: (queue) => queue.status.completionRate ?? 0, number: true, wide: true },
  { name: "Consumers", cell: (queue) => figure(queue.status.consumers), sort: (queue) => queue.status.consumers ?? 0, number: true },
  { name: "Pools", cell: (queue) => (queue.status.pools ?? []).join(", "), grow: 2, wide: true },
];

export function Queues({ route }: { route: Route }) {
  const all = [...fleet.TaskQueue.values()];
  const shows = SHOWS[route.query.get("show") ?? ""] ?? (() => true);
  const rows = all.filter(
    (queue) => shows(queue) && matches(route, keyOf(queue), queueName(queue), brokerName(queue), ...(queue.status.pools ?? [])),
  );
  const empty = state.synced.has("TaskQueue") ? "No TaskQueue matches." : "Reading the queues…";
  return (
    <>
      <h1>Queues</h1>
      <Unconsumed />
      <Filter route={route} label="Queue, broker or pool" choices={CHOICES} shown={rows.length} all={all.length} />
      <Table label="Queues" columns={COLUMNS} rows={rows} sort={route.query.get("sort") ?? "Waiting"} empty={empty} />
    </>
  );
}

function Unconsumed() {
  const found = [...fleet.Broker.values()].flatMap((broker) =>
    (broker.status.unconsumedQueues ?? []).map((queue) => ({ broker, queue })),
  );
  if (found.length === 0) return null;
  return (
    <Section title="Without consumers">
      <ul class="conditions">
        {found.map(({ broker, queue }) => (
          <li key={`${keyOf(broker)} ${queue.name}`}>
            <span class="badge warn">! {messages(queue.waiting)}</span>
            <span class="reason">{queue.name}</span>
            <span class="message">
              on <Name object={broker} />
            </span>
          </li>
        ))}
      </ul>
    </Section>
  );
}

export function QueuePage({ queue }: { queue: Queue }) {
  const now = useNow();
  const { status, spec } = queue;
  const pools = (status.pools ?? []).map((name) => ({ kind: "WorkerPool", namespace: queue.namespace, name }));
  return (
    <>
      <h1>
        <span class="namespace">{queue.namespace}/</span>
        {queue.name} <Badge object={queue} />
      </h1>
      <Acts
        object={queue}
        acts={[
          {
            act: "purge",
            name: "Purge",
            danger: true,
            effect: () =>
              `Removes the messages that wait in queue ${queueName(queue)}: ${figure(status.waiting)} now. They cannot be restored. ${figure(status.unacked ?? 0)} that workers hold stay.`,
            force: "Purge even if workers consume the queue",
            done: (answer) => `${messages(answer.messages ?? 0)} removed.`,
          },
        ]}
      />
      <Figures
        figures={[
          ["Waiting", status.waiting],
          ["Oldest", status.oldestAge ?? "–"],
          ["Unacked", status.unacked],
          ["Consumers", status.consumers],
          ["In/s", status.arrivalRate],
          ["Out/s", status.completionRate],
          ["Not by pods/s", status.otherRate],
        ]}
      />
      <Section title="Who consumes">
        <Facts
          facts={[
            ["Queue", queueName(queue)],
            ["Broker", <Name object={{ kind: "Broker", namespace: queue.namespace, name: brokerName(queue) }} />],
            ["Pools", pools.length === 0 ? "none" : pools.map((pool) => <span class="item"><Name object={pool} /></span>)],
            ["Healthy up to", spec.alertAbove && limits(spec.alertAbove)],
          ]}
        />
      </Section>
      <Section title="Conditions">
        <Conditions object={queue} now={now} />
      </Section>
      <Section title="Events">
        <Events about={queue} now={now} />
      </Section>
    </>
  );
}

function limits(above: { waiting?: number; age?: string }): string {
  return [above.waiting === undefined ? "" : messages(above.waiting), above.age ?? ""].filter((one) => one !== "").join(", ");
}
