// Views, keyboard, theme.

function showView() {
  const rfc = state.view === "rfc";
  find("#rfc").hidden = !rfc;
  find("#tests").hidden = rfc;
  find(".summary").hidden = rfc;
  for (const tab of document.querySelectorAll(".tabs button")) {
    if (tab.dataset.view === state.view) tab.setAttribute("aria-current", "page");
    else tab.removeAttribute("aria-current");
  }
  if (rfc) showRfc();
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
  if (event.key === "Escape" && typing) event.target.blur();
  if (typing) return;
  if (event.key === "/" && !panel.open) {
    event.preventDefault();
    if (state.view !== "tests") change({view: "tests"});
    find(".filters input").focus();
  } else if (event.key === "j" || event.key === "k") {
    const by = event.key === "j" ? 1 : -1;
    if (panel.open) step(by);
    else if (state.view === "tests") moveTo(here + by);
  } else if (event.key === "Enter" && here >= 0 && !panel.open && event.target === document.body) {
    openTest(shownTests[here]);
  }
}

const THEMES = ["auto", "light", "dark"];
function setTheme(name) {
  if (name === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = name;
  find("#theme").textContent = "Theme: " + name;
}
function storedTheme() {
  try {
    return localStorage.getItem("tcpspec-theme") || "auto";
  } catch {
    return "auto";  // storage may be closed to file: pages
  }
}
function nextTheme() {
  const current = document.documentElement.dataset.theme || "auto";
  const name = THEMES[(THEMES.indexOf(current) + 1) % THEMES.length];
  setTheme(name);
  try {
    localStorage.setItem("tcpspec-theme", name);
  } catch {
    // The choice then lasts as long as the page.
  }
}

buildFilters();
buildSorting();
listeners.push(showView, showTests, showPanel);
addEventListener("hashchange", () => { readAddress(); listeners.forEach((listener) => listener()); });
addEventListener("keydown", onKey);
for (const tab of document.querySelectorAll(".tabs button")) tab.addEventListener("click", () => change({view: tab.dataset.view}));
table.tBodies[0].addEventListener("click", (event) => {
  const row = event.target.closest("tr");
  if (row && !event.target.closest("a") && !String(getSelection())) openTest(data.tests[rows.indexOf(row)]);
});
find("#theme").addEventListener("click", nextTheme);
setTheme(storedTheme());
for (const hidden of document.querySelectorAll(".tabs, #theme, .keys")) hidden.hidden = false;
readAddress();
listeners.forEach((listener) => listener());
