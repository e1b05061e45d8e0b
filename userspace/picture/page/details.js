// SPDX-License-Identifier: Apache-2.0
// What is chosen in the graph, in words and figures.
import { endpoint, stateKind } from './backends.js';
import * as format from './format.js';

function list(pairs) {
  const element = document.createElement('dl');
  for (const [name, value, kind = ''] of pairs) {
    const term = document.createElement('dt');
    term.textContent = name;
    const text = document.createElement('dd');
    text.textContent = value;
    text.className = kind;
    element.append(term, text);
  }
  return element;
}

function title(text, level = 'h2') {
  const element = document.createElement(level);
  element.textContent = text;
  return element;
}

function ofPort(mesh, row) {
  const count = mesh.totals ? format.count : format.perSecond;
  const bytes = mesh.totals ? format.bytes : format.bytesPerSecond;
  const times = (member) => `${format.microseconds(row[`${member}_p50`])} / ${format.microseconds(row[`${member}_p99`])}`;
  const isEncrypted = Boolean(row.mode) && row.mode !== 'off';
  return [
    title(`Port ${row.port}/${row.protocol}`, 'h3'),
    list([
      ['Open', String(row.open)],
      ['Opened', count(row.opened)],
      ['Errors', count(row.errors), row.errors > 0 ? 'bad' : ''],
      ['Out, in', `${bytes(row.out)}, ${bytes(row.in)}`],
      ['Connect p50 / p99', times('connect')],
      ['Response p50 / p99', times('response')],
      ['Round trip p50 / p99', times('rtt')],
      ['Encrypted', isEncrypted ? row.mode : 'no', isEncrypted ? 'tls' : ''],
      ['Short way', row.short > 0 ? `${format.share(row.short)} of the bytes` : 'no', row.short > 0 ? 'short' : ''],
      ...(row.why ? [['Not in force', row.why, 'bad']] : []),
    ]),
  ];
}

function ofBackend(row) {
  const why = [row.state, row.reason].filter(Boolean).join(': ');
  return [endpoint(row), `${why}, ${row.open} open, ${format.share(row.share)}`, stateKind(row)];
}

function ofService(mesh, name) {
  const service = mesh.services.get(name);
  const ports = mesh.serviceRows().filter((row) => row.service === name).flatMap((row) => ofPort(mesh, row));
  const backends = mesh.backends.filter((row) => row.service === name);
  const about = service ? [list([['Addresses', service.addresses.join(', ')], ['Balancing', service.balancing], ['Source', service.source]])] : [];
  return [title(name), ...about, ...ports, title('Backends', 'h3'), list(backends.map(ofBackend))];
}

function ofClient(mesh, name) {
  const edges = mesh.clientEdges().filter((edge) => edge.client === name);
  const text = (edge) => `${edge.open} open, ${mesh.totals ? format.bytes(edge.bytes) : format.bytesPerSecond(edge.bytes)}${edge.tls ? ', encrypted' : ''}${edge.short > 0 ? ', short way' : ''}${edge.failed > 0 ? `, ${edge.failed} failed` : ''}`;
  return [title(name), list(edges.map((edge) => [edge.service, text(edge), edge.failed > 0 ? 'bad' : '']))];
}

function ofEndpoint(mesh, node) {
  const rows = mesh.backends.filter((row) => row.service === node.group && endpoint(row) === node.name);
  return [title(node.name), ...rows.flatMap((row) => [title(`${row.service} ${row.port}/${row.protocol}`, 'h3'), list([
    ['State', row.state, stateKind(row)],
    ['Why', row.reason || '–'],
    ['Since', format.time(row.since)],
    ['Health', row.health ? `${row.health.state} ${row.health.reason ?? ''}`.trim() : 'not probed'],
    ['Share', format.share(row.share)],
    ['Open', String(row.open)],
    ['Connects', String(row.connects)],
  ])])];
}

function ofAll(mesh) {
  const rows = mesh.serviceRows();
  const usable = mesh.backends.filter((row) => stateKind(row) === '').length;
  const sum = (member) => rows.reduce((all, row) => all + row[member], 0);
  const count = mesh.totals ? format.count : format.perSecond;
  const bytes = mesh.totals ? format.bytes : format.bytesPerSecond;
  return [title('This node'), list([
    ['Services', String(mesh.services.size)],
    ['Backends usable', `${usable} of ${mesh.backends.length}`, usable < mesh.backends.length ? 'bad' : ''],
    ['Open', String(sum('open'))],
    ['Opened', count(sum('opened'))],
    ['Errors', count(sum('errors')), sum('errors') > 0 ? 'bad' : ''],
    ['Out, in', `${bytes(sum('out'))}, ${bytes(sum('in'))}`],
  ])];
}

// `node`: the data of what is chosen, or null.
export function showDetails(parent, mesh, node) {
  const of = { service: () => ofService(mesh, node.name), workload: () => ofClient(mesh, node.name), backend: () => ofEndpoint(mesh, node) };
  parent.replaceChildren(...(node ? of[node.kind]() : ofAll(mesh)));
}
