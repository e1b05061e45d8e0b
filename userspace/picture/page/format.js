// SPDX-License-Identifier: Apache-2.0
// Numbers and times as people read them.

// Numbers within names count as numbers.
export const byName = new Intl.Collator(undefined, { numeric: true }).compare;

export function bytes(count) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let unit = 0;
  let value = count;
  while (value >= 1024 && unit + 1 < units.length) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

export const bytesPerSecond = (rate) => `${bytes(rate)}/s`;

export const perSecond = (rate) => `${rate >= 100 ? Math.round(rate) : rate.toFixed(1)}/s`;

export const count = (number) => String(Math.round(number));

export function microseconds(value) {
  if (value === null || value === undefined) return '–';
  if (value < 1000) return `${Math.round(value)} µs`;
  if (value < 1000000) return `${(value / 1000).toFixed(1)} ms`;
  return `${(value / 1000000).toFixed(1)} s`;
}

export const share = (part) => `${(part * 100).toFixed(part > 0 && part < 0.1 ? 1 : 0)} %`;

export function milliseconds(value) {
  if (value < 1000) return `${Math.round(value)} ms`;
  const seconds = Math.floor(value / 1000);
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`;
  return seconds < 172800 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86400)} d`;
}

// RFC 3339 to the clock of who looks.
export function time(text) {
  if (!text) return '–';
  const at = new Date(text);
  const day = at.toDateString() === new Date().toDateString() ? '' : `${at.toLocaleDateString()} `;
  return day + at.toLocaleTimeString();
}
