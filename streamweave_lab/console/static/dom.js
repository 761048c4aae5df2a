// Elements without a framework. Text is always set as text: nothing a user named can become markup.

const SVG = "http://www.w3.org/2000/svg";

export function h(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

// The page is touched only where something differs: most of a frame is as the one before.

export function say(element, text) {
  if (element._said !== text) element.textContent = element._said = text;
}

export function mark(element, name, value) {
  const kept = (element._marks ??= new Map());
  if (kept.get(name) === value) return;
  kept.set(name, value);
  if (value === null || value === false) element.removeAttribute(name);
  else element.setAttribute(name, value === true ? "" : value);
}

export function style(element, name, value) {
  const kept = (element._styles ??= new Map());
  if (kept.get(name) === value) return;
  kept.set(name, value);
  element.style.setProperty(name, value);
}

export function show(element, shown) {
  if (element.hidden === shown) element.hidden = !shown;
}

export function panel(title, ...children) {
  return h("section", { class: "sw-panel", "aria-label": title }, h("h3", {}, title), ...children);
}

export function table(columns, caption) {
  const body = h("tbody");
  const head = columns.map(([name, kind = "", hint = null]) => h("th", { scope: "col", class: kind, title: hint }, name));
  const whole = h("table", {}, h("caption", { class: "sw-aside" }, caption), h("thead", {}, h("tr", {}, ...head)), body);
  return { element: h("div", { class: "sw-scroll", tabindex: "0", role: "region", "aria-label": caption }, whole), body };
}
