// The line to the kernel: what comes in goes to the store, what is pressed goes out, and who looks is told.

import { Store } from "./store.js";

const RENEW = 20_000;

export class Link {
  constructor(model) {
    this.model = model;
    this.page = Math.random().toString(36).slice(2);
    this.store = new Store(model.get("topology"));
    this.store.replace(model.get("present"), viewOf(model.get("history")));
    this.waiting = new Map();
    this.views = new Set();
    this.pressed = 0;
    this.listeners = [
      ["msg:custom", (content, buffers) => this.take(content, buffers ?? [])],
      ["comm:close", () => this.store.lost()],
      ["comm_live_update", () => this.store.lost()], // the kernel restarts; whatever it says later proves the contrary
    ];
    for (const [event, listener] of this.listeners) model.on(event, listener);
    this.renewal = setInterval(() => this.views.size && this.see(true), RENEW);
  }

  close() {
    clearInterval(this.renewal);
    for (const [event, listener] of this.listeners) this.model.off(event, listener);
    this.views.clear();
    this.see(false);
  }

  take(content, buffers) {
    this.store.gone = false;
    if (content.frame) this.store.frame(content, buffers[0]);
    else if (content.present) this.store.replace(content.present, buffers[0]);
    else if (content.beat) this.store.heard();
    else if (content.answer) this.answer(content, buffers);
  }

  // A view says whether it can be seen; the kernel hears of it when the first comes or the last goes.
  look(view, seen) {
    const before = this.views.size > 0;
    if (seen) this.views.add(view);
    else this.views.delete(view);
    const after = this.views.size > 0;
    if (before === after) return;
    this.store.heard(); // silence counts from now
    this.see(after);
  }

  see(visible) {
    this.send({ do: "see", page: this.page, visible });
  }

  // Ask the kernel for something: `told` is called when it is queued, and when its outcome is there.
  press(verb, more, told) {
    const id = `${this.page}-${(this.pressed += 1)}`;
    this.waiting.set(id, told);
    this.send({ do: verb, id, ...more });
  }

  answer(content, buffers) {
    const told = this.waiting.get(content.answer);
    if (content.stage !== "queued") this.waiting.delete(content.answer);
    told?.(content, buffers);
  }

  send(message) {
    try {
      this.model.send(message);
    } catch {
      this.store.lost(); // no kernel is there to hear it
    }
  }
}

export function viewOf(bytes) {
  return bytes instanceof DataView ? bytes : new DataView(bytes?.buffer ?? new ArrayBuffer(0), bytes?.byteOffset, bytes?.byteLength);
}
