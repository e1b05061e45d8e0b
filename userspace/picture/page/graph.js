// SPDX-License-Identifier: Apache-2.0
// The graph: clients, services and backends as nodes, what goes between them as edges. Drawn on canvases by Cytoscape.
import cytoscape from './cytoscape.esm.min.mjs';
import { elementsOf } from './elements.js';
import { place } from './place.js';
import { colour } from './theme.js';

const MOST_BACKENDS = 80; // shown without being asked for
const LARGEST = 1.3; // a few nodes need not fill the page
const MOST_LABELS = 80; // edges with their figures written beside them

function style() {
  const [paper, ink, quiet] = ['paper', 'ink', 'quiet'].map(colour);
  const node = (kind, shape) => ({ selector: `node[kind = "${kind}"]`, style: { 'background-color': colour(kind), shape } });
  return [
    { selector: 'node', style: { width: 18, height: 18, label: 'data(label)', color: ink, 'font-size': 11, 'text-valign': 'bottom', 'text-margin-y': 3, 'min-zoomed-font-size': 7, 'text-outline-color': paper, 'text-outline-width': 2, 'text-wrap': 'wrap' } },
    node('workload', 'round-rectangle'),
    node('service', 'ellipse'),
    node('backend', 'hexagon'),
    { selector: 'node[?tls]', style: { 'border-width': 4, 'border-color': colour('tls') } },
    { selector: 'node[?bad]', style: { 'border-width': 4, 'border-style': 'double', 'border-color': colour('bad') } },
    { selector: 'edge', style: { width: 'data(width)', 'line-color': quiet, 'target-arrow-color': quiet, 'target-arrow-shape': 'triangle', 'arrow-scale': 0.8, 'curve-style': 'straight', 'font-size': 9, color: ink, 'text-background-color': paper, 'text-background-opacity': 1, 'text-background-padding': 2, 'min-zoomed-font-size': 7 } },
    { selector: 'edge[label]', style: { label: 'data(label)' } },
    { selector: 'edge[?short]', style: { 'line-style': 'dashed', 'line-color': colour('short'), 'target-arrow-color': colour('short') } },
    { selector: 'edge[?tls]', style: { 'line-color': colour('tls'), 'target-arrow-color': colour('tls'), 'target-arrow-shape': 'diamond' } },
    { selector: 'edge[?bad]', style: { 'line-color': colour('bad'), 'target-arrow-color': colour('bad'), 'target-arrow-shape': 'tee' } },
    { selector: '.dim', style: { opacity: 0.15 } },
    { selector: 'node.chosen', style: { 'overlay-color': colour('focus'), 'overlay-opacity': 0.35, 'overlay-padding': 6 } },
  ];
}

export class Graph {
  constructor(container, mesh, { onChoose, onEnter }) {
    this.mesh = mesh;
    this.onChoose = onChoose;
    this.onEnter = onEnter;
    this.chosen = null;
    this.words = '';
    this.showsBackends = null; // null: while they are few
    this.cy = cytoscape({
      container,
      style: style(),
      maxZoom: 3,
      minZoom: 0.03,
      textureOnViewport: true,
      hideEdgesOnViewport: true,
      boxSelectionEnabled: false,
      autounselectify: true,
    });
    this.cy.on('tap', 'node', (event) => this.choose(event.target.id()));
    this.cy.on('dbltap', 'node', () => this.enter());
    container.addEventListener('keydown', (event) => this.onKey(event));
    this.isFitted = false;
  }

  restyle() {
    this.cy.style(style());
  }

  resize() {
    this.cy.resize();
    if (!this.isFitted && this.cy.nodes().length > 0) this.fit();
  }

  fit() {
    this.cy.fit(undefined, 30);
    if (this.cy.zoom() > LARGEST) {
      this.cy.zoom(LARGEST);
      this.cy.center();
    }
    this.isFitted = this.cy.width() > 0;
  }

