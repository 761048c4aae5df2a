// Where nodes and edges are drawn: dagre places the nodes, and the ends of edges are spread over the nodes' sides.

import { Graph, layout } from "./vendor/dagre.js";

const HEIGHT = 74;
const GAUGE = { width: 56, height: 30 };

export function place(topology, widthOf) {
  const graph = new Graph({ multigraph: true });
  graph.setGraph({ rankdir: "LR", nodesep: 26, edgesep: 20, ranksep: 26, marginx: 6, marginy: 6 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const node of topology.nodes) graph.setNode(node.name, { width: widthOf(node), height: HEIGHT });
  topology.edges.forEach((edge, i) => {
    const side = /\.(error|late)$/.test(edge.source);
    const label = { ...GAUGE, labelpos: "c", weight: side ? 1 : 4, width: GAUGE.width + (isNamed(edge) ? 46 : 0) };
    graph.setEdge(nodeOf(edge.source), nodeOf(edge.target), label, String(i));
  });
  layout(graph);
  const boxes = topology.nodes.map((node) => boxOf(graph.node(node.name)));
  const routes = topology.edges.map((edge, i) => graph.edge(nodeOf(edge.source), nodeOf(edge.target), String(i)).points);
  spreadEnds(topology, boxes, routes);
  const { width, height } = graph.graph();
  return { width, height, boxes, routes };
}

export function nodeOf(port) {
  return port.slice(0, port.lastIndexOf("."));
}

export function portOf(port) {
  return port.slice(port.lastIndexOf(".") + 1);
}

function isNamed(edge) {
  return portOf(edge.source) !== "out";
}

function boxOf({ x, y, width, height }) {
  return { x: x - width / 2, y: y - height / 2, width, height };
}

// Several edges at one side of a node begin and end apart, in the order of where they go; level for a short way, so that arrows point right.
function spreadEnds(topology, boxes, routes) {
  topology.nodes.forEach((node, index) => {
    const box = boxes[index];
    const leaving = topology.edges.flatMap((edge, i) => (nodeOf(edge.source) === node.name ? [i] : []));
    const coming = topology.edges.flatMap((edge, i) => (nodeOf(edge.target) === node.name ? [i] : []));
    spread(leaving, routes, box, box.x + box.width, (route) => 0, (route) => route[1]);
    spread(coming, routes, box, box.x, (route) => route.length - 1, (route) => route[route.length - 2]);
  });
}

function spread(edges, routes, box, x, endOf, nextOf) {
  const ordered = [...edges].sort((a, b) => nextOf(routes[a]).y - nextOf(routes[b]).y);
  const step = Math.min(22, (box.height - 20) / Math.max(1, ordered.length - 1));
  ordered.forEach((edge, i) => {
    const y = box.y + box.height / 2 + (i - (ordered.length - 1) / 2) * step;
    routes[edge][endOf(routes[edge])] = { x, y };
  });
}

// Through the points from left to right, level at each of them.
export function curve(points) {
  const [first, ...rest] = points;
  let d = `M${n(first.x)} ${n(first.y)}`;
  let before = first;
  for (const point of rest) {
    const middle = (before.x + point.x) / 2;
    d += `C${n(middle)} ${n(before.y)} ${n(middle)} ${n(point.y)} ${n(point.x)} ${n(point.y)}`;
    before = point;
  }
  return d;
}

function n(number) {
  return Math.round(number * 10) / 10;
}
