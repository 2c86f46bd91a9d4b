// The results, and small tools to build the page from them. Text enters the
// document through text nodes and attributes only, never as markup.

const VERDICTS = ["pass", "info", "unsupported", "warn", "inconclusive", "fail", "crash", "hang", "error"];
const SYMBOLS = ["✓", "i", "–", "!", "?", "✕", "✸", "∞", "⊘"];
const OVERLAYS = ["none", "expected", "unexpected", "fixed", "flaky"];
const LANES = ["to_target", "from_target", "call", "time", "note"];
const MARKS = ["none", "matched", "alternative", "tolerated", "unexpected", "missing", "mismatch", "invariant"];
const WARN = VERDICTS.indexOf("warn");
const UNSUPPORTED = VERDICTS.indexOf("unsupported");

const data = JSON.parse(document.getElementById("data").textContent);
const requirementById = new Map(data.catalogue.map((row) => [row.id, row]));
const testById = new Map(data.tests.map((test) => [test.id, test]));
data.tests.forEach((test, index) => {
  test.index = index;
  test.req = test.req || [];
  test.tags = test.tags || [];
  test.worst = Math.max(...test.results.map((result) => result.v));
  test.duration = Math.max(...test.results.map((result) => result.d));
  test.words = [test.id, test.about, test.req.join(" "), test.tags.join(" "), test.results.map((r) => r.why).join(" ")]
    .join(" ").toLowerCase();
});

const find = (selector, root = document) => root.querySelector(selector);

// h("a", {href, class, onclick}, "text", node, [more], null)
function h(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}

const badge = (verdict, name = "span", attributes = {}) =>
  h(name, {...attributes, class: `badge v${verdict}`}, h("b", {"aria-hidden": "true"}, SYMBOLS[verdict]), " " + VERDICTS[verdict]);

function duration(ns) {
  const seconds = ns / 1e9;
  if (seconds >= 120) return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`;
  if (seconds >= 1) return `${seconds.toFixed(seconds >= 10 ? 1 : 2)} s`;
  return `${(seconds * 1e3).toFixed(seconds >= 0.01 ? 0 : 1)} ms`;
}

// What is worse than a warning is unexpected unless a baseline speaks.
const overlayOf = (result) => (!result.o && result.v > WARN ? "unexpected" : OVERLAYS[result.o || 0]);

// What only the panel shows lies in chunks, most of them compressed.
const opened = new Map();
async function openChunk(index) {
  const chunk = data.chunks[index];
  if (typeof chunk !== "string") return chunk;
  if (typeof DecompressionStream === "undefined") throw new Error("This browser cannot open compressed conversations.");
  const bytes = Uint8Array.from(atob(chunk), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}
async function detailOf(result) {
  const [chunk, index] = result.x;
  if (!opened.has(chunk)) opened.set(chunk, openChunk(chunk));
  return (await opened.get(chunk))[index];
}

// Worst verdict of the tests that name a requirement; null where none does.
function standing(results) {
  const verdicts = results.map((result) => result.v);
  if (verdicts.length === 0) return null;
  const conclusive = verdicts.filter((verdict) => verdict !== UNSUPPORTED);
  return conclusive.length ? Math.max(...conclusive) : UNSUPPORTED;
}
