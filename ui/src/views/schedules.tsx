// Schedules: the last run, the next one, what was missed, and a run now.

import { ago, figure } from "../format";
import { useNow } from "../hooks";
import { brokerName, type Schedule } from "../model";
import { Acts } from "../parts/acts";
import { Badge, Name, severity } from "../parts/badge";
import { Filter, matches } from "../parts/filter";
import { Conditions, Events, Facts, Figures, Section } from "../parts/sections";
import { Table, type Column } from "../parts/table";
import type { Route } from "../route";
import { fleet, keyOf, state } from "../store";

const CHOICES = { "": "all schedules", attention: "need attention", missed: "with missed runs", suspended: "suspended" };
const SHOWS: Record<string, (schedule: Schedule) => boolean> = {
  attention: (schedule) => schedule.attention.length > 0,
  missed: (schedule) => (schedule.status.missedRunCount ?? 0) > 0,
  suspended: (schedule) => schedule.spec.suspend === true,
};

function columns(now: number): Column<Schedule>[] {
  return [
    { name: "Schedule", cell: (one) => <Name object={one} />, sort: keyOf, grow: 2 },
    { name: "State", cell: (one) => <Badge object={one} />, sort: (one) => -severity(one) },
    { name: "When", cell: whenOf, sort: whenOf, grow: 2, wide: true },
    { name: "Next", cell: (one) => ago(one.status.nextScheduleTime, now), sort: (one) => one.status.nextScheduleTime ?? "~" },
    { name: "Last", cell: (one) => ago(one.status.lastScheduleTime, now), sort: (one) => one.status.lastScheduleTime ?? "", wide: true },
    { name: "Runs", cell: (one) => figure(one.status.totalRunCount), sort: (one) => one.status.totalRunCount ?? 0, number: true, wide: true },
    { name: "Missed", cell: (one) => figure(one.status.missedRunCount), sort: (one) => one.status.missedRunCount ?? 0, number: true },
    { name: "Task", cell: (one) => one.spec.task, sort: (one) => one.spec.task, grow: 2, wide: true },
  ];
}

export function Schedules({ route }: { route: Route }) {
  const now = useNow();
  const all = [...fleet.PeriodicSchedule.values()];
  const shows = SHOWS[route.query.get("show") ?? ""] ?? (() => true);
  const rows = all.filter((one) => shows(one) && matches(route, keyOf(one), one.spec.task, one.spec.queue, brokerName(one)));
  const empty = state.synced.has("PeriodicSchedule") ? "No PeriodicSchedule matches." : "Reading the schedules…";
  return (
    <>
      <h1>Schedules</h1>
      <Filter route={route} label="Schedule, task or queue" choices={CHOICES} shown={rows.length} all={all.length} />
      <Table label="Schedules" columns={columns(now)} rows={rows} sort={route.query.get("sort") ?? "Next"} empty={empty} />
    </>
  );
}

export function SchedulePage({ schedule }: { schedule: Schedule }) {
  const now = useNow();
  const { status, spec } = schedule;
  return (
    <>
      <h1>
        <span class="namespace">{schedule.namespace}/</span>
        {schedule.name} <Badge object={schedule} />
      </h1>
      <Acts
        object={schedule}
        acts={[
          {
            act: "trigger",
            name: "Run now",
            effect: () => `Sends 1 run of ${spec.task} to queue ${spec.queue ?? "celery"}, in addition to the schedule.`,
            done: (answer) => `Sent. The id of the task is ${answer.taskId}.`,
          },
          spec.suspend === true
            ? { act: "resume", name: "Resume", effect: () => "Runs are sent again from the next scheduled time on." }
            : {
                act: "suspend",
                name: "Suspend",
                danger: true,
                effect: () => `No run is sent until you resume. The next one is due ${ago(status.nextScheduleTime, now)}; runs of that time are skipped.`,
              },
        ]}
      />
      <Figures
        figures={[
          ["Next", ago(status.nextScheduleTime, now)],
          ["Last", ago(status.lastScheduleTime, now)],
          ["Runs", status.totalRunCount],
          ["Missed", status.missedRunCount],
        ]}
      />
      <Section title="What and when">
        <Facts
          facts={[
            ["When", whenOf(schedule)],
            ["Task", spec.task],
            ["Queue", spec.queue ?? "celery"],
            ["Broker", <Name object={{ kind: "Broker", namespace: schedule.namespace, name: brokerName(schedule) }} />],
            ["Last task id", status.lastTaskId],
          ]}
        />
      </Section>
      <Section title="Conditions">
        <Conditions object={schedule} now={now} />
      </Section>
      <Section title="Events">
        <Events about={schedule} now={now} />
      </Section>
    </>
  );
}

function whenOf({ spec }: Schedule): string {
  if (spec.schedule !== undefined) return `${spec.schedule}  ${spec.timeZone ?? "UTC"}`;
  if (spec.interval !== undefined) return `every ${spec.interval}`;
  if (spec.clocked !== undefined) return `once, ${spec.clocked}`;
  return spec.solar === undefined ? "" : `${spec.solar.event} at ${spec.solar.latitude}, ${spec.solar.longitude}`;
}
