// Numbers and times as people read them.

const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const NARROW = "\u202f";

export function count(n) {
  return whole.format(n);
}

export function counted(n, what) {
  return `${count(n)} ${what}${n === 1 ? "" : "s"}`;
}

export function rate(n) {
  if (!(n >= 0.05)) return "0";
  for (const [unit, size] of [["G", 1e9], ["M", 1e6], ["k", 1e4]]) {
    if (n >= size * 0.9995) {
      const scaled = n / (unit === "k" ? 1e3 : size);
      return scaled.toFixed(scaled < 9.995 ? 2 : scaled < 99.95 ? 1 : 0) + NARROW + unit;
    }
  }
  return n < 9.95 ? n.toFixed(1) : whole.format(n);
}

export function percent(share) {
  if (!(share > 0)) return "0" + NARROW + "%";
  if (share < 0.01) return "<1" + NARROW + "%";
  return Math.min(100, share >= 0.995 ? 100 : Math.round(share * 100)) + NARROW + "%";
}

export function duration(seconds) {
  if (!Number.isFinite(seconds)) return "–";
  const s = Math.max(0, seconds);
  if (s === 0) return "0" + NARROW + "s";
  if (s < 0.0995) return Math.round(s * 1000) + NARROW + "ms";
  if (s < 9.95) return s.toFixed(Number.isInteger(s) ? 0 : 1) + NARROW + "s";
  const full = Math.round(s);
  if (full < 60) return full + NARROW + "s";
  if (full < 3600) return pair(full, 60, "min", "s");
  const minutes = Math.round(s / 60);
  return minutes < 1440 ? pair(minutes, 60, "h", "min") : pair(Math.round(minutes / 60), 24, "d", "h");
}

// A length of time that is guessed.
export function about(seconds) {
  for (const [unit, size] of [["years", 31_557_600], ["d", 86_400], ["h", 3600], ["min", 60]]) {
    if (seconds >= size * 1.95) return whole.format(Math.round(seconds / size)) + NARROW + unit;
  }
  return Math.round(seconds) + NARROW + "s";
}

function pair(n, size, large, small) {
  const rest = n % size;
  return Math.floor(n / size) + NARROW + large + (rest ? " " + rest + NARROW + small : "");
}

export function clock(seconds) {
  return new Date(seconds * 1000).toLocaleTimeString("en-GB");
}

// Event time is a date from 1973 on; earlier it counts seconds from the beginning of something.
export function isDate(seconds) {
  return seconds > 1e8;
}

// Dates are told in UTC, which a table says once in its head.
export function eventTime(seconds) {
  return isDate(seconds) ? `${bareTime(seconds)} UTC` : bareTime(seconds);
}

export function bareTime(seconds) {
  if (!Number.isFinite(seconds)) return "–";
  if (!isDate(seconds)) return whole.format(Math.floor(seconds)) + (seconds % 1 ? (seconds % 1).toFixed(1).slice(1) : "") + NARROW + "s";
  const iso = new Date(Math.floor(seconds) * 1000).toISOString();
  return iso.slice(0, 10) + " " + iso.slice(11, 19);
}
