// SPDX-License-Identifier: Apache-2.0
// The table of services: what `meshctl top` shows, and how each is led.
import * as format from './format.js';
import { Table } from './table.js';

const number = (title, member, text) => ({ title, number: true, value: (row) => row[member] ?? -1, text: (row) => text(row[member], row) });
const word = (title, member, kind) => ({ title, value: (row) => row[member], text: (row) => String(row[member] ?? ''), kind });

export function serviceTable(parent, mesh, onEnter) {
  const count = (value) => (mesh.totals ? format.count(value) : format.perSecond(value));
  const bytes = (value) => (mesh.totals ? format.bytes(value) : format.bytesPerSecond(value));
  return new Table(parent, {
    caption: 'Services',
    sort: 0,
    onEnter,
    columns: [
      word('Service', 'service'),
      { title: 'Port', number: true, value: (row) => row.port, text: (row) => `${row.port}/${row.protocol}` },
      number('Open', 'open', format.count),
      number('Opened', 'opened', count),
      { ...number('Errors', 'errors', count), kind: (row) => (row.errors > 0 ? 'bad' : '') },
      number('Out', 'out', bytes),
      number('In', 'in', bytes),
      number('Connect p50', 'connect_p50', format.microseconds),
      number('p99', 'connect_p99', format.microseconds),
      number('Response p50', 'response_p50', format.microseconds),
      number('p99', 'response_p99', format.microseconds),
      { title: 'Encrypted', value: (row) => row.mode, text: (row) => (row.mode && row.mode !== 'off' ? row.mode : 'no'), kind: (row) => (row.mode && row.mode !== 'off' ? 'tls' : '') },
      { ...number('Short way', 'short', (value) => (value > 0 ? format.share(value) : 'no')), kind: (row) => (row.short > 0 ? 'short' : '') },
      { title: 'In force', value: (row) => row.status, text: (row) => row.why || row.status, kind: (row) => (row.why ? 'bad' : '') },
    ],
  });
}
