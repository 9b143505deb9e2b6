// The last hour of a pool, as the operator remembers it, drawn by uPlot. Its label says in words what it shows.

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import { figure } from "../format";
import type { Pool } from "../model";
import { fetched } from "../session";

const AGAIN_MS = 15_000;
const HEIGHT = 180;

interface History {
  step: number;
  end: string;
  series: Record<string, (number | null)[]>;
}

// Light and dark; the dashes tell the lines apart where colors do not.
const LINES = {
  waiting: { label: "Waiting", color: ["#1d4fb8", "#86b1ff"], dash: [] },
  inFlight: { label: "In flight", color: ["#14663a", "#7fd6a3"], dash: [6, 3] },
  desired: { label: "Desired", color: ["#1d4fb8", "#86b1ff"], dash: [6, 3] },
  ready: { label: "Ready", color: ["#14663a", "#7fd6a3"], dash: [] },
  busy: { label: "Busy", color: ["#7a4b00", "#f5c66b"], dash: [2, 3] },
  failed: { label: "Failed", color: ["#a9141e", "#ff9a9a"], dash: [] },
} as const;
type Name = keyof typeof LINES;
const CHARTS: [title: string, names: Name[]][] = [
  ["Messages", ["waiting", "inFlight"]],
  ["Pods", ["desired", "ready", "busy"]],
  ["Failed executions in each step", ["failed"]],
];

export function Charts({ pool }: { pool: Pool }) {
  const [history, setHistory] = useState<History>();
  const [why, setWhy] = useState("");
  useEffect(() => {
    const read = () =>
      fetched<History>(`/api/history?namespace=${pool.namespace}&name=${pool.name}`)
        .then((told) => {
          setHistory(told);
          setWhy("");
        })
        .catch((error: Error) => setWhy(error.message));
    void read();
    const timer = setInterval(() => document.hidden || void read(), AGAIN_MS);
    return () => clearInterval(timer);
  }, [pool.namespace, pool.name]);
  if (why !== "") return <p class="empty">The operator does not tell the last hour: {why}</p>;
  if (history === undefined) return <p class="empty">Reading the last hour…</p>;
  if (Object.keys(history.series).length === 0) return <p class="empty">The operator has just started to record this pool.</p>;
  return (
    <div class="charts">
      {CHARTS.map(([title, names]) => (
        <Chart key={`${title} ${isDark()}`} title={title} names={names} history={history} />
      ))}
    </div>
  );
}

function Chart({ title, names, history }: { title: string; names: Name[]; history: History }) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const data = dataOf(history, names);
  useLayoutEffect(() => {
    const box = place.current!;
    plot.current = new uPlot(options(names, box.clientWidth, isDark()), data, box);
    const resized = new ResizeObserver(() => plot.current?.setSize({ width: box.clientWidth, height: HEIGHT }));
    resized.observe(box);
    return () => {
      resized.disconnect();
      plot.current?.destroy();
    };
  }, []);
  useLayoutEffect(() => plot.current?.setData(data), [history]);
  return (
    <figure>
      <figcaption>{title}</figcaption>
      <div ref={place} role="img" aria-label={`${title}: ${summary(names, data)}`} />
    </figure>
  );
}

function isDark(): boolean {
  const { theme } = document.documentElement.dataset;
  return theme === "dark" || (theme !== "light" && window.matchMedia("(prefers-color-scheme: dark)").matches);
}

function dataOf(history: History, names: Name[]): uPlot.AlignedData {
  const end = Date.parse(history.end) / 1000;
  const count = history.series[names[0]!]?.length ?? 0;
  const times = Array.from({ length: count }, (_, at) => end - (count - 1 - at) * history.step);
  const series = names.map((name) => (name === "failed" ? steps(history.series.failed ?? []) : (history.series[name] ?? [])));
  return [times, ...series] as uPlot.AlignedData;
}

// The total since the pool was created, as what each step added.
function steps(totals: (number | null)[]): (number | null)[] {
  return totals.map((total, at) => {
    const before = at === 0 ? null : totals[at - 1]!;
    return total === null || before === null ? null : Math.max(0, total - before);
  });
}

function summary(names: Name[], [, ...series]: uPlot.AlignedData): string {
  return names
    .map((name, number) => {
      const known = [...(series[number] ?? [])].filter((value) => value !== null && value !== undefined);
      const last = known.length === 0 ? "unknown" : `now ${figure(known.at(-1))}, at most ${figure(Math.max(...known))}`;
      return `${LINES[name].label.toLowerCase()} ${last}`;
    })
    .join("; ");
}

function options(names: Name[], width: number, dark: boolean): uPlot.Options {
  const shade = dark ? 1 : 0;
  const axis = { stroke: dark ? "#9aa7b6" : "#566270", grid: { stroke: dark ? "#343c47" : "#d5dbe3", width: 1 } };
  return {
    width,
    height: HEIGHT,
    scales: { y: { range: (_plot, _low, high) => [0, Math.max(1, high ?? 1) * 1.1] } },
    axes: [axis, { ...axis, size: 55, values: (_plot, ticks) => ticks.map((tick) => (Number.isInteger(tick) ? figure(tick) : "")) }],
    series: [
      { value: (_plot, seconds) => (seconds === null ? "–" : new Date(seconds * 1000).toLocaleTimeString()) },
      ...names.map((name) => ({
        label: LINES[name].label,
        stroke: LINES[name].color[shade],
        dash: [...LINES[name].dash],
        width: 2,
        points: { show: false },
        value: (_plot: uPlot, value: number | null) => figure(value),
      })),
    ],
  };
}
