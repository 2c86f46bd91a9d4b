// The table of tests: the rows are in the document already; here they are filtered,
// sorted and walked through.

const table = find("table.tests");
const rows = [...table.tBodies[0].rows];
const shownTests = [];  // in the order of the table
let here = -1;          // index in shownTests

function select(name, label, options) {
  return h("select", {"aria-label": label, name, onchange: (event) => change({[name]: event.target.value})},
    h("option", {value: ""}, label), options.map((option) => h("option", {value: option}, option)));
}

const distinct = (values) => [...new Set(values)].sort((a, b) => a.localeCompare(b, "en", {numeric: true}));

function buildFilters() {
  const form = find(".filters");
  const counts = VERDICTS.map((_, verdict) =>
    data.tests.reduce((sum, test) => sum + test.results.filter((result) => result.v === verdict).length, 0));
  const chips = h("fieldset", {class: "chips", "aria-label": "Verdicts"}, VERDICTS.map((name, verdict) => counts[verdict] === 0 ? null :
    h("button", {type: "button", class: `chip v${verdict}`, "data-verdict": name, "aria-pressed": "true", onclick: () => toggleVerdict(name)},
      `${SYMBOLS[verdict]} ${name} ${counts[verdict]}`)));
  const tags = distinct(data.tests.flatMap((test) => test.tags));
  form.append(
    h("input", {type: "search", name: "q", placeholder: "Filter by words  ( / )", "aria-label": "Filter by words",
      oninput: (event) => change({q: event.target.value})}),
    select("rfc", "Any RFC", distinct(data.catalogue.map((row) => row.rfc))),
    select("req", "Any requirement", distinct(data.tests.flatMap((test) => test.req))),
    tags.length ? select("tag", "Any tag", tags) : "",
    data.targets.length > 1 ? select("target", "Any target", data.targets.map((target) => target.name)) : "",
    data.tests.some((test) => test.results.some((result) => overlayOf(result) !== "none")) ? select("overlay", "Any baseline", OVERLAYS.slice(1)) : "",
    chips, h("span", {class: "tally", role: "status"}));
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
}

function toggleVerdict(name) {
  const chosen = new Set(state.verdict ? state.verdict.split(",") : []);
  if (!chosen.delete(name)) chosen.add(name);
  change({verdict: VERDICTS.filter((verdict) => chosen.has(verdict)).join(",")});
}

function buildSorting() {
  let target = 0;
  for (const header of table.tHead.rows[0].cells) {
    const key = header.dataset.sort === "target" ? "target:" + data.targets[target++].name : header.dataset.sort;
    header.dataset.key = key;
    header.replaceChildren(h("button", {type: "button", onclick: () => sortBy(key)}, header.textContent));
  }
}

function sortBy(key) {
  if (state.sort !== key) change({sort: key, down: ""});
  else if (!state.down) change({down: "1"});
  else change({sort: "", down: ""});
}

function sortValue(test) {
  if (state.sort === "time") return test.duration;
  if (state.sort === "level") return ["MUST", "SHOULD", "MAY", "PRACTICE"].indexOf(test.level || "");
  if (state.sort === "req") return test.req.join(" ");
  if (state.sort.startsWith("target:")) {
    const name = state.sort.slice("target:".length);
    const result = test.results.find((one) => data.targets[one.t].name === name);
    return result ? result.v : -1;
  }
  return test.id;
}

function matches(test) {
  const words = state.q.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.every((word) => test.words.includes(word))) return false;
  if (state.req && !test.req.includes(state.req)) return false;
  if (state.rfc && !test.req.some((id) => (requirementById.get(id) || {}).rfc === state.rfc)) return false;
  if (state.tag && !test.tags.includes(state.tag)) return false;
  const verdicts = state.verdict ? state.verdict.split(",") : VERDICTS;
  return test.results.some((result) =>
    (!state.overlay || overlayOf(result) === state.overlay) && (!state.target || data.targets[result.t].name === state.target) && verdicts.includes(VERDICTS[result.v]));
}

function compare(a, b) {
  const [left, right] = [sortValue(a), sortValue(b)];
  const order = typeof left === "number" ? left - right : left.localeCompare(right, "en", {numeric: true});
  return (state.down ? -order : order) || a.index - b.index;
}

function showTests() {
  const kept = data.tests.filter(matches);
  if (state.sort) kept.sort(compare);
  shownTests.splice(0, shownTests.length, ...kept);
  const visibleRows = new Set(kept.map((test) => test.index));
  rows.forEach((row, index) => { row.hidden = !visibleRows.has(index); });
  const order = state.sort ? kept.map((test) => rows[test.index]) : rows;
  if (state.sort || table.dataset.sorted) table.tBodies[0].append(...order);
  table.dataset.sorted = state.sort;
  for (const header of table.tHead.rows[0].cells) {
    if (header.dataset.key === state.sort) header.setAttribute("aria-sort", state.down ? "descending" : "ascending");
    else header.removeAttribute("aria-sort");
  }
  showFilterState(kept.length);
}

function showFilterState(count) {
  const form = find(".filters");
  for (const field of form.querySelectorAll("input, select")) if (field.value !== state[field.name]) field.value = state[field.name];
  const chosen = state.verdict ? state.verdict.split(",") : VERDICTS;
  for (const chip of form.querySelectorAll(".chip")) chip.setAttribute("aria-pressed", String(chosen.includes(chip.dataset.verdict)));
  find(".tally", form).textContent = count === data.tests.length ? `${count} tests` : `${count} of ${data.tests.length} tests`;
  find(".empty").hidden = count > 0;
}

function moveTo(index) {
  if (shownTests.length === 0) return;
  if (here >= 0) rows.forEach((row) => row.classList.remove("is-here"));
  here = Math.max(0, Math.min(index, shownTests.length - 1));
  const row = rows[shownTests[here].index];
  row.classList.add("is-here");
  if (find("#panel").open) return;  // the page behind stays where it is
  row.scrollIntoView({block: "nearest"});
  const link = find(`a.v${shownTests[here].worst}`, row);
  if (link) link.focus({preventScroll: true});
}

// The worst result of a test is the one to look at first.
function openTest(test) {
  const wanted = test.results.find((result) => data.targets[result.t].name === state.target);
  const worst = wanted || test.results.find((result) => result.v === test.worst);
  change({test: test.id, on: data.targets[worst.t].name});
}
