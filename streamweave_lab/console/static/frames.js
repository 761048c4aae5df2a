// The other end of columns.py: one buffer of numbers, little-endian, in the order of the topology's names.

export const NONE = 0xffffffff;
const STATES = ["idle", "busy", "blocked", "ended", "failed"];
const HEAD = 5;

export function portsOf(topology) {
  return topology.nodes.flatMap((node, index) => [
    ...node.ins.map((name) => ({ node: index, way: "in", name, label: `${node.name}.${name}` })),
    ...node.outs.map((name) => ({ node: index, way: "out", name, label: `${node.name}.${name}` })),
  ]);
}

export class Decoder {
  constructor(topology) {
    this.ports = topology.nodes.map(({ ins, outs }) => ins.length + outs.length);
    this.edges = topology.edges.length;
    const nodes = this.ports.length;
    this.doubles = HEAD + 3 * nodes + this.ports.reduce((sum, ports) => sum + ports, 0);
    this.bytes = 8 * this.doubles + 4 * (7 * nodes + 5 * this.edges);
  }

  all(view) {
    const frames = [];
    for (let at = 0; at + this.bytes <= view.byteLength; at += this.bytes) frames.push(this.one(view, at));
    return frames;
  }

  one(view, offset = 0) {
    const from = view.byteOffset + offset; // a copy, for what arrives need not be aligned
    const buffer = view.buffer.slice(from, from + this.bytes);
    const d = reader(new Float64Array(buffer, 0, this.doubles));
    const u = reader(new Uint32Array(buffer, 8 * this.doubles));
    const frame = { at: d(), uptime: d(), loopLag: d(), frontier: d(), newest: d() };
    const fill = (times, take, ...names) => {
      for (const name of names) frame[name] ??= [];
      for (let i = 0; i < times; i += 1) for (const name of names) frame[name].push(take());
    };
    for (const ports of this.ports) {
      fill(1, d, "frontiers", "errors", "late");
      fill(ports, d, "items");
    }
    fill(this.ports.length, u, "held", "backlog", "total", "states");
    fill(this.edges, u, "queued", "peak", "dropped", "waits");
    fill(this.ports.length, u, "busy", "blocked", "ran");
    fill(this.edges, u, "waited");
    return frame;
  }
}

export function stateName(code) {
  return STATES[code] ?? "idle";
}

function reader(array) {
  let at = 0;
  return () => array[at++];
}

// Milliseconds begin again at 0 after 49 days; the difference does not mind.
export function msBetween(before, after) {
  return (after - before) >>> 0;
}
