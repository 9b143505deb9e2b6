// Brokers: whether they answer, their memory and clients, and what was redelivered.

import { figure, messages } from "../format";
import { useNow } from "../hooks";
import type { Broker } from "../model";
import { Badge, Name, severity } from "../parts/badge";
import { Filter, matches } from "../parts/filter";
import { Conditions, Events, Facts, Figures, Section } from "../parts/sections";
import { Table, type Column } from "../parts/table";
import type { Route } from "../route";
import { fleet, keyOf, state } from "../store";

const CHOICES = { "": "all brokers", attention: "need attention", external: "external", managed: "managed" };
const SHOWS: Record<string, (broker: Broker) => boolean> = {
  attention: (broker) => broker.attention.length > 0,
  external: (broker) => broker.spec.external,
  managed: (broker) => !broker.spec.external,
};

const COLUMNS: Column<Broker>[] = [
  { name: "Broker", cell: (broker) => <Name object={broker} />, sort: keyOf, grow: 2 },
  { name: "State", cell: (broker) => <Badge object={broker} />, sort: (broker) => -severity(broker) },
  { name: "Memory", cell: (broker) => broker.status.memory ?? "–", grow: 1 },
  { name: "Clients", cell: (broker) => figure(broker.status.clients), sort: (broker) => broker.status.clients ?? 0, number: true },
  { name: "Expired", cell: (broker) => figure(broker.status.expiredRequeued), sort: (broker) => broker.status.expiredRequeued ?? 0, number: true, wide: true },
  { name: "Version", cell: (broker) => broker.status.version ?? "–", wide: true },
  { name: "Endpoint", cell: (broker) => broker.status.endpoint ?? "–", grow: 2, wide: true },
];

export function Brokers({ route }: { route: Route }) {
  const all = [...fleet.Broker.values()];
  const shows = SHOWS[route.query.get("show") ?? ""] ?? (() => true);
  const rows = all.filter((broker) => shows(broker) && matches(route, keyOf(broker), broker.status.endpoint));
  const empty = state.synced.has("Broker") ? "No Broker matches." : "Reading the brokers…";
  return (
    <>
      <h1>Brokers</h1>
      <Filter route={route} label="Broker or endpoint" choices={CHOICES} shown={rows.length} all={all.length} />
      <Table label="Brokers" columns={COLUMNS} rows={rows} sort={route.query.get("sort") ?? "State"} empty={empty} />
    </>
  );
}

export function BrokerPage({ broker }: { broker: Broker }) {
  const now = useNow();
  const { status, spec } = broker;
  return (
    <>
      <h1>
        <span class="namespace">{broker.namespace}/</span>
        {broker.name} <Badge object={broker} />
      </h1>
      <Figures
        figures={[
          ["Memory", status.memory ?? "–"],
          ["Clients", status.clients],
          ["Expired, requeued", status.expiredRequeued],
          ["Expired, unroutable", status.expiredUnroutable],
          ["Unacked elsewhere", status.foreignUnacked],
        ]}
      />
      <Section title="Server">
        <Facts
          facts={[
            ["Runs", spec.external ? "outside of Taskfleet" : "as a managed Redis"],
            ["Endpoint", status.endpoint],
            ["Version", status.version],
            ["Visibility timeout", spec.visibilityTimeout],
            [
              "Without consumers",
              (status.unconsumedQueues ?? []).map((queue) => (
                <span class="item">
                  {queue.name}: {messages(queue.waiting)}
                </span>
              )),
            ],
          ]}
        />
      </Section>
      <Section title="Conditions">
        <Conditions object={broker} now={now} />
      </Section>
      <Section title="Events">
        <Events about={broker} now={now} />
      </Section>
    </>
  );
}
