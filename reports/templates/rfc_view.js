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

function testLinks(row, byTarget) {
  const ids = distinct(byTarget.flat().map((result) => result.test.id));
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

function meter(list, target) {
  const standings = list.map((row) => standing(resultsOf(row.id, target)));
  const met = standings.filter((verdict) => verdict === 0 || verdict === 1).length;
  const parts = VERDICTS.map((_, verdict) => standings.filter((one) => one === verdict).length);
  return h("span", {class: "meter"}, data.targets[target].name,
    h("i", {"aria-hidden": "true"}, parts.map((count, verdict) => count === 0 ? null :
      h("span", {class: `v${verdict}`, style: `width:${100 * count / list.length}%`}))),
    `${met} of ${list.length} met`);
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

function rfcBlock(rfc, list) {
  const block = h("details", {class: "rfc"}, h("summary", {}, h("strong", {}, `RFC ${rfc}`),
    data.targets.map((_, target) => meter(list, target))));
  block.addEventListener("toggle", () => {
    if (block.open && !find("table", block)) block.append(rfcTable(rfc, list));
  });
  return block;
}

let rfcBuilt = false;
function showRfc() {
  if (rfcBuilt) return;
  rfcBuilt = true;
  const view = find("#rfc");
  if (data.catalogue.length === 0) {
    view.append(h("p", {}, "This run has no catalogue of requirements."));
    return;
  }
  const untested = data.catalogue.filter((row) => !testsByRequirement.has(row.id)).length;
  view.append(h("p", {class: "rfc-head"}, `${data.catalogue.length} requirements, ${untested} of them untested. ` +
    "A requirement stands as its worst test; it is met when that is pass or info."));
  const blocks = [...new Set(data.catalogue.map((row) => row.rfc))]  // in the order of the catalogue
    .map((rfc) => rfcBlock(rfc, data.catalogue.filter((row) => row.rfc === rfc)));
  blocks.slice(0, data.catalogue.length > 60 ? 1 : blocks.length).forEach((block) => { block.open = true; });
  view.append(...blocks);
}
