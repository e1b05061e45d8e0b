// SPDX-License-Identifier: Apache-2.0
// What has happened, the last first: what `meshctl event list` tells of backends, and since when everything else is as it is.
import * as format from './format.js';
import { Table } from './table.js';

const BAD = new Set(['unhealthy', 'ejected', 'maint', 'on', 'degraded', 'expired', 'failing', 'missing', 'expiring', 'down', 'refused']);

function ofBackends(events) {
  return events.map((event) => ({
    key: `backend ${event.number}`, at: event.at, what: event.event, where: `${event.service} ${event.port}`, object: event.backend,
    change: `${event.from} → ${event.to}`, why: event.cause, bad: BAD.has(event.to),
  }));
}

function ofNode(status) {
  const rows = [{ key: 'agent', at: status.started_at, what: 'agent', where: `pid ${status.pid}`, change: 'started', why: status.adopted ? 'took over the maps of an earlier one' : '' }];
  const { worker, desired } = status;
  if (worker.since) rows.push({ key: `worker ${worker.since}`, at: worker.since, what: 'worker', where: `pid ${worker.pid}`, change: worker.state, why: worker.last_exit, bad: worker.state === 'down' });
  if (desired.version > 0) {
    const at = new Date(Date.now() - desired.age_s * 1000).toISOString();
    rows.push({ key: `desired ${desired.version}`, at, what: 'services', where: `from ${desired.from}`, change: `version ${desired.version}`, why: `${desired.services} services` });
  }
  for (const one of status.degraded) rows.push({ key: `degraded ${one.feature} ${one.since}`, at: one.since, what: 'degraded', where: one.feature, change: 'degraded', why: `${one.reason}; ${one.remedy}`, bad: true });
  for (const source of status.registry.sources) rows.push({ key: `source ${source.name} ${source.since}`, at: source.since, what: 'configuration', where: source.name, change: source.state, why: source.error, bad: BAD.has(source.state) });
  if (status.reconcile.drift_last_at) rows.push({ key: `drift ${status.reconcile.drift_last_at}`, at: status.reconcile.drift_last_at, what: 'drift', where: 'maps', change: 'repaired', why: `${status.reconcile.drift_total} in all`, bad: true });
  return rows;
}

const ofCertificates = (certificates) => certificates.map((one) => ({
  key: `certificate ${one.whose} ${one.name} ${one.since}`, at: one.since, what: 'certificate', where: `${one.whose} ${one.name}`.trim(), object: one.identity,
  change: one.state, why: one.problem || (one.not_after ? `until ${format.time(one.not_after)}` : ''), bad: BAD.has(one.state),
}));

const ofRegistries = (registries) => registries.filter((one) => one.kind !== 'files').map((one) => ({
  key: `registry ${one.name} ${one.since}`, at: one.since, what: 'registry', where: one.name, change: one.state, why: one.error, bad: BAD.has(one.state),
}));

export function eventRows({ events, status, certificates, registries }) {
  return [...ofBackends(events), ...ofNode(status), ...ofCertificates(certificates), ...ofRegistries(registries)].filter((row) => row.at);
}

export class Events {
  constructor(strip, parent, onEnter) {
    this.strip = strip;
    const word = (title, member, kind) => ({ title, value: (row) => row[member] ?? '', text: (row) => row[member] ?? '', kind });
    this.table = new Table(parent, {
      caption: 'Events, the last first',
      sort: 0,
      descending: true,
      onEnter,
      columns: [
        { title: 'At', value: (row) => row.at, text: (row) => format.time(row.at) },
        word('What', 'what'),
        word('Where', 'where'),
        word('Of', 'object'),
        { ...word('Change', 'change'), kind: (row) => (row.bad ? 'bad' : '') },
        word('Why', 'why'),
      ],
    });
  }

  set(rows) {
    this.table.set(rows);
    this.draw(rows.slice().sort((one, other) => one.at.localeCompare(other.at)).slice(-500));
  }

  // From the first event to now; marks are for the eye, the table for all else.
  draw(rows) {
    const from = rows.length > 0 ? Date.parse(rows[0].at) : Date.now();
    const length = Math.max(Date.now() - from, 1000);
    const marks = rows.map((row) => {
      const mark = document.createElement('i');
      mark.style.left = `${(97 * (Date.parse(row.at) - from)) / length + 1}%`;
      mark.title = `${format.time(row.at)} ${row.what} ${row.where} ${row.change}`;
      if (row.bad) mark.className = 'bad';
      return mark;
    });
    const first = document.createElement('span');
    first.textContent = rows.length > 0 ? format.time(rows[0].at) : '';
    const last = document.createElement('span');
    last.textContent = 'now';
    last.style.right = '0';
    this.strip.replaceChildren(first, last, ...marks);
  }
}
