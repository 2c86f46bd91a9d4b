// The panel of one result.

const panel = find("#panel");
let shownResult = null;

function copyButton(text) {
  const button = h("button", {type: "button", class: "button"}, "Copy");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const range = document.createRange();  // file: pages may not reach the clipboard: select, for Ctrl+C
      range.selectNodeContents(button.previousElementSibling);
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      document.execCommand("copy");
    }
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
  return button;
}

// Only addresses of the web become links; anything else stays text.
function linked(text) {
  return /^https?:\/\//.test(text) ? h("a", {href: text, rel: "noreferrer noopener"}, text) : text;
}

function panelBar(test, result) {
  const targets = test.results.map((one) => h("button", {type: "button", class: `v${one.v}`, "aria-current": one === result ? "true" : null,
    onclick: () => change({on: data.targets[one.t].name})}, `${SYMBOLS[one.v]} ${data.targets[one.t].label}`));
  return h("div", {class: "panel-bar"}, h("div", {class: "targets", role: "group", "aria-label": "Targets"}, targets),
    h("button", {type: "button", class: "quiet", title: "Previous test (k)", onclick: () => step(-1)}, "↑", h("span", {class: "long"}, " prev")),
    h("button", {type: "button", class: "quiet", title: "Next test (j)", onclick: () => step(1)}, "↓", h("span", {class: "long"}, " next")),
    h("button", {type: "button", class: "quiet", title: "Close (Esc)", onclick: closePanel}, "✕", h("span", {class: "long"}, " close")));
}

function verdictLine(test, result, detail) {
  const overlay = OVERLAYS[result.o || 0];
  const place = test.file ? h("code", {}, test.line ? `${test.file}:${test.line}` : test.file) : null;
  return h("div", {class: "verdict-line"}, badge(result.v), overlay === "none" ? null : h("strong", {}, `baseline: ${overlay}`),
    h("span", {}, data.targets[result.t].label), h("span", {}, duration(result.d)), test.level ? h("span", {}, test.level) : null, place,
    detail.attempts ? h("span", {}, `attempt ${detail.attempts}; earlier ones were void, the tester was late`) : null,
    detail.seed ? h("span", {}, "seed ", h("code", {}, detail.seed)) : null,
    test.tags.map((tag) => h("a", {href: linkTo({tag})}, "#" + tag)));
}

function reasons(result, detail) {
  const lines = [];
  if (result.why) lines.push(h("p", {}, result.why));
  for (const found of detail.findings || []) {
    lines.push(h("p", {}, h("strong", {}, `${SYMBOLS[found.v]} ${VERDICTS[found.v]}: `), found.name ? h("code", {}, found.name + ": ") : "", found.what,
      h("span", {class: "ref"}, [found.line ? ` line ${found.line}` : "", found.ref ? ` · ${found.ref}` : ""].join(""))));
  }
  if (detail.baseline) {
    const note = detail.baseline;
    lines.push(h("p", {}, h("strong", {}, `Baseline expects ${note.expect} (${note.kind}): `), note.reason + " ", note.link ? linked(note.link) : ""));
  }
  return lines.length ? h("div", {class: `why v${result.v}`}, lines) : null;
}

function rules(test) {
  if (test.req.length === 0) return null;
  return h("ul", {class: "rules", "aria-label": "Requirements"}, test.req.map((id) => {
    const row = requirementById.get(id);
    if (!row) return h("li", {}, h("code", {}, id));
    return h("li", {}, row.text, " ", h("span", {class: "source"}, `RFC ${row.rfc} §${row.section} ${row.level} · `, h("a", {href: linkTo({req: id})}, id)));
  }));
}

function actions(test, detail) {
  const name = test.id.replace(/[^A-Za-z0-9._=,-]+/g, "_") + ".pcapng";
  return h("div", {class: "actions"},
    detail.rerun ? h("div", {class: "rerun"}, h("code", {tabindex: "0"}, detail.rerun), copyButton(detail.rerun)) : null,
    detail.pcapng ? h("a", {class: "button", download: name, href: "data:application/octet-stream;base64," + detail.pcapng}, "↓ pcapng") :
      detail.capture ? h("span", {class: "button"}, "capture: ", h("code", {}, detail.capture)) : null);
}

function talkOf(test, result, detail) {
  if (detail.talk) return conversation(detail.talk, data.targets[result.t].name, test.file);
  if (detail.cut) return h("p", {class: "left-out"}, `The conversation of ${detail.cut} lines was left out to keep this file small.`);
  return h("p", {class: "left-out"}, "No conversation was recorded.");
}

async function fillPanel(test, result) {
  let detail = {};
  let failure = null;
  try {
    detail = await detailOf(result);
  } catch (error) {
    failure = h("p", {class: "left-out"}, String(error.message));
  }
  if (shownResult !== result) return;  // the reader went on meanwhile
  panel.replaceChildren(panelBar(test, result), h("div", {class: "panel-body"},
    h("h2", {id: "panel-title", tabindex: "-1"}, test.id), test.about ? h("p", {class: "about"}, test.about) : null,
    verdictLine(test, result, detail), reasons(result, detail), rules(test), actions(test, detail), failure || talkOf(test, result, detail)));
  panel.scrollTop = 0;
  const title = find("#panel-title");
  title.focus({preventScroll: true});
  const first = find(".line.first", panel);
  if (first && first.offsetTop > panel.clientHeight * 1.5) first.scrollIntoView({block: "center"});
}

function showPanel() {
  const test = testById.get(state.test);
  if (!test) {
    shownResult = null;
    if (panel.open) panel.close();
    return;
  }
  const result = test.results.find((one) => data.targets[one.t].name === state.on) ||
    test.results.find((one) => one.v === test.worst);
  if (shownResult === result && panel.open) return;
  shownResult = result;
  const position = shownTests.indexOf(test);
  if (!panel.open) panel.showModal();
  if (position >= 0) moveTo(position);
  fillPanel(test, result);
}

function step(by) {
  const position = shownTests.indexOf(testById.get(state.test));
  const next = shownTests[position + by];
  if (next) openTest(next);
}

// The state decides, at once; the dialog's own closing event comes too late for that.
function closePanel() {
  change({test: "", on: ""});
  if (here >= 0) moveTo(here);
}
panel.addEventListener("cancel", (event) => {
  event.preventDefault();
  closePanel();
});
panel.addEventListener("click", (event) => { if (event.target === panel) closePanel(); });
