// The filter of a list. What is typed and chosen stands in the address.

import { refine, type Route } from "../route";
import { figure } from "../format";

export function Filter(props: {
  route: Route;
  label: string;
  choices: Record<string, string>;
  shown: number;
  all: number;
}) {
  const { route, choices } = props;
  return (
    <form class="filter" role="search" onSubmit={(event) => event.preventDefault()}>
      <label>
        <span class="hidden">{props.label}</span>
        <input
          type="search"
          placeholder={`${props.label}  ( / )`}
          value={route.query.get("q") ?? ""}
          onInput={(event) => refine({ q: event.currentTarget.value })}
        />
      </label>
      <label>
        <span class="hidden">State</span>
        <select value={route.query.get("show") ?? ""} onChange={(event) => refine({ show: event.currentTarget.value })}>
          {Object.entries(choices).map(([value, name]) => (
            <option value={value}>{name}</option>
          ))}
        </select>
      </label>
      <span class="count" role="status">
        {props.shown === props.all ? figure(props.all) : `${figure(props.shown)} of ${figure(props.all)}`}
      </span>
    </form>
  );
}

// Every word must be somewhere in the texts.
export function matches(route: Route, ...texts: (string | undefined)[]): boolean {
  const whole = texts.join(" ").toLowerCase();
  const words = (route.query.get("q") ?? "").toLowerCase().split(" ");
  return words.every((word) => whole.includes(word));
}
