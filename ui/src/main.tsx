import { render } from "preact";
import { useEffect } from "preact/hooks";
import { useNews, useRoute } from "./hooks";
import { applyTheme, listenToKeys, Shell } from "./parts/shell";
import { followLinks, type Route } from "./route";
import { openSession } from "./session";
import { fleet, follow, refuse, state, watchVisibility } from "./store";
import { BrokerPage, Brokers } from "./views/brokers";
import { Events } from "./views/events";
import { Fleet } from "./views/fleet";
import { PoolPage } from "./views/pool";
import { QueuePage, Queues } from "./views/queues";
import { SchedulePage, Schedules } from "./views/schedules";

function App() {
  useNews();
  const route = useRoute();
  const scope = route.query.get("namespace") ?? undefined;
  useEffect(() => {
    if (state.refused === "") void follow(scope);
  }, [scope]);
  useEffect(() => {
    document.title = [...route.path.slice(-2), "Taskfleet"].join(" · ");
  });
  if (state.refused !== "") return <Refused />;
  return (
    <Shell route={route}>
      <View route={route} />
    </Shell>
  );
}

function View({ route }: { route: Route }) {
  const [folder = "", namespace, name] = route.path;
  if (namespace === undefined || name === undefined) {
    if (folder === "queues") return <Queues route={route} />;
    if (folder === "schedules") return <Schedules route={route} />;
    if (folder === "brokers") return <Brokers route={route} />;
    if (folder === "events") return <Events route={route} />;
    return <Fleet route={route} />;
  }
  const key = `${namespace}/${name}`;
  const pool = fleet.WorkerPool.get(key);
  if (folder === "pools" && pool !== undefined) return <PoolPage key={key} pool={pool} />;
  const queue = fleet.TaskQueue.get(key);
  if (folder === "queues" && queue !== undefined) return <QueuePage key={key} queue={queue} />;
  const schedule = fleet.PeriodicSchedule.get(key);
  if (folder === "schedules" && schedule !== undefined) return <SchedulePage key={key} schedule={schedule} />;
  const broker = fleet.Broker.get(key);
  if (folder === "brokers" && broker !== undefined) return <BrokerPage key={key} broker={broker} />;
  return <Missing name={key} />;
}

function Missing({ name }: { name: string }) {
  const reading = state.synced.size < 4 && state.errors.size === 0;
  return (
    <>
      <h1>{name}</h1>
      <p class="empty">{reading ? "Reading…" : "There is no such object in this namespace. It may have been deleted."}</p>
    </>
  );
}

function Refused() {
  return (
    <main class="refused">
      <h1>Taskfleet</h1>
      <p role="alert">{state.refused}</p>
      <p>
        Run <code>kubectl taskfleet ui</code> and open the link that it prints.
      </p>
    </main>
  );
}

async function start(): Promise<void> {
  applyTheme();
  followLinks();
  listenToKeys();
  watchVisibility(() => new URLSearchParams(location.search).get("namespace") ?? undefined);
  await openSession().catch((error: Error) => refuse(error.message));
  render(<App />, document.getElementById("app")!);
}

void start();
