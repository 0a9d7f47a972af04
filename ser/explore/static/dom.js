// Elements in a line; text is always text, never HTML.

export const $ = (id) => document.getElementById(id);

export function make(tag, values = {}, ...children) {
  const one = document.createElement(tag);
  for (const [name, value] of Object.entries(values)) {
    if (name === "on") for (const [event, act] of Object.entries(value)) one.addEventListener(event, act);
    else if (name === "style") for (const [key, text] of Object.entries(value)) one.style.setProperty(key, text);
    else if (name in one && typeof value !== "string") one[name] = value;
    else one.setAttribute(name === "className" ? "class" : name, value);
  }
  one.append(...children.filter((child) => child !== null));
  return one;
}

export function drawn(tag, values = {}, text = "") {
  const one = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(values)) one.setAttribute(name, value);
  one.textContent = text;
  return one;
}

// a group of buttons of which one is pressed
export function chips(group, items, pressed, choose) {
  group.replaceChildren(
    ...items.map(([key, ...content]) =>
      make("button", { type: "button", "aria-pressed": String(key === pressed), on: { click: () => choose(key) } }, ...content),
    ),
  );
}

export function bytes(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}
