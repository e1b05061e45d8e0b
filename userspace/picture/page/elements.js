// SPDX-License-Identifier: Apache-2.0
// Nodes and edges of the graph, as plain data, from what is known of the mesh.
import { endpoint, stateKind } from './backends.js';
import * as format from './format.js';

export const serviceId = (name) => `s ${name}`;
const clientId = (name) => `c ${name}`;
const backendId = (service, name) => `b ${service} ${name}`;

const shortName = (client) => client.replace(/^.*\/(?=.)/, '').replace(/\.(service|scope|slice)$/, '');
// Three and a half decades of bytes to seven steps, so that a small change is none.
const width = (bytes) => 1 + Math.min(6, Math.round(2 * Math.log10(1 + bytes / 1000)) / 2);

function figures(mesh, { bytes, opened = 0, errors = 0, open, failed = 0 }) {
  const parts = [];
  if (bytes > 0) parts.push(mesh.totals ? format.bytes(bytes) : format.bytesPerSecond(bytes));
  if (opened > 0) parts.push(mesh.totals ? `${format.count(opened)} opened` : `${format.perSecond(opened)} new`);
  if (open > 0) parts.push(`${open} open`);
  if (errors > 0) parts.push(mesh.totals ? `${format.count(errors)} errors` : `${format.perSecond(errors)} errors`);
  if (failed > 0) parts.push(`${failed} failed`); // of the flows that the table has
  return parts.join(' · ');
}

// Of responses where they are measured, else of the handshake.
function times(row) {
  const member = row.response_p99 === null ? 'connect' : 'response';
  if (row[`${member}_p99`] === null) return '';
  return `\n${member} ${format.microseconds(row[`${member}_p50`])}, p99 ${format.microseconds(row[`${member}_p99`])}`;
}

function addService(nodes, row, usable) {
  const id = serviceId(row.service);
  const tls = Boolean(row.mode) && row.mode !== 'off';
  const before = nodes.get(id);
  const bad = row.errors > 0 || Boolean(row.why) || !usable.has(row.service) || Boolean(before?.bad);
  const below = usable.has(row.service) ? (before ? '' : times(row)) : '\nno usable backend';
  nodes.set(id, { id, kind: 'service', name: row.service, group: '', label: row.service + below, tls, bad });
}

function addClients(mesh, nodes, edges) {
  for (const edge of mesh.clientEdges()) {
    const target = serviceId(edge.service);
    if (!nodes.has(target)) continue;
    const source = clientId(edge.client);
    const name = edge.isCgroup ? shortName(edge.client) : edge.client;
    nodes.set(source, { id: source, kind: 'workload', name: edge.client, group: '', label: name });
    const id = `e ${edge.key}`;
    const marks = [edge.tls ? 'TLS' : '', edge.short > 0 ? 'short way' : ''].filter(Boolean).join(' · ');
    const label = [figures(mesh, edge), marks].filter(Boolean).join(' · ');
    edges.set(id, { id, source, target, label, width: width(edge.bytes), tls: edge.tls, short: edge.short > 0, bad: edge.failed > 0, open: edge.open });
  }
}

function addBackends(mesh, nodes, edges, only) {
  for (const row of mesh.backends) {
    const source = serviceId(row.service);
    if (!nodes.has(source) || (only !== null && only !== source)) continue;
    const name = endpoint(row);
    const id = backendId(row.service, name);
    const isBad = stateKind(row) === 'bad';
    nodes.set(id, { id, kind: 'backend', name, group: row.service, label: isBad ? `${name}\n${row.state}` : name, bad: isBad });
    const traffic = mesh.backendTraffic(`${row.service}:${row.port}/${row.protocol}`, name);
    const key = `e ${id} ${row.port}/${row.protocol}`;
    edges.set(key, { id: key, source, target: id, label: figures(mesh, traffic), width: width(traffic.bytes), bad: traffic.errors > 0, open: traffic.open });
  }
}

// `backends`: of all services; else of the chosen one.
export function elementsOf(mesh, { backends, chosen }) {
  const nodes = new Map();
  const edges = new Map();
  const usable = new Set(mesh.backends.filter((row) => stateKind(row) === '').map((row) => row.service));
  for (const row of mesh.serviceRows()) addService(nodes, row, usable);
  addClients(mesh, nodes, edges);
  addBackends(mesh, nodes, edges, backends ? null : chosen ?? '');
  return { nodes, edges };
}
