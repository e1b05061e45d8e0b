// SPDX-License-Identifier: Apache-2.0
// Questions to the server, in the words of the agent's control socket.

const KEPT = 'meshd-token';

export class ApiError extends Error {
  constructor(status, message, remedy) {
    super(remedy ? `${message}: ${remedy}` : message);
    this.status = status;
  }
}

// For this tab alone, until it is closed.
export const keepToken = (token) => sessionStorage.setItem(KEPT, token);
export const forgetToken = () => sessionStorage.removeItem(KEPT);

export async function ask(path, query = {}) {
  const target = new URL(path, location.href);
  for (const [key, value] of Object.entries(query)) if (value !== '') target.searchParams.set(key, value);
  const token = sessionStorage.getItem(KEPT);
  let answer;
  try {
    answer = await fetch(target, { headers: token ? { Authorization: `Bearer ${token}` } : {}, cache: 'no-store' });
  } catch {
    throw new ApiError(0, 'the worker of this node does not answer', 'it is asked again and again');
  }
  const body = await answer.json().catch(() => ({}));
  if (answer.ok) return body;
  const { message = `status ${answer.status}`, remedy = '' } = body.error ?? {};
  throw new ApiError(answer.status, message, remedy);
}
