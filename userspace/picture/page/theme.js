// SPDX-License-Identifier: Apache-2.0
// Colours as the system has them, or as its user says.

const KEPT = 'meshd-theme';
const ORDER = ['system', 'light', 'dark'];

function apply(theme) {
  if (theme === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

export function setUpTheme(button, onChange) {
  let theme = ORDER.includes(localStorage.getItem(KEPT)) ? localStorage.getItem(KEPT) : 'system';
  const show = () => {
    apply(theme);
    button.textContent = `Colours: ${theme}`;
    onChange();
  };
  button.addEventListener('click', () => {
    theme = ORDER[(ORDER.indexOf(theme) + 1) % ORDER.length];
    localStorage.setItem(KEPT, theme);
    show();
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', onChange);
  show();
}

// A colour of the style sheet, for what is drawn on a canvas.
export const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
