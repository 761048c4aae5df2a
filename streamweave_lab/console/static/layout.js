// Where nodes and edges are drawn. The kernel places them, as in the static drawing, so that each is found again there.

export function placed(topology) {
  return topology.drawing;
}

export function nodeOf(port) {
  return port.slice(0, port.lastIndexOf("."));
}

export function portOf(port) {
  return port.slice(port.lastIndexOf(".") + 1);
}

// Level between the two points of a pair, bent from one pair to the next.
export function curve(points) {
  const [first, ...rest] = points;
  let d = `M${n(first.x)} ${n(first.y)}`;
  let before = first;
  for (const point of rest) {
    const middle = (before.x + point.x) / 2;
    d += Math.abs(before.y - point.y) < 0.05 ? `H${n(point.x)}` : `C${n(middle)} ${n(before.y)} ${n(middle)} ${n(point.y)} ${n(point.x)} ${n(point.y)}`;
    before = point;
  }
  return d;
}

function n(number) {
  return Math.round(number * 10) / 10;
}
