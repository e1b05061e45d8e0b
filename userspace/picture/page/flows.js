// SPDX-License-Identifier: Apache-2.0
// The search of flows: what `meshctl flow list` finds.
import { ask } from './api.js';
import * as format from './format.js';
import { flowKey } from './model.js';
import { Table } from './table.js';

const LIMIT = 500;
const sum = (row, way) => row[`bytes_${way}`] + row[`short_${way}`];
const bytes = (title, way) => ({ title, number: true, value: (row) => sum(row, way), text: (row) => format.bytes(sum(row, way)) });
const word = (title, member, kind) => ({ title, value: (row) => row[member], text: (row) => row[member] ?? '', kind });
const micros = (title, member) => ({ title, number: true, value: (row) => row[member], text: (row) => (row[member] ? format.microseconds(row[member]) : '–') });

export class FlowSearch {
  // What is asked for is what was last submitted, not what is being typed.
  constructor(form, parent, onSubmit) {
    this.form = form;
    this.query = { limit: LIMIT };
    this.table = new Table(parent, {
      caption: 'Flows',
      columns: [
        word('Client', 'client'),
        word('Server', 'server'),
        word('Service', 'service'),
        word('State', 'state', (row) => (row.state === 'failed' || row.state === 'reset' ? 'bad' : '')),
        { title: 'Age', number: true, value: (row) => row.age_ms, text: (row) => format.milliseconds(row.age_ms) },
        bytes('Out', 'out'),
        bytes('In', 'in'),
        micros('Round trip', 'rtt_us'),
        micros('Connect', 'connect_us'),
        { title: 'Retransmits', number: true, value: (row) => row.retransmits, text: (row) => String(row.retransmits) },
        { title: 'Way', value: way, text: way, kind: (row) => (row.via ? 'tls' : way(row) === 'short' ? 'short' : '') },
        word('Seen by', 'source'),
        { title: 'Who', value: who, text: who },
      ],
    });
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.submit();
      onSubmit();
    });
  }

  submit() {
    const fields = Object.fromEntries([...new FormData(this.form)].map(([name, value]) => [name, value.trim()]));
    this.query = { ...fields, limit: LIMIT };
  }

  of(service, backend) {
    this.form.reset();
    this.form.elements.service.value = service;
    this.form.elements.backend.value = backend;
    this.submit();
  }

  async search() {
    const answer = await ask('/v1/flows', this.query);
    const rest = answer.matched > LIMIT ? `; the first ${LIMIT} of ${answer.matched}` : '';
    this.table.caption = `Flows that match, of ${answer.total} in the table${rest}`;
    this.table.set(answer.flows.map((flow) => ({ ...flow, key: flowKey(flow) })));
  }
}

function way(row) {
  if (row.via) return 'encrypted';
  return row.short_out + row.short_in > 0 ? 'short' : 'TCP';
}

function who(row) {
  return row.cgroup || row.device || '';
}
