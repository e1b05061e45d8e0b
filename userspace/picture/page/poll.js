// SPDX-License-Identifier: Apache-2.0
// Asks again and again, one round after the other: a slow answer makes the picture slower and nothing else. A page that nobody sees
// asks nothing.

const INTERVAL_MS = 2000;

export class Poll {
  constructor(round) {
    this.round = round;
    this.isPaused = false;
    this.timer = null;
    this.running = null;
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden && !this.isPaused) this.now();
    });
  }

  pause(isPaused) {
    this.isPaused = isPaused;
    if (!isPaused) this.now();
  }

  // Also while it is paused: somebody wants to see something else.
  async now() {
    clearTimeout(this.timer);
    if (this.running) {
      this.again = true;
      return;
    }
    this.running = this.round();
    await this.running;
    this.running = null;
    clearTimeout(this.timer);
    if (this.again) {
      this.again = false;
      this.now();
    } else if (!this.isPaused && !document.hidden) {
      this.timer = setTimeout(() => this.now(), INTERVAL_MS);
    }
  }
}
