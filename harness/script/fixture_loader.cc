// Fixtures and liveness probes: fixtures.yaml, embedded into the program, with a
// test's parameters bound to its `$names`.

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "script/fixtures_yaml.hh"
#include "script/step_loader.hh"

namespace tcpspec::script {

namespace {

const std::vector<std::pair<std::string_view, State>>& state_names() {
  static const auto names = [] {
    std::vector<std::pair<std::string_view, State>> out;
    for (int i = 0; i <= static_cast<int>(State::time_wait); ++i)
      out.emplace_back(to_string(static_cast<State>(i)), static_cast<State>(i));
    return out;
  }();
  return names;
}

struct FixtureFile {
  std::shared_ptr<const SourceFile> source;
  YAML::Node root;
};

const FixtureFile& fixture_file() {
  static const FixtureFile file = [] {
    auto source = std::make_shared<SourceFile>(SourceFile{"(built-in) fixtures.yaml", std::string(kFixturesYaml)});
    return FixtureFile{source, YAML::Load(source->text)};
  }();
  return file;
}

std::optional<Value> find_fixture(const Value& root, Role role, State state) {
  for (const auto section : {to_string(role), std::string_view("either")})
    if (const auto steps = root.find(section))
      if (const auto found = steps->find(to_string(state))) return found;
  return std::nullopt;
}

// The failure of a step of a fixture is shown at the line that asked for the fixture.
void relocate(Steps& steps, const Location& where, bool fixture) {
  for (auto& step : steps) {
    step.where = where;
    step.fixture = fixture;
    if (auto* block = std::get_if<Block>(&step.action)) relocate(block->steps, where, fixture);
  }
}

void append(Steps& to, Steps from) {
  for (auto& step : from) to.push_back(std::move(step));
}

struct Parameters {
  State state = State::established;
  Role role = Role::passive;
  Bindings bindings;
  std::vector<Value> sockopts;
};

Value constant(const char* text, Complaints& complaints) {
  return Value(YAML::Load(text), nullptr, nullptr, complaints);
}

// The name under which a fixture's active connect is pending.
std::string opening_name(int connection, const TestContext& context) {
  return connection == 0 ? "opening"
                         : fmt::format("opening_{}", context.names.connections[static_cast<std::size_t>(connection)]);
}

Role default_role(State state) {
  return state == State::syn_sent ? Role::active : Role::passive;
}

Parameters read_parameters(const Value& value, int connection, TestContext& context) {
  Parameters out;
  auto& complaints = *context.complaints;
  out.bindings.emplace("options", constant("[mss: 1460]", complaints));
  out.bindings.emplace("win", constant("65535", complaints));
  out.bindings.emplace("backlog", constant("16", complaints));
  out.bindings.emplace("close", constant("shutdown", complaints));
  out.bindings.emplace("opening", constant(opening_name(connection, context).c_str(), complaints));
  if (value.is_scalar()) {
    out.state = parse_state(value);
    out.role = default_role(out.state);
    return out;
  }
  if (!value.check_keys("a fixture", {"state", "role", "options", "win", "backlog", "by", "sockopt"})) return out;
  if (const auto state = value.find("state"))
    out.state = parse_state(*state);
  else
    value.complain("a fixture says its `state`", "given: {state: ESTABLISHED, role: active}");
  out.role = default_role(out.state);
  if (const auto role = value.find("role"))
    out.role = role->choice<Role>("role", {{"passive", Role::passive}, {"active", Role::active}});
  for (const auto key : {"options", "win", "backlog"})
    if (const auto parameter = value.find(key)) out.bindings.insert_or_assign(key, *parameter);
  if (const auto by = value.find("by")) {
    const auto call = by->choice<std::string>("way to close", {{"shutdown", "shutdown"}, {"close", "close"}});
    out.bindings.insert_or_assign("close", constant(call.c_str(), complaints));
  }
  if (const auto sockopt = value.find("sockopt")) {
    if (!sockopt->is_map()) sockopt->complain("`sockopt` maps options to values", "sockopt: {SO_RCVBUF: 8192}");
    out.sockopts.push_back(*sockopt);
  }
  return out;
}

Steps sockopt_steps(const Parameters& parameters, int connection, TestContext& context) {
  Steps out;
  for (const auto& map : parameters.sockopts)
    for (const auto& [name, number] : map.entries()) {
      Call call;
      call.kind = CallKind::set_option;
      call.socket = parameters.role == Role::passive ? "listener"
                                                     : context.names.connections[static_cast<std::size_t>(connection)];
      call.option = name.text();
      call.number = number.expression(context.names);
      check_socket_option(name, call.option);
      Step step;
      step.where = name.where();
      step.connection = connection;
      step.action = std::move(call);
      out.push_back(std::move(step));
    }
  return out;
}

Steps chain(const Value& root, const Parameters& parameters, State state, TestContext& context) {
  const auto fixture = find_fixture(root, parameters.role, state);
  if (!fixture) return {};
  Steps out;
  if (const auto from = fixture->find("from")) out = chain(root, parameters, parse_state(*from), context);
  append(out, load_steps(*fixture->find("steps"), context));
  if (const auto needs = fixture->find("needs"))
    for (const auto& need : needs->items()) context.needs.insert(need.text());
  return out;
}

void assign_connection(Steps& steps, int connection, TestContext& context) {
  if (connection == 0) return;
  const auto& name = context.names.connections[static_cast<std::size_t>(connection)];
  for (auto& step : steps) {
    step.connection = connection;
    auto* call = std::get_if<Call>(&step.action);
    if (!call) continue;
    if (call->socket == context.names.connections[0]) call->socket = name;
    if (call->accepted == context.names.connections[0]) call->accepted = name;
  }
}

// What a target's connection is in once its liveness probe has succeeded: the probe
// completes a handshake and acknowledges a FIN (RFC 9293 section 3.3.2).
State after_alive(State state) {
  switch (state) {
    case State::syn_sent:
    case State::syn_received:
      return State::established;
    case State::fin_wait_1:
      return State::fin_wait_2;
    case State::closing:
      return State::time_wait;
    default:
      return state;
  }
}

// While the application's connect is pending, the probe completes it. Where a peer plays, it takes part.
std::optional<Value> find_probe(const Value& root, State state, bool opening, bool peer) {
  for (const std::string_view section : {"alive-peer", "alive-opening", "alive"}) {
    if ((section == "alive-opening" && !opening) || (section == "alive-peer" && !peer)) continue;
    if (const auto probes = root.find(section))
      if (const auto found = probes->find(to_string(state))) return found;
  }
  return std::nullopt;
}

int probe_connection(TestContext& context) {
  auto& names = context.names.connections;
  const auto found = std::find(names.begin(), names.end(), "probe");
  if (found != names.end()) return static_cast<int>(found - names.begin());
  names.emplace_back("probe");
  return static_cast<int>(names.size()) - 1;
}

}  // namespace

State parse_state(const Value& value) {
  return value.choice<State>("state", state_names());
}

Steps load_fixture(const Value& value, int connection, TestContext& context) {
  const auto parameters = read_parameters(value, connection, context);
  const auto& file = fixture_file();
  const auto complaints = context.complaints->count();
  const Value root(file.root, file.source, &parameters.bindings, *context.complaints);
  if (!find_fixture(root, parameters.role, parameters.state)) {
    const auto other =
        parameters.role == Role::passive ? "`role: active` (the target opens)" : "`role: passive` (the tester opens)";
    value.complain(
        fmt::format("no fixture reaches {} with `role: {}`", to_string(parameters.state), to_string(parameters.role)),
        fmt::format("{} reaches it; a matrix can leave the combination out with `except`", other));
    return {};
  }
  context.states[connection] = parameters.state;
  const bool outer = context.in_fixture;
  context.in_fixture = true;
  auto peers = std::exchange(context.peers, {});  // fixtures are scripted
  Steps steps = sockopt_steps(parameters, connection, context);
  append(steps, chain(root, parameters, parameters.state, context));
  context.peers = std::move(peers);
  assign_connection(steps, connection, context);
  context.in_fixture = outer;
  context.complaints->redirect(complaints, file.source.get(), value.where());
  relocate(steps, value.where(), true);
  return steps;
}

Step load_alive(const Value& value, int connection, TestContext& context) {
  Step out;
  out.where = value.where();
  out.connection = connection;
  const auto known = context.states.find(connection);
  const auto state = !value.is_null()                ? parse_state(value)
                     : known != context.states.end() ? known->second
                                                     : State::established;
  const bool other = state == State::closed || state == State::listen;
  if (other) static_cast<void>(probe_connection(context));
  const auto& file = fixture_file();
  const auto complaints = context.complaints->count();
  const auto opening = opening_name(connection, context);
  Bindings bindings;
  bindings.emplace("opening", constant(opening.c_str(), *context.complaints));
  const Value root(file.root, file.source, &bindings, *context.complaints);
  const bool peer = !other && context.peers.contains(connection);
  const auto probe = find_probe(root, state, context.is_pending(opening), peer);
  if (!probe) {
    value.complain(fmt::format("nothing tells here whether {} is alive", to_string(state)),
                   fmt::format("it takes a connect that is pending: `given: {}`, or `call: connect` with `as: {}`",
                               to_string(state), opening));
    return out;
  }
  // The steps are read as those of the first connection, and assigned to the right one then.
  const auto as_first = [connection](const std::set<int>& those) {
    return those.contains(connection) ? std::set{0} : std::set<int>{};
  };
  auto peers = peer ? as_first(context.peers) : std::set<int>{};
  auto closed = as_first(context.closed_peers);
  std::swap(context.peers, peers);
  std::swap(context.closed_peers, closed);
  Steps steps = load_steps(*probe, context);
  std::swap(context.peers, peers);
  std::swap(context.closed_peers, closed);
  if (!other) assign_connection(steps, connection, context);
  context.complaints->redirect(complaints, file.source.get(), out.where);
  relocate(steps, out.where, false);
  context.states[connection] = after_alive(state);
  out.action = Block{fmt::format("alive ({})", to_string(state)), std::move(steps)};
  return out;
}

}  // namespace tcpspec::script
