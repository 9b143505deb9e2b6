// One pool: its figures, why it has its size, its queues and schedules, its conditions and events.

import { ago, figure, messages } from "../format";
import { useNow } from "../hooks";
import { brokerName, poolQueues, queueName, type Pool, type Queue } from "../model";
import { Acts, type Act } from "../parts/acts";
import { Badge, Name } from "../parts/badge";
import { Charts } from "../parts/chart";
import { FailedTasks } from "../parts/failed";
import { Conditions, Events, Facts, Figures, Section } from "../parts/sections";
import { fleet } from "../store";

export function PoolPage({ pool }: { pool: Pool }) {
  const now = useNow();
  const { status } = pool;
  return (
    <>
      <h1>
        <span class="namespace">{pool.namespace}/</span>
        {pool.name} <Badge object={pool} />
      </h1>
      <Acts object={pool} acts={actsOf(pool)} />
      <Figures
        figures={[
          ["Desired", status.desiredReplicas],
          ["Ready", status.readyReplicas ?? 0],
          ["Busy", status.busyReplicas],
          ["Draining", status.drainingReplicas],
          ["Waiting", status.waiting],
          ["In flight", status.inFlight],
          ["Dead letters", status.deadLetters],
          ["Requeued", status.requeued],
        ]}
      />
      <Size pool={pool} now={now} />
      <Section title="Last hour">
        <Charts pool={pool} />
      </Section>
      <Section title="Queues">
        <QueueList pool={pool} />
      </Section>
      <Section title="Failed tasks">
        <FailedTasks pool={pool} now={now} />
      </Section>
      <ScheduleList pool={pool} now={now} />
      <Section title="Conditions">
        <Conditions object={pool} now={now} />
        {(status.notes ?? []).map((note) => (
          <p class="note">Its pods report: {note}</p>
        ))}
      </Section>
      <Section title="Events">
        <Events about={pool} now={now} />
      </Section>
      <Section title="Workers">
        <Workers pool={pool} />
      </Section>
    </>
  );
}

function Size({ pool, now }: { pool: Pool; now: number }) {
  const { autoscale, suspend } = pool.spec;
  const decisions = [...(pool.status.decisions ?? [])].reverse();
  const mode = autoscale?.mode ?? "Auto";
  return (
    <Section title="Why this size">
      <p class="sentence">{sizeSentence(pool)}</p>
      {autoscale !== undefined && mode !== "Auto" && <p class="note">spec.autoscale.mode is {mode}: no decision is applied.</p>}
      {suspend !== true && autoscale !== undefined && (
        <ol class="conditions">
          {decisions.map((one) => (
            <li key={one.time}>
              <span class="step">
                {figure(one.from)} → {figure(one.to)}
              </span>
              <span class="reason">{one.reason}</span>
              <span class="message">{one.message}</span>
              <time dateTime={one.time} title={one.time}>
                {ago(one.time, now)}
              </time>
            </li>
          ))}
        </ol>
      )}
    </Section>
  );
}

function sizeSentence(pool: Pool): string {
  const { autoscale, replicas, suspend } = pool.spec;
  if (suspend === true) return "spec.suspend is true: the pool drains and stays at 0 pods.";
  if (autoscale === undefined) return `spec.replicas is ${replicas ?? 1}: the pool has a fixed size.`;
  const limits = `It scales from ${autoscale.minReplicas ?? 0} to ${autoscale.maxReplicas ?? "unlimited"} pods.`;
  return `${pool.status.lastDecision?.message ?? "No decision yet."} ${limits}`;
}

