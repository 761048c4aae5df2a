// All that a page knows of one run. Views read it; frames, words and answers come in; nobody else changes it.

import { Decoder, portsOf, stateName } from "./frames.js";
import { nodeOf } from "./layout.js";

const SECONDS_KEPT = 121;
const WINDOW = 2.3; // seconds over which shares are taken
const RATE_WINDOW = 1.1;
const EVENTS_KEPT = 60;
export const SILENT = 3; // seconds after which a kernel has no news
const OVER = new Set(["stopped", "failed"]);

export class Store {
  constructor(topology) {
    this.topology = topology;
    this.ports = portsOf(topology);
    this.decoder = new Decoder(topology);
    this.inflow = this.ports.flatMap((port, i) => (port.way === "out" && topology.nodes[port.node].role === "source" ? [i] : []));
    this.words = { state: "created", ready: false, reasons: [], stall: {}, drain: null, stale: null, ending: null };
    this.events = [];
    this.config = null;
    this.gone = false;
    this.version = 0;
    this.listeners = new Set();
    this.clear();
    this.heard();
  }

  get over() {
    return OVER.has(this.words.state);
  }

  get last() {
    return this.recent[this.recent.length - 1] ?? null;
  }

  // What comes in.

  replace(present, history) {
    this.clear();
    for (const frame of this.decoder.all(history)) this.add(frame);
    this.take(present);
    this.events = present.events ?? [];
    this.changed();
  }

  take({ words, events, config }) {
    if (words) {
      [this.words, this.toldAt] = [{ stale: null, ending: null, ...words }, performance.now()];
      if (words.bottleneck) this.pinch = { said: words.bottleneck, at: performance.now() };
    }
    if (config !== undefined) this.config = config;
    if (events) {
      const known = new Set(this.events.map(keyOf));
      this.events = folded([...events.filter((event) => !known.has(keyOf(event))), ...this.events]).slice(0, EVENTS_KEPT);
    }
  }

  frame(content, view) {
    this.add(this.decoder.one(view));
    this.take(content);
    this.changed();
  }

  heard() {
    this.heardAt = performance.now();
  }

  lost() {
    this.gone = true;
    this.changed();
  }

  changed() {
    this.heard();
    this.version += 1;
    for (const listener of this.listeners) listener();
  }

  clear() {
    this.recent = [];
    this.seconds = [];
    this.times = [];
    this.rates = this.ports.map(() => []);
  }

  add(frame) {
    const { recent } = this;
    if (recent.length && frame.at <= this.last.at) return;
    recent.push(frame);
    while (recent.length > 2 && recent[1].at < frame.at - WINDOW) recent.shift();
    const second = this.seconds[this.seconds.length - 1];
    if (second && frame.at - second.at < 0.9) return;
    if (second) this.addRates(second, frame);
    this.seconds.push(frame);
    if (this.seconds.length > SECONDS_KEPT) this.seconds.shift();
  }

  addRates(before, after) {
    const seconds = after.at - before.at;
    const full = this.times.push(after.at) > SECONDS_KEPT;
    if (full) this.times.shift();
    this.rates.forEach((series, port) => {
      series.push(Math.max(0, after.items[port] - before.items[port]) / seconds);
      if (full) series.shift();
    });
  }

  // What can be read off it.

  rate(port) {
    const [before, after] = this.between(RATE_WINDOW);
    return before ? Math.max(0, after.items[port] - before.items[port]) / (after.at - before.at) : 0;
  }

  // Items a second over as much of the last two minutes as is known, and has not been paused since.
  pace(ports) {
    const resumed = this.events.find(({ event }) => event === "run.resumed")?.at ?? -Infinity;
    const [before, after] = [this.seconds.find(({ at }) => at >= resumed), this.last];
    const seconds = before ? after.at - before.at : 0;
    return seconds > 0 ? ports.reduce((sum, port) => sum + Math.max(0, after.items[port] - before.items[port]), 0) / seconds : 0;
  }

  // Shares of the last seconds; of a run that has ended, of all its time.
  share(column, index) {
    const [before, after] = this.between(WINDOW);
    if (!after) return 0;
    if (this.over || !before) return after.uptime > 0 ? Math.min(1, after[column][index] / after.uptime) : 0;
    return Math.max(0, Math.min(1, (after[column][index] - before[column][index]) / (after.at - before.at)));
  }

  node(index) {
    const frame = this.last;
    const state = frame ? stateName(frame.states[index]) : "idle";
    const paused = this.words.state === "paused";
    const flows = this.ports.some((port, i) => port.node === index && this.rate(i) > 0);
    return { state, paused, flows, over: this.over, cut: this.isCut(index), busy: this.share("busy", index), blocked: this.share("blocked", index) };
  }

  // The run ended before this node had come to its own end.
  isCut(index) {
    const { ending } = this.words;
    return Boolean(ending?.cut) && !ending.finished.includes(this.topology.nodes[index].name);
  }

  // What the Status says of the bottleneck, for a moment longer than it says so: where items flow fast, room comes and goes.
  bottleneck() {
    if (this.over) return null;
    if (this.words.bottleneck) return this.words.bottleneck;
    return this.pinch && performance.now() - this.pinch.at < WINDOW * 1000 && this.words.state !== "paused" ? this.pinch.said : null;
  }

  // The node that is most at work; it is slow if that is most of the time and items have had to wait before it.
  busiest() {
    const { nodes, edges } = this.topology;
    const before = ({ name }) => (frame) => edges.reduce((sum, { target }, i) => sum + (nodeOf(target) === name ? frame.queued[i] : 0), 0);
    const seen = nodes.map((node, index) => ({ ...node, busy: this.share("busy", index), waits: this.last ? before(node)(this.last) : 0 }));
    const busiest = seen.reduce((a, b) => (b.busy > a.busy ? b : a));
    const slow = !this.over && busiest.role !== "source" && busiest.busy >= 0.5 && this.recent.some((frame) => before(busiest)(frame) > 0);
    return { ...busiest, slow };
  }

  between(seconds) {
    const after = this.last;
    const before = after && this.recent.find((frame) => frame.at >= after.at - seconds && frame !== after);
    return [before ?? this.recent[this.recent.length - 2], after];
  }

  uptime() {
    if (!this.last) return 0;
    const runs = !this.over && !this.gone && this.words.started !== null && this.words.stale === null;
    return this.last.uptime + (runs ? (performance.now() - this.arrived()) / 1000 : 0);
  }

  arrived() {
    if (this.arrivedOf !== this.last) [this.arrivedOf, this.arrivedAt] = [this.last, performance.now()];
    return this.arrivedAt;
  }

  // Seconds since the kernel has heard of a run of another process; null while that answers.
  stale() {
    const { stale } = this.words;
    return stale === null || this.over ? null : stale + (performance.now() - this.toldAt) / 1000;
  }

  silence() {
    return this.over ? 0 : (performance.now() - this.heardAt) / 1000;
  }

  // Nobody can say how the run is: its process does not answer the kernel, or the kernel not this page.
  unheard() {
    return this.stale() !== null || this.silence() > SILENT;
  }
}

// What a node tells again and again stands once, where it was told last.
function folded(events) {
  const first = new Map();
  const kept = [];
  for (const event of events) {
    const same = event.node ? `${event.event} ${event.node}` : null;
    if (same !== null && first.has(same)) first.get(same).times += event.times ?? 1;
    else {
      const entry = { ...event, times: event.times ?? 1 };
      kept.push(entry);
      if (same !== null) first.set(same, entry);
    }
  }
  return kept;
}

function keyOf(event) {
  return `${event.at} ${event.event} ${event.message}`;
}
