// SPDX-License-Identifier: Apache-2.0
// What the page knows of the mesh: the last answers, and what happened between two of them. Counts and quantiles are made as
// `meshctl top` makes them.

const LOOKS = 6; // rates are those of the time that these span

export const keyOf = (row) => `${row.service}:${row.port}/${row.protocol}`;
const total = (row, way) => row[`bytes_${way}`] + row[`short_${way}`] + row[`forwarded_${way}`];
const short = (row) => row.short_out + row.short_in;
const more = (now, before) => Math.max(now - before, 0);

// From buckets of a histogram, as in tools/meshctl/times.cpp; null: nothing was counted.
export function quantile(buckets, bounds, part) {
  const all = buckets.reduce((sum, number) => sum + number, 0);
  if (all <= 0) return null;
  const rank = part * all;
  let below = 0;
  for (let i = 0; i < buckets.length; i += 1) {
    const lower = i === 0 || i > bounds.length ? 0 : bounds[i - 1];
    if (below + buckets[i] < rank || buckets[i] === 0) below += buckets[i];
    else return i >= bounds.length ? lower : lower + ((bounds[i] - lower) * (rank - below)) / buckets[i];
  }
  return null;
}

export const flowKey = (flow) => `${flow.protocol} ${flow.client} ${flow.server} ${flow.source}`;
const flowBytes = (flow) => flow.bytes_out + flow.bytes_in + flow.short_out + flow.short_in;
// Of a client on another host the cgroup is that of the server.
const isOfCgroup = (flow) => flow.source === 'client' && flow.cgroup !== '';
const clientOf = (flow) => (isOfCgroup(flow) ? flow.cgroup : flow.client.replace(/:\d+$/, ''));
const edgeKey = (flow) => `${clientOf(flow)}|${flow.service}`;

function subtract(now = [], before = []) {
  return now.map((number, i) => (before[i] !== undefined && number >= before[i] ? number - before[i] : number));
}

const NOTHING = {
  open: 0, opened: 0, closed: 0, failed: 0, resets: 0, retransmits: 0, bytes_out: 0, bytes_in: 0, short_out: 0, short_in: 0,
  forwarded_open: 0, forwarded_out: 0, forwarded_in: 0,
};

export class Mesh {
  constructor() {
    this.looks = []; // {at, services: Map, bounds}
    this.services = new Map(); // by name, as /v1/services has them
    this.backends = []; // as /v1/backends has them
    this.flows = []; // as /v1/flows has them
    this.flowsBefore = null; // by key
    this.flowLooks = []; // {at, moved}: bytes by edge since the look before
    this.totals = false; // since counting began, instead of rates
  }

  takeTraffic(answer) {
    const services = new Map(answer.services.map((row) => [keyOf(row), row]));
    this.looks.push({ at: performance.now(), services, bounds: answer.bucket_bounds_us });
    if (this.looks.length > LOOKS) this.looks.shift();
  }

  takeServices(answer) {
    this.services = new Map(answer.services.map((service) => [service.name, service]));
  }

  takeFlows(answer) {
    const moved = new Map();
    for (const flow of answer.flows) {
      // One that is new since the last look has moved all that it has since then.
      const before = this.flowsBefore?.get(flowKey(flow));
      const bytes = this.flowsBefore ? more(flowBytes(flow), before ? flowBytes(before) : 0) : 0;
      moved.set(edgeKey(flow), (moved.get(edgeKey(flow)) ?? 0) + bytes);
    }
    this.flowLooks.push({ at: performance.now(), moved });
    if (this.flowLooks.length > LOOKS) this.flowLooks.shift();
    this.flowsBefore = new Map(answer.flows.map((flow) => [flowKey(flow), flow]));
    this.flows = answer.flows;
  }

  // One row for each port of a service, also of those that nothing went to.
  serviceRows() {
    const now = this.looks.at(-1);
    if (!now) return [];
    const rows = [];
    const seen = new Set();
    for (const [key, row] of now.services) {
      seen.add(key);
      rows.push(this.serviceRow(key, row));
    }
    for (const service of this.services.values())
      for (const port of service.ports) {
        const row = { service: service.name, port: port.port, protocol: port.protocol, backends: [], ...NOTHING };
        if (!seen.has(keyOf(row))) rows.push(this.serviceRow(keyOf(row), row));
      }
    return rows;
  }

