// A conversation as a sequence diagram: time runs down, the tester stands at the
// left and the target at the right of each lane; what the test expects is beside
// what was observed, and the application's calls are at the far right.

const BAD = new Set(["unexpected", "missing", "mismatch", "invariant"].map((mark) => MARKS.indexOf(mark)));
const WORDS = {2: "≈ alternative", 3: "~ tolerated", 4: "✕ unexpected", 5: "✕ missing", 6: "✕ differs", 7: "✕ breaks an invariant"};

const isBad = (line) => BAD.has(line.m);

function seconds(ns) {
  const sign = ns < 0 ? "−" : "+";
  return sign + (Math.abs(ns) / 1e9).toFixed(3);
}

function arrow(line, text, lane) {
  const direction = line.lane === 0 ? "out" : "in";
  const word = lane === "observed" && WORDS[line.m];
  return h("div", {class: `arrow ${direction}`}, text, word ? h("span", {class: "tag"}, word) : null);
}

function laneCell(line, lane, text) {
  const comment = lane === (line.e ? "expected" : "observed") || line.m === 7 ? line.say : "";
  const said = line.m === 7 && lane === "expected" ? "" : comment;
  return h("div", {class: `lane ${lane}`, "data-lane": lane}, text ? arrow(line, text, lane) : null,
    said ? h("div", {class: "say"}, said) : null);
}

function segmentCells(line) {
  const sent = line.lane === 0;
  const expected = line.e || (sent ? line.s : "");
  const observed = sent && (!line.s || !line.e) ? "sent" : line.s || (line.m === 5 ? "nothing" : "");
  return [laneCell(line, "expected", expected), laneCell(line, "observed", observed), h("div", {class: "app"}, frameButton(line))];
}

function callCells(line) {
  const differs = line.e && line.s && line.e !== line.s;
  const word = WORDS[line.m];
  return [h("div", {class: "lane expected"}), h("div", {class: "lane observed"}),
    h("div", {class: "app"}, h("span", {class: "call"}, line.s || line.e || "", word ? h("span", {class: "tag"}, word) : null),
      differs || (isBad(line) && line.e) ? h("span", {class: "wanted"}, "expected ", line.e) : null,
      line.say ? h("span", {class: "wanted"}, line.say) : null)];
}

function bandCells(line) {
  const texts = [line.e, line.s && line.s !== line.e ? line.s : "", line.say].filter(Boolean);
  const kind = LANES[line.lane] === "note" ? "wait note" : "wait";
  return [h("div", {class: kind}, texts.join("  —  "), WORDS[line.m] ? h("span", {class: "tag"}, WORDS[line.m]) : null), h("div", {class: "app"})];
}

function divergence(line) {
  if (!line.first && !line.diff) return null;
  const rows = (line.diff || []).map(([field, expected, observed]) =>
    h("tr", {}, h("th", {scope: "row"}, field), h("td", {}, withHex(expected, observed, field)), h("td", {}, withHex(observed, expected, field))));
  return h("div", {class: "divergence"}, line.first ? h("strong", {}, "▲ First divergence") : null,
    rows.length ? h("table", {}, h("thead", {}, h("tr", {}, ["field", "expected", "observed"].map((name) => h("th", {scope: "col"}, name)))),
      h("tbody", {}, rows)) : null);
}

// Hex beside a large number, and beside its counterpart; always for a checksum.
function withHex(text, other, field) {
  const plain = (value) => /^\d+$/.test(value);
  const large = [text, other].some((value) => plain(value) && Number(value) >= 0x8000);
  if (!plain(text)) return text || "nothing";
  return large || field === "checksum" ? `${text} (0x${BigInt(text).toString(16)})` : text;
}

// A frame's number opens its bytes, below the line.
function frameButton(line) {
  if (!line.frame && !line.hex) return null;
  if (!line.hex) return h("span", {class: "say"}, `frame ${line.frame}`);
  const button = h("button", {type: "button", class: "frame", "aria-expanded": "false"}, `frame ${line.frame || ""}`);
  button.addEventListener("click", () => {
    const open = button.getAttribute("aria-expanded") === "true";
    button.setAttribute("aria-expanded", String(!open));
    const row = button.closest(".line");
    if (open) find(".bytes", row).remove();
    else row.append(h("pre", {class: "bytes"}, line.hex.match(/.{1,8}/g).join(" ")));
  });
  return button;
}

function lineElement(line, previous, file) {
  const cells = LANES[line.lane] === "call" ? callCells(line) : line.lane > 2 ? bandCells(line) : segmentCells(line);
  const gap = previous ? line.at - previous.at : 0;
  const classes = ["line", `m${line.m || 0}`];
  if (isBad(line)) classes.push("bad");
  if (line.first) classes.push("first", isBad(line) ? "hard" : "soft");
  return h("div", {class: classes.join(" "), id: `line-${line.n}`}, h("span", {class: "no", title: line.y && file ? `${file}:${line.y}` : null}, String(line.n)),
    h("span", {class: "at"}, seconds(line.at), gap >= 1e8 ? h("small", {}, `Δ ${duration(gap)}`) : null),
    cells, divergence(line));
}

function headRow(target) {
  const ends = (name) => h("span", {class: "ends"}, "tester", h("b", {}, name), target);
  return h("div", {class: "talk-head"}, h("span", {}, "#"), h("span", {}, "time (s)"), ends("expected"), ends("observed"),
    h("span", {}, "application"));
}

function conversation(talk, target, file) {
  const given = talk.filter((line) => line.fix);
  const steps = talk.filter((line) => !line.fix);
  const list = (lines) => lines.map((line, index) => lineElement(line, lines[index - 1], file));
  const sound = !given.some((line) => isBad(line) || line.first);
  const many = given.length === 1 ? "1 line" : `${given.length} lines`;
  const fixture = given.length ? h("details", {class: "given", open: !sound},
    h("summary", {}, sound ? `Given: the fixture, ${many}, as expected` : `Given: the fixture, ${many}`), list(given)) : null;
  return h("div", {class: "talk", role: "group", "aria-label": "Conversation, expected beside observed"}, headRow(target), fixture, list(steps));
}
