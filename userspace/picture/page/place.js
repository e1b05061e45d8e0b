// SPDX-License-Identifier: Apache-2.0
// Where nodes stand: clients, services and backends side by side, each kind in columns, in the order of their names. So nothing
// moves when figures change, and little when something comes or goes.

import { byName } from './format.js';

const ROW = 64;
const COLUMN = 150;
const GAP = 320; // for the figures at an edge
const LEAST_ROWS = 14;

const order = (one, other) => byName(one.group, other.group) || byName(one.name, other.name);

export function place(nodes) {
  const positions = new Map();
  const rows = Math.max(LEAST_ROWS, Math.ceil(Math.sqrt(nodes.length * 1.5)));
  let left = 0;
  for (const kind of ['workload', 'service', 'backend']) {
    const own = nodes.filter((node) => node.kind === kind).sort(order);
    if (own.length === 0) continue;
    const columns = Math.ceil(own.length / rows);
    const height = Math.min(own.length, rows) * ROW;
    own.forEach((node, i) => {
      positions.set(node.id, { x: left + Math.floor(i / rows) * COLUMN, y: (i % rows) * ROW - height / 2 });
    });
    left += (columns - 1) * COLUMN + GAP;
  }
  return positions;
}
