// SPDX-License-Identifier: Apache-2.0
// The table of backends: what `meshctl backend list` shows, with the reason of each state.
import * as format from './format.js';
import { Table } from './table.js';

const isUsable = (row) => row.state === 'ready' || row.in_panic;
export const endpoint = (row) => (row.address.includes(':') ? `[${row.address}]:${row.backend_port}` : `${row.address}:${row.backend_port}`);
export const stateKind = (row) => (isUsable(row) ? '' : 'bad');

function why(row) {
  const parts = [];
  if (row.reason) parts.push(row.reason);
  if (row.health && row.health.reason && row.health.reason !== row.reason) parts.push(`${row.health.state}: ${row.health.reason}`);
  if (row.in_panic) parts.push('used all the same, too few others are usable');
  if (row.until) parts.push(`until ${format.time(row.until)}`);
  return parts.join('; ');
}

export function backendRows(backends) {
  return backends.map((row) => ({ ...row, endpoint: endpoint(row), key: `${row.service}:${row.port}/${row.protocol} ${endpoint(row)}` }));
}

export function backendTable(parent, onEnter) {
  return new Table(parent, {
    caption: 'Backends',
    sort: 0,
    onEnter,
    columns: [
      { title: 'Service', value: (row) => row.service, text: (row) => row.service },
      { title: 'Port', number: true, value: (row) => row.port, text: (row) => `${row.port}/${row.protocol}` },
      { title: 'Backend', value: (row) => row.endpoint, text: (row) => row.endpoint },
      { title: 'State', value: (row) => row.state, text: (row) => row.state, kind: stateKind },
      { title: 'Why', value: why, text: why },
      { title: 'Since', value: (row) => row.since, text: (row) => (row.since ? format.time(row.since) : '–') },
      { title: 'Health', value: (row) => row.health?.state ?? '', text: (row) => row.health?.state ?? 'not probed' },
      { title: 'Weight', number: true, value: (row) => row.weight, text: (row) => String(row.weight) },
      { title: 'Share', number: true, value: (row) => row.share, text: (row) => format.share(row.share) },
      { title: 'Open', number: true, value: (row) => row.open, text: (row) => String(row.open) },
      { title: 'Connects', number: true, value: (row) => row.connects, text: (row) => String(row.connects) },
      { title: 'Connect', number: true, value: (row) => row.connect_us, text: (row) => (row.connect_us ? format.microseconds(row.connect_us) : '–') },
      { title: 'Failures', number: true, value: (row) => row.failures, text: (row) => format.share(row.failures), kind: (row) => (row.failures > 0 ? 'bad' : '') },
    ],
  });
}
