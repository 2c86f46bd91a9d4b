// Suites and their tests in YAML.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <set>

#include "script/loader.hh"
#include "script/matrix.hh"
#include "script/step_loader.hh"

namespace tcpspec::script {

namespace {

bool is_id(std::string_view text) {
  return !text.empty() && std::isalnum(static_cast<unsigned char>(text[0])) &&
         std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return std::islower(c) || std::isdigit(c) || c == '-'; });
}

const std::vector<std::pair<std::string_view, std::optional<Tolerance>>>& tolerance_names() {
  static const std::vector<std::pair<std::string_view, std::optional<Tolerance>>> names = {
      {"nothing", std::nullopt},
      {"ack", Tolerance::ack},
      {"window-update", Tolerance::window_update},
      {"duplicate-ack", Tolerance::duplicate_ack},
      {"retransmission", Tolerance::retransmission},
      {"probe", Tolerance::probe},
      {"any", Tolerance::any}};
  return names;
}

// Keys that a suite may set for all its tests.
void apply_shared(const Value& value, Test& test) {
  if (const auto requirement = value.find("requirement")) {
    test.requirements.clear();
    for (const auto& item : requirement->items()) test.requirements.push_back(item.text());
    if (test.requirements.empty())
      requirement->complain("`requirement` names an id of the catalogue", "requirement: MUST-14");
  }
  if (const auto level = value.find("level"))
    test.level = level->choice<Level>(
        "level",
        {{"MUST", Level::must}, {"SHOULD", Level::should}, {"MAY", Level::may}, {"PRACTICE", Level::practice}});
  if (const auto tags = value.find("tags"))
    for (const auto& tag : tags->items()) test.tags.push_back(tag.text());
  if (const auto needs = value.find("needs"))
    for (const auto& need : needs->items()) test.needs.insert(need.text());
  if (const auto sysctls = value.find("sysctl")) {
    if (!sysctls->is_map()) sysctls->complain("`sysctl` maps names to values", "sysctl: {net.ipv4.tcp_syncookies: 0}");
    for (const auto& [name, setting] : sysctls->entries()) test.sysctls.insert_or_assign(name.text(), setting.text());
  }
  if (const auto alone = value.find("alone")) test.alone = alone->yes_or_no();
  if (const auto drain = value.find("drain")) test.drain = drain->duration();
  if (const auto tolerate = value.find("tolerate")) {
    test.tolerate.clear();
    for (const auto& item : tolerate->items())
      if (const auto tolerance = item.choice<std::optional<Tolerance>>("tolerance", tolerance_names()))
        test.tolerate.insert(*tolerance);
  }
}

constexpr std::array<std::string_view, 10> kShared = {"requirement", "level", "tags",     "needs",  "sysctl",
                                                      "alone",       "drain", "tolerate", "family", "peer"};

std::vector<std::string_view> with_shared(std::initializer_list<std::string_view> own) {
  std::vector<std::string_view> out(own);
  out.insert(out.end(), kShared.begin(), kShared.end());
  return out;
}

void check_connection_name(const Value& place, const std::string& name) {
  if (!is_identifier(name))
    place.complain(fmt::format("`{}` cannot be a connection's name", name),
                   "lower-case letters, digits and `_`, beginning with a letter");
  if (name == "probe") place.complain("`probe` is the connection that `alive` opens", "call this one something else");
  if (name == "listener")
    place.complain("`listener` is the socket that listens", "call this connection something else");
}

void load_connections(const Value& test, Test& out, TestContext& context) {
  const auto connections = test.find("connections");
  if (!connections) {
    context.names.connections.emplace_back("c");
    out.connections.push_back({"c", -1, std::nullopt});
    return;
  }
  if (!connections->is_map() || connections->entries().empty())
    connections->complain("`connections` maps names to their settings", "connections: {a: {}, b: {tuple: a}}");
  for (const auto& [name, settings] : connections->entries()) {
    Connection connection{name.text(), -1, std::nullopt};
    check_connection_name(name, connection.name);
    if (!settings.is_null() && settings.check_keys("a connection", {"tuple", "iss"})) {
      if (const auto tuple = settings.find("tuple")) connection.tuple_of = context.connection(*tuple);
      if (const auto iss = settings.find("iss")) connection.iss = iss->expression(context.names);
    }
    context.names.connections.push_back(connection.name);
    out.connections.push_back(std::move(connection));
  }
  if (out.connections.empty())
    out.connections.push_back({"c", -1, std::nullopt}), context.names.connections.emplace_back("c");
}

