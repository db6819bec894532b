"use strict";
/** Everything of the page, in one global object. Data files call its functions. */
window.hierseg = {};

/**
 * Makes an element. Text is set as text, so that no name of a class or file is read as HTML.
 *
 * @param {string} tag Name of the element.
 * @param {Object} [attributes] Attributes; `text` is its text, and names that begin with "on" are listeners.
 *     `true` is an attribute without a value. Attributes that are null, undefined or false are omitted.
 * @param {...Node} children
 * @returns {HTMLElement}
 */
hierseg.element = (tag, attributes = {}, ...children) => {
  const isSvg = ["svg", "path", "line", "text", "circle", "g"].includes(tag);
  const element = isSvg ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "text") element.textContent = value;
    else if (name === "style") hierseg.style(element, value);
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children);
  return element;
};

/**
 * Sets properties of an element's style.
 *
 * @param {HTMLElement} element
 * @param {Object<string, string|number>} properties
 */
hierseg.style = (element, properties) => {
  for (const [name, value] of Object.entries(properties)) element.style.setProperty(name, value);
};

/** @returns {HTMLElement} The element of the page with an id. */
hierseg.byId = (id) => document.getElementById(id);

/** Makes an icon that is read as words, such as a check mark. */
hierseg.icon = (sign, words) =>
  hierseg.element(
    "span",
    { class: "icon" },
    hierseg.element("span", { "aria-hidden": "true", text: sign }),
    hierseg.element("span", { class: "hidden", text: words }),
  );

/** Makes a small square in the color of a node. */
hierseg.swatch = (color) =>
  hierseg.element("span", { class: "swatch", "aria-hidden": "true", style: { background: color } });

/** Makes the options of a select, of pairs of value and text. */
hierseg.options = (pairs) => pairs.map(([value, text]) => hierseg.element("option", { value, text }));

/**
 * Replaces the children of an element. The focus stays on the button of the same `data-node`, where there is one.
 *
 * @param {HTMLElement} element
 * @param {...Node} children
 */
hierseg.replaceChildren = (element, ...children) => {
  const focused = element.contains(document.activeElement) ? document.activeElement : null;
  const part = focused?.closest("thead, tbody")?.tagName ?? "";
  element.replaceChildren(...children);
  const selector = `button[data-node="${focused?.dataset.node}"]`;
  (element.querySelector(`${part} ${selector}`) ?? element.querySelector(selector))?.focus();
};

/**
 * Makes one element of a group reachable by Tab, and lets arrow keys reach the others.
 *
 * @param {HTMLElement[]} elements
 * @param {HTMLElement} current The one that Tab reaches.
 */
hierseg.reachable = (elements, current) => {
  for (const element of elements) element.tabIndex = element === current ? 0 : -1;
};