// A TaskQueue tells how long messages wait and who consumes; without one only the pool's sum is known.
function QueueList({ pool }: { pool: Pool }) {
  const names = poolQueues(pool);
  if (names.length === 0) return <p class="empty">The app decides, and no pod has reported its queues yet.</p>;
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Queues of the pool">
      <table>
        <thead>
          <tr>
            <th scope="col">Queue</th>
            <th scope="col" class="number">Waiting</th>
            <th scope="col" class="number">Oldest</th>
            <th scope="col" class="number">Consumers</th>
            <th scope="col">Observed by</th>
          </tr>
        </thead>
        <tbody>
          {names.map((name) => {
            const queue = observer(pool, name);
            return (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td class="number">{figure(queue?.status.waiting)}</td>
                <td class="number">{queue?.status.oldestAge ?? "–"}</td>
                <td class="number">{figure(queue?.status.consumers)}</td>
                <td>{queue === undefined ? "no TaskQueue" : <Name object={queue} />}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

function observer(pool: Pool, name: string): Queue | undefined {
  return [...fleet.TaskQueue.values()].find(
    (one) => one.namespace === pool.namespace && queueName(one) === name && brokerName(one) === brokerName(pool),
  );
}

function ScheduleList({ pool, now }: { pool: Pool; now: number }) {
  const names = new Set(poolQueues(pool));
  const found = [...fleet.PeriodicSchedule.values()].filter(
    (one) =>
      one.namespace === pool.namespace && brokerName(one) === brokerName(pool) && names.has(one.spec.queue ?? "celery"),
  );
  if (found.length === 0) return null;
  return (
    <Section title="Schedules that send to it">
      <ul class="conditions">
        {found.map((one) => (
          <li key={one.name}>
            <Badge object={one} />
            <span class="reason">
              <Name object={one} />
            </span>
            <span class="message">{one.spec.task}</span>
            <time>{one.status.nextScheduleTime ? `next ${ago(one.status.nextScheduleTime, now)}` : "no next run"}</time>
          </li>
        ))}
      </ul>
    </Section>
  );
}

function Workers({ pool }: { pool: Pool }) {
  const { spec, status } = pool;
  const worker = status.worker;
  return (
    <Facts
      facts={[
        ["App", spec.app],
        ["Image", spec.image],
        ["Broker", <Name object={{ kind: "Broker", namespace: pool.namespace, name: brokerName(pool) }} />],
        ["Pool", worker && `${worker.pool}, ${figure(worker.capacity)} tasks at once in each pod`],
        ["Versions", worker && `Celery ${worker.celeryVersion}, kombu ${worker.kombuVersion}, Python ${worker.pythonVersion}`],
        ["Acknowledged", worker && (worker.acksLate ? "after the task" : "before the task")],
        ["Prefetched", worker && (worker.prefetchCount === 0 ? "without limit" : messages(worker.prefetchCount))],
        ["Runtime", status.runtimeVersion],
      ]}
    />
  );
}

function actsOf(pool: Pool): Act[] {
  const { autoscale, suspend, replicas } = pool.spec;
  const { deadLetters = 0, replicas: pods = 0, waiting = 0, inFlight = 0 } = pool.status;
  const desired = pool.status.desiredReplicas ?? pods;
  const size: Act =
    autoscale === undefined
      ? {
          act: "scale",
          name: "Scale",
          numbers: [{ name: "replicas", label: "Pods", value: replicas ?? 1 }],
          effect: (values) => `spec.replicas changes from ${replicas ?? 1} to ${values.replicas}. The pool has ${figure(pods)} pods now.`,
        }
      : {
          act: "limits",
          name: "Change limits",
          numbers: [
            { name: "minReplicas", label: "Least pods", value: autoscale.minReplicas ?? 0 },
            { name: "maxReplicas", label: "Most pods", value: autoscale.maxReplicas ?? 10 },
          ],
          effect: (values) =>
            `The pool will scale from ${values.minReplicas} to ${values.maxReplicas} pods. ${figure(desired)} are desired now, and ${messages(waiting)} wait.`,
        };
  return [
    {
      act: "requeue",
      name: "Requeue dead letters",
      possible: deadLetters > 0,
      effect: () => `Moves ${messages(deadLetters)} from the dead letters back to their queues. Each crashed its worker several times, and may do so again.`,
      done: (answer) => `${messages(answer.messages ?? 0)} requeued.`,
    },
    {
      act: "forget",
      name: "Remove dead letters",
      danger: true,
      possible: deadLetters > 0,
      effect: () => `Removes ${messages(deadLetters)} from the dead letters. They cannot be restored, and nothing executes them.`,
      done: (answer) => `${messages(answer.messages ?? 0)} removed.`,
    },
    size,
    suspend === true
      ? { act: "resume", name: "Resume", effect: () => `Starts pods again. ${messages(waiting)} wait.` }
      : {
          act: "suspend",
          name: "Suspend",
          danger: true,
          effect: () =>
            `Drains ${figure(pods)} pods and keeps the pool at 0. They finish the ${messages(inFlight)} that they hold; ${messages(waiting)} stay in the queues.`,
        },
    {
      act: "upgrade",
      name: "Upgrade",
      effect: () => `Replaces those of ${figure(pods)} pods that an older version of the operator built, in a rolling update. Tasks finish first.`,
    },
  ];
}
