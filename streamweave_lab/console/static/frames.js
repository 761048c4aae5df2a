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
  constructor(nodes, ports, edges) {
    [this.nodes, this.ports, this.edges] = [nodes, ports, edges];
    this.doubles = HEAD + 3 * nodes + ports;
    this.bytes = 8 * this.doubles + 4 * (7 * nodes + 5 * edges);
  }

  all(view) {
    const frames = [];
    for (let at = 0; at + this.bytes <= view.byteLength; at += this.bytes) frames.push(this.one(view, at));
    return frames;
  }

  one(view, offset = 0) {
    const from = view.byteOffset + offset; // a copy, for what arrives need not be aligned
    const buffer = view.buffer.slice(from, from + this.bytes);
    const d = cutter(new Float64Array(buffer, 0, this.doubles));
    const u = cutter(new Uint32Array(buffer, 8 * this.doubles));
    const [at, uptime, loopLag, frontier, newest] = d(HEAD);
    const { nodes: n, ports: p, edges: e } = this;
    return {
      at, uptime, frontier, newest, loopLag,
      frontiers: d(n), errors: d(n), late: d(n), items: d(p),
      held: u(n), backlog: u(n), total: u(n), states: u(n),
      queued: u(e), peak: u(e), dropped: u(e), waits: u(e),
      busy: u(n), blocked: u(n), ran: u(n), waited: u(e),
    };
  }
}

export function stateName(code) {
  return STATES[code] ?? "idle";
}

function cutter(array) {
  let at = 0;
  return (length) => array.subarray(at, (at += length));
}

// Milliseconds begin again at 0 after 49 days; the difference does not mind.
export function msBetween(before, after) {
  return (after - before) >>> 0;
}
