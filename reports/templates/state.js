// What is shown lies in the address, so that a link shows the same:
// #view=rfc&q=rst&verdict=fail,warn&rfc=5961&req=…&tag=…&target=…&overlay=unexpected&standing=not met&sort=time&down=1&test=…&on=…

const state = {view: "tests", q: "", verdict: "", rfc: "", req: "", tag: "", target: "", overlay: "", standing: "", sort: "", down: "", test: "", on: ""};
const DEFAULTS = {...state};
const listeners = [];

function readAddress() {
  const text = location.hash.slice(1);
  const short = /^t(\d+)\.(\d+)$/.exec(text);  // the links of the table
  Object.assign(state, short ? {} : DEFAULTS);
  if (short) {
    const test = data.tests[Number(short[1])];
    if (test) Object.assign(state, {test: test.id, on: data.targets[Number(short[2])].name});
    writeAddress();
    return;
  }
  for (const [key, value] of new URLSearchParams(text)) if (key in DEFAULTS) state[key] = value;
}

function writeAddress() {
  const parameters = new URLSearchParams();
  for (const key of Object.keys(DEFAULTS)) if (state[key] !== DEFAULTS[key]) parameters.set(key, state[key]);
  const text = parameters.toString();
  history.replaceState(null, "", text ? "#" + text : location.pathname + location.search);
}

function change(values) {
  Object.assign(state, values);
  writeAddress();
  for (const listener of listeners) listener();
}

const linkTo = (values) => {
  const parameters = new URLSearchParams();
  for (const [key, value] of Object.entries(values)) parameters.set(key, value);
  return "#" + parameters;
};
