// Which tasks of a pool fail, since when and with which cause; and to send them again.

import { useEffect, useState } from "preact/hooks";
import { ago, figure } from "../format";
import type { Answer, Pool } from "../model";
import { fetched } from "../session";
import { Acts } from "./acts";

const AGAIN_MS = 30_000;

interface Failures {
  groups: { count: number; name: string; exception: string; message: string; first: string; last: string }[];
  tasks: number;
  more: boolean;
}

export function FailedTasks({ pool, now }: { pool: Pool; now: number }) {
  const [failures, setFailures] = useState<Failures>();
  const [why, setWhy] = useState("");
  useEffect(() => {
    const read = () =>
      fetched<Failures>(`/api/failed?namespace=${pool.namespace}&name=${pool.name}`)
        .then((told) => {
          setFailures(told);
          setWhy("");
        })
        .catch((error: Error) => setWhy(error.message));
    void read();
    const timer = setInterval(() => document.hidden || void read(), AGAIN_MS);
    return () => clearInterval(timer);
  }, [pool.namespace, pool.name]);
  if (why !== "") return <p class="empty">The operator does not tell the failed tasks: {why}</p>;
  if (failures === undefined) return <p class="empty">Reading the failed tasks…</p>;
  if (failures.tasks === 0) return <p class="empty">No failed tasks are recorded.</p>;
  const count = `${figure(failures.tasks)}${failures.more ? " and more" : ""} failed tasks`;
  return (
    <>
      <Acts
        object={pool}
        acts={[
          {
            act: "retry",
            name: "Retry failed tasks",
            effect: () => `Sends ${count} again, as far as their messages are kept (spec.failures.messages). Members of a chord are left.`,
            done: retried,
          },
          {
            act: "forget-failed",
            name: "Forget failed tasks",
            danger: true,
            effect: () => `Removes the records of ${count}. They cannot be restored or sent again.`,
            done: (answer) => `${figure(answer.tasks ?? 0)} forgotten.`,
          },
        ]}
      />
      <ul class="conditions">
        {failures.groups.map((group) => (
          <li key={`${group.name} ${group.exception} ${group.message}`}>
            <span class="badge bad">
              ✕ {figure(group.count)} × {group.exception}
            </span>
            <span class="reason">{group.name}</span>
            <span class="message">
              {group.message} <span class="why">(first {ago(group.first, now)})</span>
            </span>
            <time dateTime={group.last} title={group.last}>
              {ago(group.last, now)}
            </time>
          </li>
        ))}
      </ul>
    </>
  );
}

function retried(answer: Answer): string {
  const left = [
    answer.withoutMessage ? `${figure(answer.withoutMessage)} without a kept message were left.` : "",
    answer.chordMembers ? `${figure(answer.chordMembers)} members of chords were left.` : "",
  ];
  return [`${figure(answer.tasks ?? 0)} sent again.`, ...left].join(" ").trim();
}
