// SPDX-License-Identifier: Apache-2.0
// A table that is sorted by its heads, filtered by words and walked through by keys. A row is an object with a `key`; a column
// {title, value(row), text(row), number, kind(row)}. Rows stay the same elements while their key does, and only cells that say
// something else are written: a thousand rows every two seconds are nothing.

import { byName } from './format.js';

const STEP = 300; // rows at first, and more of them at a time

function compare(one, other) {
  if (typeof one === 'number' && typeof other === 'number') return one - other;
  return byName(String(one ?? ''), String(other ?? ''));
}

export class Table {
  constructor(parent, { caption, columns, onEnter = null, sort = null, descending = false }) {
    this.columns = columns;
    this.onEnter = onEnter;
    this.sort = sort;
    this.descending = descending;
    this.shown = STEP;
    this.rows = [];
    this.words = '';
    this.lines = new Map();
    this.element = document.createElement('table');
    this.element.createCaption().textContent = caption;
    this.caption = caption;
    this.makeHead();
    this.body = this.element.createTBody();
    this.body.addEventListener('keydown', (event) => this.onKey(event));
    this.body.addEventListener('click', (event) => this.enter(event.target.closest('tr')));
    this.more = document.createElement('button');
    this.more.type = 'button';
    this.more.addEventListener('click', () => {
      this.shown += STEP;
      this.render();
    });
    parent.append(this.element, this.more);
  }

  makeHead() {
    const head = this.element.createTHead().insertRow();
    this.heads = this.columns.map((column, index) => {
      const cell = document.createElement('th');
      cell.scope = 'col';
      if (column.number) cell.className = 'number';
      const button = document.createElement('button');
      button.type = 'button';
      button.textContent = column.title;
      button.addEventListener('click', () => {
        this.descending = this.sort === index ? !this.descending : Boolean(column.number);
        this.sort = index;
        this.render();
      });
      cell.append(button);
      head.append(cell);
      return cell;
    });
  }

  set(rows) {
    this.rows = rows;
    this.render();
  }

  filter(words) {
    this.words = words;
    this.render();
  }

  chosen() {
    const words = this.words.toLowerCase().split(/\s+/).filter(Boolean);
    const rows = this.rows.filter((row) => {
      if (words.length === 0) return true;
      const text = this.columns.map((column) => column.text(row)).join(' ').toLowerCase();
      return words.every((word) => text.includes(word));
    });
    if (this.sort === null) return rows;
    const { value } = this.columns[this.sort];
    const sign = this.descending ? -1 : 1;
    return rows.sort((one, other) => sign * compare(value(one), value(other)) || compare(one.key, other.key));
  }

  render() {
    this.heads.forEach((cell, index) => {
      if (index === this.sort) cell.setAttribute('aria-sort', this.descending ? 'descending' : 'ascending');
      else cell.removeAttribute('aria-sort');
    });
    const all = this.chosen();
    const rows = all.slice(0, this.shown);
    const keys = new Set(rows.map((row) => row.key));
    for (const [key, line] of this.lines) {
      if (keys.has(key)) continue;
      line.element.remove();
      this.lines.delete(key);
    }
    let after = null;
    for (const row of rows) {
      const line = this.lines.get(row.key) ?? this.makeLine(row.key);
      this.write(line, row);
      const next = after ? after.nextSibling : this.body.firstChild;
      if (next !== line.element) this.body.insertBefore(line.element, next);
      after = line.element;
    }
    const hidden = all.length - rows.length;
    this.more.hidden = hidden <= 0;
    this.more.textContent = `Show more (${hidden} rows are left)`;
    this.element.caption.textContent =
      `${this.caption}: ${all.length}${all.length === this.rows.length ? '' : ` of ${this.rows.length}`}`;
    if (!this.body.querySelector('tr[tabindex="0"]') && this.body.firstChild) this.body.firstChild.tabIndex = 0;
  }

  makeLine(key) {
    const element = document.createElement('tr');
    element.dataset.key = key;
    element.tabIndex = -1;
    const cells = this.columns.map((column) => {
      const cell = element.insertCell();
      if (column.number) cell.className = 'number';
      return cell;
    });
    const line = { element, cells, texts: [] };
    this.lines.set(key, line);
    return line;
  }

  write(line, row) {
    line.row = row;
    this.columns.forEach((column, index) => {
      const text = column.text(row);
      const kind = column.kind?.(row) ?? '';
      if (line.texts[index] === text + kind) return;
      line.texts[index] = text + kind;
      line.cells[index].textContent = text;
      line.cells[index].className = [column.number ? 'number' : '', kind].join(' ').trim();
    });
  }

  onKey(event) {
    const line = event.target.closest('tr');
    if (!line) return;
    const to = { ArrowDown: line.nextSibling, ArrowUp: line.previousSibling, Home: this.body.firstChild, End: this.body.lastChild };
    if (event.key === 'Enter') this.enter(line);
    else if (event.key in to) this.go(line, to[event.key]);
    else return;
    event.preventDefault();
  }

  go(from, to) {
    if (!to) return;
    from.tabIndex = -1;
    to.tabIndex = 0;
    to.focus();
  }

  enter(element) {
    const line = element && this.lines.get(element.dataset.key);
    if (line && this.onEnter) this.onEnter(line.row);
  }
}
