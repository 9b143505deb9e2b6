// A table that draws only the rows in view, so that 10,000 rows cost what 30 do. Printed, it has all of them.

import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { keyOf } from "../store";
import { refine } from "../route";
import type { Reference } from "../model";

export interface Column<T> {
  name: string;
  cell: (row: T) => ComponentChildren;
  sort?: (row: T) => number | string;
  number?: boolean; // figures stand to the right, and the largest comes first
  wide?: boolean; // left out on a phone
  grow?: number;
}

const BEYOND = 10; // rows above and below the view
const NARROW = "(max-width: 640px)";

export function Table<T extends Reference>(props: {
  label: string;
  columns: Column<T>[];
  rows: T[];
  sort: string; // the name of a column; with a leading "-" the other way round
  empty: string;
}) {
  const rows = sorted(props.rows, props.columns, props.sort);
  const body = useRef<HTMLDivElement>(null);
  const narrow = useMedia(NARROW);
  const height = narrow ? 68 : 36;
  const [from, to] = useView(body, height, rows.length);
  const template = props.columns
    .filter((column) => !narrow || !column.wide)
    .map((column) => (column.number ? "6rem" : `minmax(0, ${column.grow ?? 1}fr)`))
    .join(" ");
  const style = narrow ? {} : { gridTemplateColumns: template };
  const shown = props.columns.filter((column) => !narrow || !column.wide);
  return (
    <div class="table" role="table" aria-label={props.label} aria-rowcount={rows.length + 1}>
      <div class="row head" role="row" aria-rowindex={1} style={style}>
        {shown.map((column) => (
          <Head column={column} sort={props.sort} />
        ))}
      </div>
      {rows.length === 0 && <p class="empty">{props.empty}</p>}
      <div class="body" role="rowgroup" ref={body} style={{ height: `${rows.length * height}px` }}>
        {rows.slice(from, to).map((row, index) => (
          <div
            class="row"
            role="row"
            key={keyOf(row)}
            aria-rowindex={from + index + 2}
            style={{ ...style, height: `${height}px`, top: `${(from + index) * height}px` }}
          >
            {shown.map((column) => (
              <div role="cell" class={column.number ? "number" : ""} data-name={column.name}>
                {column.cell(row)}
              </div>
            ))}
          </div>
        ))}
      </div>
    </div>
  );
}

function Head<T>({ column, sort }: { column: Column<T>; sort: string }) {
  const { name } = column;
  const active = sort === name || sort === `-${name}`;
  const downward = active && (sort.startsWith("-") !== Boolean(column.number));
  const direction = downward ? "descending" : "ascending";
  if (column.sort === undefined) return <div role="columnheader">{name}</div>;
  return (
    <div role="columnheader" class={column.number ? "number" : ""} aria-sort={active ? direction : "none"}>
      <button type="button" onClick={() => refine({ sort: sort === name ? `-${name}` : name })}>
        {name}
        <span aria-hidden="true">{active ? (downward ? " ↓" : " ↑") : ""}</span>
      </button>
    </div>
  );
}

function sorted<T extends Reference>(rows: T[], columns: Column<T>[], sort: string): T[] {
  const name = sort.replace(/^-/, "");
  const column = columns.find((one) => one.name === name);
  const value = column?.sort;
  if (column === undefined || value === undefined) return rows;
  const sign = (sort.startsWith("-") ? -1 : 1) * (column.number ? -1 : 1);
  const keyed = rows.map((row) => ({ row, value: value(row), key: keyOf(row) }));
  keyed.sort((a, b) => sign * compare(a.value, b.value) || compare(a.key, b.key));
  return keyed.map((one) => one.row);
}

function compare(a: number | string, b: number | string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

// The rows from and to which are in view. It is measured after each drawing too, because what stands above may have grown.
function useView(body: { current: HTMLDivElement | null }, height: number, count: number): [number, number] {
  const [view, setView] = useState<[number, number]>([0, 60]);
  const printing = useRef(false);
  const measure = () => {
    if (body.current === null) return;
    const above = -body.current.getBoundingClientRect().top;
    const from = printing.current ? 0 : Math.max(0, Math.floor(above / height) - BEYOND);
    const to = printing.current ? count : Math.max(from, Math.ceil((above + window.innerHeight) / height) + BEYOND);
    setView((old) => (old[0] === from && old[1] === to ? old : [from, to]));
  };
  useLayoutEffect(measure);
  useLayoutEffect(() => {
    const print = (event: Event) => {
      printing.current = event.type === "beforeprint";
      measure();
    };
    const listened = [
      ["scroll", measure],
      ["resize", measure],
      ["beforeprint", print],
      ["afterprint", print],
    ] as const;
    for (const [name, heard] of listened) window.addEventListener(name, heard, { passive: true });
    return () => {
      for (const [name, heard] of listened) window.removeEventListener(name, heard);
    };
  }, [height, count]);
  return view;
}

function useMedia(query: string): boolean {
  const [matches, setMatches] = useState(() => window.matchMedia(query).matches);
  useLayoutEffect(() => {
    const media = window.matchMedia(query);
    const changed = () => setMatches(media.matches);
    media.addEventListener("change", changed);
    return () => media.removeEventListener("change", changed);
  }, [query]);
  return matches;
}
