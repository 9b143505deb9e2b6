// The link's token is exchanged once: for a cookie that no script reads, and for a key that no other origin reads.

const KEY = "taskfleet-key";

export class RefusedError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

export async function openSession(): Promise<void> {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (token === null) return;
  history.replaceState(null, "", location.pathname + location.search);
  const answer = await ask<{ key: string }>("/api/session", { token });
  localStorage.setItem(KEY, answer.key);
}

export async function ask<T>(path: string, body: unknown): Promise<T> {
  const response = await fetch(path, {
    method: "POST",
    headers: { ...keyHeader(), "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  return (await accepted(response)).json() as Promise<T>;
}

export async function fetched<T>(path: string): Promise<T> {
  return (await accepted(await fetch(path, { headers: keyHeader() }))).json() as Promise<T>;
}

// The lines of an endless answer.
export async function* lines(path: string, signal: AbortSignal): AsyncGenerator<string> {
  const response = await accepted(await fetch(path, { headers: keyHeader(), signal }));
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let parts: string[] = [];
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const [end = "", ...rest] = value.split("\n");
    parts.push(end);
    for (const next of rest) {
      yield parts.join("");
      parts = [next];
    }
  }
}

function keyHeader(): Record<string, string> {
  return { "Taskfleet-Key": localStorage.getItem(KEY) ?? "" };
}

async function accepted(response: Response): Promise<Response> {
  if (response.ok) return response;
  const told = (await response.json().catch(() => ({}))) as { message?: string };
  throw new RefusedError(response.status, told.message ?? `The server answered ${response.status}.`);
}
