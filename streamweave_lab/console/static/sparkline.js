// Two minutes of a rate as one small line, drawn anew once a second.

import { h, mark, svg } from "./dom.js";

const [LEAST, MOST] = [20, 120]; // seconds shown: the time since the start, up to two minutes
const GAP = 2.5;
const [WIDTH, HEIGHT] = [120, 22];

export function sparkline(hint) {
  const [line, area] = [svg("path", { class: "sw-stroke" }), svg("path", { class: "sw-area" })];
  const drawn = svg(
    "svg", { class: "sw-spark", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": hint },
    area, line,
  );
  const update = (times, rates) => {
    const d = path(times, rates);
    mark(drawn, "data-quiet", !rates.some((rate) => rate > 0));
    mark(line, "d", d);
    mark(area, "d", d && `${d}V${HEIGHT}H${x(times, 0)}z`);
  };
  return { element: h("span", { class: "sw-sparkbox" }, drawn), update };
}

function x(times, i) {
  const now = times[times.length - 1];
  const shown = Math.min(MOST, Math.max(LEAST, now - times[0]));
  return Math.max(0, WIDTH - ((now - times[i]) * WIDTH) / shown).toFixed(1);
}

function path(times, rates) {
  if (times.length < 2) return "";
  const most = Math.max(...rates, 1e-9);
  let d = "";
  for (let i = 0; i < times.length; i += 1) {
    const y = (HEIGHT - 1.5 - (rates[i] / most) * (HEIGHT - 4)).toFixed(1);
    if (i && times[i] - times[i - 1] > GAP) d += `L${x(times, i - 1)} ${y}`; // nobody looked: one mean for all that time
    d += `${i ? "L" : "M"}${x(times, i)} ${y}`;
  }
  return d;
}