// Stops counting once it is more than `most`: nested repeats multiply beyond any number.
std::size_t count_steps(const Steps& steps, std::size_t most) {
  std::size_t sum = 0;
  for (const auto& step : steps) {
    ++sum;
    if (const auto* repeat = std::get_if<Repeat>(&step.action))
      sum += static_cast<std::size_t>(repeat->times) * count_steps(repeat->steps, most);
    if (const auto* block = std::get_if<Block>(&step.action)) sum += count_steps(block->steps, most);
    if (sum > most) return most + 1;
  }
  return sum;
}

// What one test costs by itself, against `Complaints::spend`.
constexpr std::size_t kValuesPerTest = 20;

class SuiteLoader {
 public:
  SuiteLoader(std::shared_ptr<const SourceFile> file, const Limits& limits, const TargetValues& values)
      : limits_(limits) {
    suite_.file = std::move(file);
    YAML::Node target(YAML::NodeType::Map);
    for (const auto& [name, value] : values) target[name] = value;
    everywhere_.emplace("target", Value(target, suite_.file, nullptr, complaints_));
  }

  std::expected<Suite, Diagnostics> load() {
    const auto document = parse_document(suite_.file, limits_);
    if (!document) return std::unexpected(document.error());
    const Value root(*document, suite_.file, &everywhere_, complaints_);
    if (root.is_null())
      complaints_.add({suite_.file, 0, 0}, "the file is empty", "a suite has the keys `suite` and `tests`");
    else
      load_root(root);
    if (!complaints_.empty()) return std::unexpected(complaints_.take());
    return std::move(suite_);
  }

 private:
  void load_root(const Value& root) {
    if (!root.check_keys("a suite", with_shared({"suite", "about", "tests", "given"}))) return;
    if (const auto name = root.find("suite")) {
      suite_.name = name->text();
      if (name->is_scalar() && !is_id(suite_.name))
        name->complain(fmt::format("`{}` cannot be a suite's name", suite_.name), "lower-case letters, digits and `-`");
    } else {
      root.complain("a suite has a name", "suite: handshake");
    }
    if (const auto about = root.find("about")) suite_.about = about->text();
    const auto tests = root.find("tests");
    if (!tests || !tests->is_list() || tests->items().empty())
      return (tests ? *tests : root)
          .complain("a suite has a list of `tests`", "tests: [{id: ..., about: ..., requirement: ..., steps: [...]}]");
    for (const auto& test : tests->items()) load_test(root, test);
  }

  void load_test(const Value& root, const Value& test) {
    if (!test.check_keys("a test", with_shared({"id", "about", "for", "except", "given", "connections", "steps"})))
      return;
    const auto id = test.find("id");
    if (!id) return test.complain("a test has an `id`", "id: rst-in-window");
    const auto name = id->text();
    if (!id->is_scalar()) return;
    if (!is_id(name))
      return id->complain(fmt::format("`{}` cannot be a test's id", name), "lower-case letters, digits and `-`");
    const auto [first, fresh] = ids_.emplace(name, id->where().line);
    if (!fresh)
      return id->complain(fmt::format("the id `{}` stands in this file twice", name),
                          fmt::format("the first is in line {}", first->second));
    auto family = test.find("family");
    if (!family) family = root.find("family");
    const auto chosen = family ? family->choice<std::string>("family", families()) : "ipv4";
    for (auto& combination : combinations(test, chosen, limits_, complaints_)) {
      combination.bindings.insert(everywhere_.begin(), everywhere_.end());
      if (complaints_.full() || !complaints_.spend(kValuesPerTest, test.where())) return;
      load_variant(root, test, name, chosen, combination);
    }
  }

  static const std::vector<std::pair<std::string_view, std::string>>& families() {
    static const std::vector<std::pair<std::string_view, std::string>> names = {
        {"ipv4", "ipv4"}, {"ipv6", "ipv6"}, {"both", "both"}};
    return names;
  }