  update() {
    const few = this.mesh.backends.length <= MOST_BACKENDS;
    const wanted = elementsOf(this.mesh, { backends: this.showsBackends ?? few, chosen: this.chosen });
    const labelled = wanted.edges.size <= MOST_LABELS;
    let changed = false;
    this.cy.batch(() => {
      this.cy.elements().forEach((element) => {
        if (wanted.nodes.has(element.id()) || wanted.edges.has(element.id())) return;
        changed ||= element.isNode();
        element.remove();
      });
      for (const data of wanted.nodes.values()) changed = this.put('nodes', data) || changed;
      for (const data of wanted.edges.values()) this.put('edges', labelled ? data : { ...data, label: undefined });
    });
    if (changed) this.arrange();
    this.dim();
    if (this.chosen && this.cy.getElementById(this.chosen).empty()) this.choose(null);
    else this.onChoose(this.chosen, false);
  }

  // Only what is another, since each change of data costs a look at its style. Whether it is new.
  put(group, data) {
    const element = this.cy.getElementById(data.id);
    if (element.empty()) {
      this.cy.add({ group, data });
      return true;
    }
    for (const [key, value] of Object.entries(data)) {
      if (element.data(key) === value) continue;
      if (value === undefined) element.removeData(key);
      else element.data(key, value);
    }
    return false;
  }

  arrange() {
    const positions = place(this.cy.nodes().map((node) => node.data()));
    this.cy.layout({ name: 'preset', positions: (node) => positions.get(node.id()), fit: false, animate: false }).run();
    if (!this.isFitted) this.fit();
  }

  filter(words) {
    this.words = words;
    this.dim();
  }

  dim() {
    const words = this.words.toLowerCase().split(/\s+/).filter(Boolean);
    this.cy.batch(() => {
      this.cy.nodes().forEach((node) => {
        const text = `${node.data('name')} ${node.data('kind')}`.toLowerCase();
        node.toggleClass('dim', !words.every((word) => text.includes(word)));
      });
      this.cy.edges().forEach((edge) => edge.toggleClass('dim', edge.source().hasClass('dim') && edge.target().hasClass('dim')));
    });
  }

  choose(id) {
    this.cy.nodes('.chosen').removeClass('chosen');
    this.chosen = id;
    if (id) this.cy.getElementById(id).addClass('chosen');
    this.onChoose(id, true);
  }

  enter() {
    const node = this.chosen && this.cy.getElementById(this.chosen);
    if (node && node.nonempty()) this.onEnter(node.data());
  }

  // Up and down through all nodes that the filter leaves, left and right along edges.
  neighbour(key) {
    const nodes = this.cy.nodes().filter((node) => !node.hasClass('dim')).sort((one, other) => {
      const [a, b] = [one.position(), other.position()];
      return a.x - b.x || a.y - b.y;
    });
    if (nodes.empty()) return null;
    const now = this.chosen ? this.cy.getElementById(this.chosen) : nodes[0];
    if (!this.chosen || now.empty()) return nodes[0];
    if (key === 'ArrowRight') return now.outgoers('node')[0] ?? now;
    if (key === 'ArrowLeft') return now.incomers('node')[0] ?? now;
    const at = nodes.toArray().findIndex((node) => node.id() === now.id());
    return nodes[(at + (key === 'ArrowDown' ? 1 : nodes.length - 1)) % nodes.length];
  }

  onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key.startsWith('Arrow')) {
      const next = this.neighbour(event.key);
      if (!next) return;
      this.choose(next.id());
      const seen = this.cy.extent();
      const { x, y } = next.position();
      if (x < seen.x1 || x > seen.x2 || y < seen.y1 || y > seen.y2) this.cy.center(next);
    } else if (event.key === 'Enter') this.enter();
    else if (event.key === 'Escape') this.choose(null);
    else if (event.key === '+' || event.key === '=') this.zoom(1.3);
    else if (event.key === '-') this.zoom(1 / 1.3);
    else if (event.key === '0') this.fit();
    else if (event.key === 'b') this.toggleBackends();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  zoom(factor) {
    this.cy.zoom({ level: this.cy.zoom() * factor, renderedPosition: { x: this.cy.width() / 2, y: this.cy.height() / 2 } });
  }

  toggleBackends() {
    this.showsBackends = !(this.showsBackends ?? this.mesh.backends.length <= MOST_BACKENDS);
    this.isFitted = false;
    this.update();
  }
}
