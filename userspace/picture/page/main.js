// SPDX-License-Identifier: Apache-2.0
// Puts the page together: views, keys, and what each view asks for.
import { ApiError, ask, forgetToken, keepToken } from './api.js';
import { backendRows, backendTable } from './backends.js';
import { showDetails } from './details.js';
import { Events, eventRows } from './events.js';
import { FlowSearch } from './flows.js';
import { Graph } from './graph.js';
import { Mesh } from './model.js';
import { Poll } from './poll.js';
import { serviceTable } from './services.js';
import { setUpTheme } from './theme.js';

const VIEWS = ['graph', 'services', 'backends', 'flows', 'events'];
const FLOWS_OF_GRAPH = 2000;

const at = (id) => document.getElementById(id);
const mesh = new Mesh();
let view = 'graph';
let statusBefore = null;

const graph = new Graph(at('graph'), mesh, {
  onChoose: (id, isNew) => {
    const node = id ? graph.cy.getElementById(id).data() : null;
    showDetails(at('details'), mesh, node);
    if (isNew && node) at('announce').textContent = `${node.kind} ${node.name}${node.bad ? ', not well' : ''}`;
  },
  onEnter: (node) => (node.kind === 'backend' ? open('backends', node.name) : node.kind === 'service' ? open('services', node.name) : open('flows')),
});
const services = serviceTable(at('view-services'), mesh, (row) => open('backends', row.service));
const backends = backendTable(at('view-backends'), (row) => {
  flows.of(row.service, row.endpoint);
  open('flows', '');
});
const flows = new FlowSearch(at('flow-search'), at('flow-table'), () => poll.now());
const events = new Events(at('timeline'), at('event-table'), () => {});

// ---- What is asked, and shown ----

async function takeStatus() {
  const status = await ask('/v1/status');
  const state = at('state');
  if (state.textContent !== status.state) state.textContent = status.state;
  state.className = `badge ${status.state}`;
  state.title = status.degraded.map((one) => `${one.feature}: ${one.reason}`).join('\n');
  at('node').textContent = `version ${status.version} · short way ${status.acceleration.mode}`;
  // Services change seldom: they are asked for when there is another version, or what is said of them may be another.
  const stamp = JSON.stringify([status.started_at, status.desired.version, status.services]);
  const isNew = stamp !== statusBefore;
  statusBefore = stamp;
  return { status, isNew };
}

async function takeServices() {
  const answer = await ask('/v1/services');
  mesh.takeServices(answer);
  const names = answer.services.map((service) => {
    const option = document.createElement('option');
    option.value = service.name;
    return option;
  });
  at('service-names').replaceChildren(...names);
}

const SHOW = {
  async graph() {
    const [answer, known] = await Promise.all([ask('/v1/flows', { sort: 'bytes', limit: FLOWS_OF_GRAPH }), ask('/v1/backends')]);
    mesh.takeFlows(answer);
    mesh.backends = known.backends;
    graph.update();
  },
  async services() {
    services.set(mesh.serviceRows());
  },
  async backends() {
    mesh.backends = (await ask('/v1/backends')).backends;
    backends.set(backendRows(mesh.backends));
  },
  flows: () => flows.search(),
  async events(status) {
    const [known, certificates, registries] = await Promise.all([
      ask('/v1/events', { limit: 1000 }), ask('/v1/certificates'), ask('/v1/registries'),
    ]);
    events.set(eventRows({ events: known.events, status, certificates: certificates.certificates, registries: registries.registries }));
  },
};

async function round() {
  const shown = view;
  try {
    const [{ status, isNew }, traffic] = await Promise.all([takeStatus(), ask('/v1/traffic')]);
    mesh.takeTraffic(traffic);
    if (isNew) await takeServices();
    await SHOW[shown](status);
    showProblem(null);
    document.body.dataset.rounds = String(Number(document.body.dataset.rounds ?? 0) + 1);
  } catch (error) {
    showProblem(error);
  }
}

function showProblem(error) {
  const line = at('problem');
  line.hidden = error === null;
  line.textContent = error ? error.message : '';
  if (!error) return;
  if (!(error instanceof ApiError)) console.error(error);
  if (error.status === 400) return; // what was searched for is none
  at('state').textContent = 'no answer';
  at('state').className = 'badge degraded';
  statusBefore = null; // what was asked for may not have come
  if (error.status === 401) askForToken(error);
}

// ---- The token ----

function askForToken(error) {
  const dialog = at('token-dialog');
  at('token-problem').textContent = sessionStorage.length > 0 ? error.message : '';
  forgetToken();
  if (dialog.open) return;
  poll.isPaused = true;
  dialog.showModal();
}

at('token-form').addEventListener('submit', () => {
  keepToken(at('token').value.trim());
  at('token').value = '';
});
at('token-dialog').addEventListener('close', () => poll.pause(false));

// ---- Views and keys ----

function open(name, words = null) {
  view = name;
  for (const one of VIEWS) {
    const isOpen = one === name;
    at(`view-${one}`).hidden = !isOpen;
    at(`tab-${one}`).setAttribute('aria-selected', String(isOpen));
    at(`tab-${one}`).tabIndex = isOpen ? 0 : -1;
  }
  if (words !== null) at('filter').value = words;
  filter();
  history.replaceState(null, '', `#${name}`);
  if (name === 'graph') graph.resize();
  poll.now();
}

function filter() {
  const words = at('filter').value;
  graph.filter(words);
  for (const table of [services, backends, flows.table, events.table]) table.filter(words);
}

function press(button, onChange) {
  button.addEventListener('click', () => {
    const isOn = button.getAttribute('aria-pressed') !== 'true';
    button.setAttribute('aria-pressed', String(isOn));
    onChange(isOn);
  });
}

const poll = new Poll(round);
press(at('pause'), (isOn) => poll.pause(isOn));
press(at('span'), (isOn) => {
  mesh.totals = isOn;
  poll.now();
});
setUpTheme(at('theme'), () => graph.restyle());
at('help-button').addEventListener('click', () => at('help').showModal());
at('filter').addEventListener('input', filter);
at('filter').addEventListener('keydown', (event) => {
  if (event.key !== 'Escape') return;
  at('filter').value = '';
  filter();
});

VIEWS.forEach((name, index) => {
  const tab = at(`tab-${name}`);
  tab.addEventListener('click', () => open(name));
  tab.addEventListener('keydown', (event) => {
    const step = { ArrowRight: 1, ArrowLeft: VIEWS.length - 1 }[event.key];
    if (!step) return;
    const next = VIEWS[(index + step) % VIEWS.length];
    open(next);
    at(`tab-${next}`).focus();
  });
});

document.addEventListener('keydown', (event) => {
  const isTyping = event.target.matches('input, select, textarea') || document.querySelector('dialog[open]');
  if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
  const index = Number(event.key) - 1;
  const buttons = { t: 'span', p: 'pause', d: 'theme', '?': 'help-button' };
  if (VIEWS[index]) {
    open(VIEWS[index]);
    (VIEWS[index] === 'graph' ? at('graph') : at(`tab-${VIEWS[index]}`)).focus();
  } else if (event.key === '/') at('filter').focus();
  else if (event.key in buttons) at(buttons[event.key]).click();
  else return;
  event.preventDefault();
});

open(VIEWS.includes(location.hash.slice(1)) ? location.hash.slice(1) : 'graph');
