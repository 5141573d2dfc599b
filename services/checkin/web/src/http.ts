import type { Problem } from './contract';

/** The server answered, and said no. */
export class Declined extends Error {
  override readonly name = 'Declined';

  constructor(readonly problem: Problem) {
    super(problem.detail ?? problem.title);
  }

  get status(): number {
    return this.problem.status;
  }
}

/** No answer, or none that settles the matter: the same request may be sent again. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable';

  /** @param retryAfter seconds that the server asked to wait, when it did */
  constructor(readonly retryAfter: number | null = null) {
    super('The server does not answer');
  }
}

export interface Call {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH';
  readonly token?: string | undefined;
  readonly body?: unknown;
  readonly patienceMs?: number;
}

const PATIENCE_MS = 8000;
const NO_CONTENT = 204;

/**
 * One request to the service, as JSON.
 *
 * @throws Declined for a problem document
 * @throws Unreachable when the network, the proxy or the server fails
 */
export async function call<Answer>(path: string, options: Call = {}): Promise<Answer> {
  const { method = 'GET', token, body, patienceMs = PATIENCE_MS } = options;
  const headers = headersFor('application/json', token);
  if (body !== undefined) headers['Content-Type'] = 'application/json';

  let response: Response;
  let text: string;
  try {
    response = await fetch(path, {
      method,
      headers,
      body: body === undefined ? null : JSON.stringify(body),
      signal: AbortSignal.timeout(patienceMs),
    });
    text = await response.text();
  } catch {
    throw new Unreachable();
  }
  refuseFailure(response, text);
  if (response.status === NO_CONTENT) return undefined as Answer;
  try {
    return JSON.parse(text) as Answer;
  } catch {
    // A captive portal answers 200 with a page of its own.
    throw new Unreachable();
  }
}

/**
 * An answer that comes bit by bit, for as long as `signal` lets it.
 *
 * @throws Declined for a problem document
 * @throws Unreachable when the network, the proxy or the server fails
 */
export async function openStream(
  path: string,
  accept: string,
  token: string,
  signal: AbortSignal,
): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  let response: Response;
  try {
    response = await fetch(path, { headers: headersFor(accept, token), signal, cache: 'no-store' });
  } catch {
    throw new Unreachable();
  }
  if (!response.ok) refuseFailure(response, await response.text().catch(() => ''));
  if (!response.body) throw new Unreachable();
  return response.body;
}

function headersFor(accept: string, token: string | undefined): Record<string, string> {
  return token ? { Accept: accept, Authorization: `Bearer ${token}` } : { Accept: accept };
}

function refuseFailure(response: Response, text: string): void {
  if (response.status >= 500) throw new Unreachable(retryAfter(response));
  if (!response.ok) throw new Declined(problemOf(response, text));
}

function retryAfter(response: Response): number | null {
  const seconds = Number(response.headers.get('Retry-After'));
  return seconds > 0 ? seconds : null;
}

function problemOf(response: Response, text: string): Problem {
  const fallback = { type: 'about:blank', title: response.statusText, status: response.status };
  try {
    return { ...fallback, ...(JSON.parse(text) as Partial<Problem>), status: response.status };
  } catch {
    return fallback;
  }
}