  void load_variant(const Value& plain_root, const Value& plain, const std::string& name, const std::string& family,
                    const Combination& combination) {
    const Value root = plain_root.with(&combination.bindings);
    const Value test = plain.with(&combination.bindings);
    Test out;
    out.suite = suite_.name;
    out.base_id = fmt::format("{}/{}", suite_.name, name);
    out.id = combination.suffix.empty() ? out.base_id : fmt::format("{}:{}", out.base_id, combination.suffix);
    out.where = test.where();
    out.drain = std::chrono::milliseconds(150);
    out.tolerate = {Tolerance::ack, Tolerance::window_update};
    apply_shared(root, out);
    apply_shared(test, out);
    check_numbers_needed(test, out);
    if (out.requirements.empty() && !test.find("requirement") && !root.find("requirement"))
      test.complain(fmt::format("the test `{}` names no requirement", name),
                    "requirement: MUST-14, an id of suites/requirements; `tcpspec explain` knows them");
    if (const auto about = test.find("about"))
      out.about = about->text();
    else
      test.complain(fmt::format("the test `{}` does not say what it is `about`", name),
                    "about: one sentence, what the target must do");
    const auto chosen = family == "both" ? combination.bindings.find("family")->second.text() : family;
    out.family = chosen == "ipv6" ? packet::Family::ipv6 : packet::Family::ipv4;
    load_body(root, test, out);
    suite_.tests.push_back(std::move(out));
  }

  // `needs: [target.NAME]` is for the targets whose own files give the number.
  void check_numbers_needed(const Value& test, const Test& out) const {
    constexpr std::string_view prefix = "target.";
    const auto& numbers = everywhere_.find("target")->second;
    for (const std::string_view need : out.needs)
      if (need.starts_with(prefix) && !numbers.find(need.substr(prefix.size())))
        test.complain(fmt::format("the test `{}` needs `{}`, which is no number of a target", out.base_id, need),
                      "targets/defaults.yaml has their names");
  }

  void load_body(const Value& root, const Value& test, Test& out) {
    TestContext context;
    context.complaints = &complaints_;
    load_connections(test, out, context);
    auto given = test.find("given");
    if (!given) given = root.find("given");
    if (given) out.steps = load_fixture(*given, 0, context);
    if (const auto state = context.states.find(0); state != context.states.end()) out.given = state->second;
    begin_peers(root, test, out, context);
    if (const auto steps = test.find("steps")) {
      for (auto& step : load_steps(*steps, context)) out.steps.push_back(std::move(step));
    } else {
      test.complain("a test has `steps`", "steps: [{call: listen}, ...]");
    }
    for (std::size_t i = out.connections.size(); i < context.names.connections.size(); ++i)
      out.connections.push_back({context.names.connections[i], -1, std::nullopt});
    out.captures = context.names.captures;
    out.needs.merge(context.needs);
    out.needs.merge(needs_of(out.steps));
    if (count_steps(out.steps, limits_.steps_per_test) > limits_.steps_per_test)
      test.complain(fmt::format("the test has more than {} steps, with repeats unrolled", limits_.steps_per_test),
                    "fewer `times`");
  }

  // A later incarnation begins when the script first uses it, and its peer then.
  static void begin_peers(const Value& root, const Value& test, Test& out, TestContext& context) {
    auto peer = test.find("peer");
    if (!peer) peer = root.find("peer");
    enum class Player : std::uint8_t { script, stack };
    if (!peer || peer->choice<Player>("player of the tester's side",
                                      {{"off", Player::script}, {"auto", Player::stack}}) == Player::script)
      return;
    for (std::size_t i = 0; i < out.connections.size(); ++i) {
      if (out.connections[i].tuple_of >= 0) continue;
      out.steps.push_back(begin_peer(peer->where(), static_cast<int>(i), context));
      out.steps.back().fixture = true;
    }
  }

  Suite suite_;
  Limits limits_;
  Complaints complaints_;
  Bindings everywhere_;             // what $target stands for
  std::map<std::string, int> ids_;  // and in which line
};

}  // namespace

std::expected<Suite, Diagnostics> load_suite(std::shared_ptr<const SourceFile> file, const Limits& limits,
                                             const TargetValues& values) {
  return SuiteLoader(std::move(file), limits, values).load();
}

std::expected<Suite, Diagnostics> load_suite_file(const std::string& path, const Limits& limits,
                                                  const TargetValues& values) {
  auto source = read_source(path, limits.octets);
  if (!source) return std::unexpected(source.error());
  return load_suite(*source, limits, values);
}

}  // namespace tcpspec::script
