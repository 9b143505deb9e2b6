// Acts on an object: each says in numbers what it will do, and asks, before anything happens.

import type { ComponentChildren } from "preact";
import { useRef, useState } from "preact/hooks";
import { useAccess } from "../hooks";
import type { Answer, Stored } from "../model";
import { ask } from "../session";

export interface Act {
  act: string;
  name: string;
  effect: (values: Record<string, number>) => ComponentChildren;
  numbers?: { name: string; label: string; value: number }[];
  force?: string; // the label of a box that forces the act
  possible?: boolean;
  danger?: boolean;
  done?: (answer: Answer) => string;
}

interface Sent {
  token?: string;
  answer?: string;
}

export function Acts({ object, acts }: { object: Stored; acts: Act[] }) {
  const allowed = useAccess(object.kind, object.namespace, object.name);
  const [chosen, setChosen] = useState<Act>();
  const dialog = useRef<HTMLDialogElement>(null);
  const why = allowed === false ? "Your role does not allow patching this object." : undefined;
  return (
    <div class="acts">
      {acts.map((act) => (
        <button
          type="button"
          class={act.danger ? "danger" : ""}
          disabled={allowed !== true || act.possible === false}
          title={why}
          onClick={() => {
            setChosen(act);
            dialog.current?.showModal();
          }}
        >
          {act.name}…
        </button>
      ))}
      {why !== undefined && <span class="why">{why}</span>}
      <dialog ref={dialog} aria-labelledby="act-title" onClose={() => setChosen(undefined)}>
        {chosen !== undefined && (
          <Question key={chosen.act} object={object} act={chosen} close={() => dialog.current?.close()} />
        )}
      </dialog>
    </div>
  );
}

function Question({ object, act, close }: { object: Stored; act: Act; close: () => void }) {
  const numbers = act.numbers ?? [];
  const [values, setValues] = useState(() => Object.fromEntries(numbers.map((one) => [one.name, one.value])));
  const [force, setForce] = useState(false);
  const [sent, setSent] = useState<Sent>();
  const [error, setError] = useState("");
  const send = async (event: Event) => {
    event.preventDefault();
    setError("");
    try {
      const { kind, namespace, name } = object;
      const values_ = act.force === undefined ? values : { ...values, force };
      setSent(await ask<Sent>("/api/act", { kind, namespace, name, act: act.act, arguments: values_ }));
    } catch (refusal) {
      setError((refusal as Error).message);
    }
  };
  if (sent !== undefined) return <Outcome object={object} act={act} sent={sent} close={close} />;
  return (
    <form onSubmit={send}>
      <h2 id="act-title">
        {act.name}: {object.namespace}/{object.name}
      </h2>
      <p>{act.effect(values)}</p>
      {numbers.map((one) => (
        <label class="field">
          {one.label}
          <input
            type="number"
            min={0}
            max={10000}
            required
            value={values[one.name]}
            onInput={(event) => setValues({ ...values, [one.name]: event.currentTarget.valueAsNumber })}
          />
        </label>
      ))}
      {act.force !== undefined && (
        <label class="field">
          <input type="checkbox" checked={force} onChange={(event) => setForce(event.currentTarget.checked)} /> {act.force}
        </label>
      )}
      {error !== "" && (
        <p class="notice" role="alert">
          {error}
        </p>
      )}
      <div class="acts">
        <button type="submit" class={act.danger ? "danger" : "main"}>
          {act.name}
        </button>
        <button type="button" onClick={close}>
          Cancel
        </button>
      </div>
    </form>
  );
}

// The status repeats the token once the operator has carried out the request.
function Outcome({ object, act, sent, close }: { object: Stored; act: Act; sent: Sent; close: () => void }) {
  const answers = object.status as Record<string, unknown>;
  const answer = sent.answer === undefined ? undefined : (answers[sent.answer] as Answer | undefined);
  const answered = answer !== undefined && answer.token === sent.token;
  let text = "Changed. The operator acts on it now.";
  if (sent.token !== undefined) text = "Sent. Waiting for the operator…";
  if (answered) text = answer.refused || (act.done?.(answer) ?? "Done.");
  return (
    <div>
      <h2 id="act-title">
        {act.name}: {object.namespace}/{object.name}
      </h2>
      <p role="status">{text}</p>
      {sent.token !== undefined && !answered && (
        <p class="why">
          The request stays pending if you close this. status.{sent.answer}.token becomes {sent.token} once it is done.
        </p>
      )}
      <div class="acts">
        <button type="button" class="main" onClick={close}>
          Close
        </button>
      </div>
    </div>
  );
}
