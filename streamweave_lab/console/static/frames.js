// The other end of columns.py: one buffer of numbers, little-endian, in the order of the topology's names.

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
    const ports = this.ports.reduce((sum, each) => sum + each, 0);
    this.bytes = 8 * (HEAD + 10 * nodes + ports + 5 * this.edges);
  }

  all(view) {
    const frames = [];
    for (let at = 0; at + this.bytes <= view.byteLength; at += this.bytes) frames.push(this.one(view, at));
    return frames;
  }

  one(view, offset = 0) {
    const from = view.byteOffset + offset; // a copy, for what arrives need not be aligned
    const take = reader(new Float64Array(view.buffer.slice(from, from + this.bytes)));
    const frame = { at: take(), uptime: take(), loopLag: take(), frontier: take(), newest: take() };
    const fill = (times, ...names) => {
      for (const name of names) frame[name] ??= [];
      for (let i = 0; i < times; i += 1) for (const name of names) frame[name].push(take());
    };
    for (const ports of this.ports) {
      fill(1, "frontiers", "errors", "late");
      fill(ports, "items");
      fill(1, "held", "lost", "backlog", "total");
    }
    fill(this.edges, "queued", "peak", "dropped", "waits");
    fill(this.ports.length, "states", "busy", "blocked");
    fill(this.edges, "waited");
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