  serviceRow(key, row) {
    const now = this.looks.at(-1);
    const first = this.looks[0];
    const before = (!this.totals && first.services.get(key)) || NOTHING;
    const seconds = (now.at - first.at) / 1000;
    const over = this.totals || seconds === 0 ? null : seconds; // nothing to divide by: counts
    const per = (count) => (over === null ? (this.totals ? count : 0) : count / over);
    const service = this.services.get(row.service);
    const result = {
      key, service: row.service, port: row.port, protocol: row.protocol,
      open: row.open + row.forwarded_open,
      opened: per(more(row.opened, before.opened)),
      errors: per(more(row.failed, before.failed) + more(row.resets, before.resets)),
      out: per(more(total(row, 'out'), total(before, 'out'))),
      in: per(more(total(row, 'in'), total(before, 'in'))),
      mode: service?.tls?.mode ?? '',
      status: service?.status ?? '',
      why: service?.why ?? '',
      backends: row.backends,
    };
    const bytes = more(total(row, 'out') + total(row, 'in'), total(before, 'out') + total(before, 'in'));
    result.short = bytes > 0 ? more(short(row), short(before)) / bytes : 0;
    for (const member of ['connect', 'response', 'rtt']) {
      const buckets = subtract(row[member]?.buckets, before[member]?.buckets);
      result[`${member}_p50`] = quantile(buckets, now.bounds, 0.5);
      result[`${member}_p99`] = quantile(buckets, now.bounds, 0.99);
    }
    return result;
  }

  // What went to a backend by the counts of its service's row; the same members as a row of a service.
  backendTraffic(serviceKey, backend) {
    const find = (look) => look?.services.get(serviceKey)?.backends.find((one) => one.backend === backend);
    const now = find(this.looks.at(-1)) ?? NOTHING;
    const before = (!this.totals && find(this.looks[0])) || NOTHING;
    const seconds = this.looks.length > 1 ? (this.looks.at(-1).at - this.looks[0].at) / 1000 : 0;
    const per = (count) => (this.totals ? count : seconds > 0 ? count / seconds : 0);
    return {
      open: now.open + now.forwarded_open,
      opened: per(more(now.opened, before.opened)),
      errors: per(more(now.failed, before.failed) + more(now.resets, before.resets)),
      bytes: per(more(total(now, 'out') + total(now, 'in'), total(before, 'out') + total(before, 'in'))),
    };
  }

  // Who connects to which service, by the flows in the table: edges {key, client, isCgroup, service, open, bytes, short, tls, failed}.
  clientEdges() {
    const edges = new Map();
    for (const flow of this.flows) {
      if (!flow.service) continue;
      const key = edgeKey(flow);
      if (!edges.has(key)) edges.set(key, { key, client: clientOf(flow), isCgroup: isOfCgroup(flow), service: flow.service, open: 0, bytes: 0, short: 0, tls: false, failed: 0 });
      this.addFlow(edges.get(key), flow);
    }
    if (!this.totals) for (const edge of edges.values()) edge.bytes = this.edgeRate(edge.key);
    return [...edges.values()];
  }

  addFlow(edge, flow) {
    edge.bytes += flowBytes(flow);
    edge.short += flow.short_out + flow.short_in > 0 ? 1 : 0;
    edge.tls ||= Boolean(flow.via);
    if (flow.state === 'opening' || flow.state === 'established') edge.open += 1;
    if (flow.state === 'failed' || flow.state === 'reset') edge.failed += 1;
  }

  edgeRate(key) {
    const seconds = (this.flowLooks.at(-1).at - this.flowLooks[0].at) / 1000;
    const bytes = this.flowLooks.slice(1).reduce((sum, look) => sum + (look.moved.get(key) ?? 0), 0);
    return seconds > 0 ? bytes / seconds : 0;
  }
}
