// Every requirement of the catalogue, by RFC and section, and how it stands on each target.

const testsByRequirement = new Map();
for (const test of data.tests) {
  for (const id of test.req) {
    if (!testsByRequirement.has(id)) testsByRequirement.set(id, []);
    testsByRequirement.get(id).push(test);
  }
}

function resultsOf(requirement, target) {
  return (testsByRequirement.get(requirement) || [])
    .flatMap((test) => test.results.filter((result) => result.t === target).map((result) => ({test, v: result.v})));
}

function standingsByTarget(row) {
  return data.targets.map((_, target) => resultsOf(row.id, target));
}

function standingCell(results, target) {
  const verdict = standing(results);
  if (verdict === null) return h("td", {"data-on": target.name}, h("span", {class: "untested"}, "· untested"));
  const shown = results.find((result) => result.v === verdict);
  return h("td", {"data-on": target.name}, badge(verdict, "a", {href: linkTo({view: "rfc", test: shown.test.id, on: target.name})}));
}

// Those that decide how it stands come first.
function testLinks(row, byTarget) {
  const weight = (result) => result.v === UNSUPPORTED ? -1 : result.v;
  const ids = [...new Set(byTarget.flat().sort((a, b) => weight(b) - weight(a)).map((result) => result.test.id))];
  if (ids.length === 0) return null;
  const shown = ids.slice(0, 3).map((id) => h("a", {href: linkTo({view: "rfc", test: id})}, id));
  const rest = ids.length > 3 ? h("a", {href: linkTo({req: row.id})}, `all ${ids.length} tests`) : null;
  return h("span", {class: "links"}, shown, rest);
}

function requirementRow(row) {
  const byTarget = standingsByTarget(row);
  return h("tr", {}, h("th", {scope: "row"}, row.id), h("td", {class: "level"}, row.level),
    h("td", {class: "text"}, row.text, testLinks(row, byTarget)),
    byTarget.map((results, target) => standingCell(results, data.targets[target])));
}

// How a requirement stands, in the words of the terminal.
const STANDINGS = [["met", "pass", "info"], ["not met", "warn", "fail", "crash", "hang"], ["unsupported", "unsupported"],
  ["undecided", "inconclusive", "error"], ["untested"]].map(([name, ...verdicts]) => ({name, verdicts}));
const UNTESTED = STANDINGS.length - 1;
const COLOURS = ["pass", "fail", "unsupported", "inconclusive", "unsupported"].map((name) => VERDICTS.indexOf(name));

const standingIndex = (verdict) =>
  verdict === null ? UNTESTED : STANDINGS.findIndex((one) => one.verdicts.includes(VERDICTS[verdict]));
const verdictsByRequirement = new Map();  // of each target
function verdictsOf(row) {
  if (!verdictsByRequirement.has(row.id)) verdictsByRequirement.set(row.id, standingsByTarget(row).map(standing));
  return verdictsByRequirement.get(row.id);
}
const standsOn = (row, target) => standingIndex(verdictsOf(row)[target]);

function meter(list, target) {
  const verdicts = list.map((row) => verdictsOf(row)[target]);
  const parts = VERDICTS.map((_, verdict) => verdicts.filter((one) => one === verdict).length);
  const counts = STANDINGS.map((_, index) => verdicts.filter((verdict) => standingIndex(verdict) === index).length);
  return h("span", {class: "meter"}, data.targets[target].name,
    h("i", {"aria-hidden": "true"}, parts.map((count, verdict) => count === 0 ? null :
      h("span", {class: `v${verdict}`, style: `width:${100 * count / list.length}%`}))),
    STANDINGS.map(({name}, index) => counts[index] && `${counts[index]} ${name}`).filter(Boolean).join(", "));
}

function toggleStanding(name) {
  const chosen = new Set(state.standing ? state.standing.split(",") : []);
  if (!chosen.delete(name)) chosen.add(name);
  change({standing: STANDINGS.map((one) => one.name).filter((one) => chosen.has(one)).join(",")});
}

function standingChips() {
  const counts = STANDINGS.map((_, index) =>
    data.targets.reduce((sum, _, target) => sum + data.catalogue.filter((row) => standsOn(row, target) === index).length, 0));
  const chosen = state.standing ? state.standing.split(",") : STANDINGS.map(({name}) => name);
  return h("fieldset", {class: "chips", "aria-label": "Standings"}, STANDINGS.map(({name}, index) => counts[index] === 0 ? null :
    h("button", {type: "button", class: `chip v${COLOURS[index]}`, "data-standing": name,
      "aria-pressed": String(chosen.includes(name)), onclick: () => toggleStanding(name)}, `${name} ${counts[index]}`)));
}

const bySection = (a, b) => a.section.localeCompare(b.section, "en", {numeric: true});

function sectionsOf(list) {
  const sections = new Map();
  for (const row of [...list].sort(bySection)) {
    if (!sections.has(row.section)) sections.set(row.section, []);
    sections.get(row.section).push(row);
  }
  return sections;
}

function rfcTable(rfc, list) {
  return h("table", {"aria-label": `Requirements of RFC ${rfc}`, style: `min-width: ${34 + 9.6 * data.targets.length}rem`},
    h("thead", {}, h("tr", {}, ["Id", "Level", "Requirement", ...data.targets.map((target) => target.name)]
      .map((text) => h("th", {scope: "col"}, text)))),
    h("tbody", {}, [...sectionsOf(list)].map(([section, members]) => [
      h("tr", {class: "section"}, h("th", {colspan: 3 + data.targets.length, scope: "rowgroup"}, `Section ${section}`)),
      members.map(requirementRow)])));
}

// The meter is of the whole RFC, the table of what was chosen.
function rfcBlock(rfc, list, kept) {
  const block = h("details", {class: "rfc"}, h("summary", {}, h("strong", {}, `RFC ${rfc}`),
    data.targets.map((_, target) => meter(list, target))));
  block.addEventListener("toggle", () => {
    if (block.open && !find("table", block)) block.append(rfcTable(rfc, kept));
  });
  return block;
}

const rfcBody = h("div", {});
let rfcDrawnFor = null;  // the standings that were chosen
function showRfc() {
  if (rfcDrawnFor === state.standing) return;
  rfcDrawnFor = state.standing;
  if (!rfcBody.isConnected) find("#rfc").append(rfcBody);
  if (data.catalogue.length === 0) {
    rfcBody.replaceChildren(h("p", {}, "This run has no catalogue of requirements."));
    return;
  }
  const chosen = state.standing.split(",");
  const isKept = (row) => !state.standing ||
    data.targets.some((_, target) => chosen.includes(STANDINGS[standsOn(row, target)].name));
  const lists = [...new Set(data.catalogue.map((row) => row.rfc))]  // in the order of the catalogue
    .map((rfc) => [rfc, data.catalogue.filter((row) => row.rfc === rfc)])
    .map(([rfc, list]) => [rfc, list, list.filter(isKept)]).filter(([, , kept]) => kept.length > 0);
  const blocks = lists.map(([rfc, list, kept]) => rfcBlock(rfc, list, kept));
  const few = lists.reduce((sum, [, , kept]) => sum + kept.length, 0) <= 60;
  blocks.slice(0, few ? blocks.length : 1).forEach((block) => { block.open = true; });
  rfcBody.replaceChildren(h("p", {class: "rfc-head"}, `${data.catalogue.length} requirements. ` +
    "Each stands as its worst test; it is met when that is pass or info, and not met when it is warn or worse."),
    standingChips(), ...blocks);
}
