#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <functional>
#include <set>
#include <sstream>

#include "script/loader.hh"
#include "script/step_loader.hh"

namespace tcpspec::script {

std::expected<std::shared_ptr<const SourceFile>, Diagnostics> read_source(const std::string& path, std::size_t most_octets) {
  const auto refuse = [&](std::string message, std::string hint) {
    return std::unexpected(Diagnostics{{{std::make_shared<SourceFile>(SourceFile{path, {}}), 0, 0}, std::move(message), std::move(hint)}});
  };
  std::ifstream in(path, std::ios::binary);
  if (!in) return refuse(fmt::format("cannot be read: {}", std::strerror(errno)), "");
  std::string text(most_octets + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad()) return refuse("cannot be read: it is a directory, or the disk failed", "");
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > most_octets) return refuse(fmt::format("the file is larger than {} octets", most_octets), "a suite is written by people: split it by topic");
  return std::make_shared<const SourceFile>(SourceFile{path, std::move(text)});
}

namespace {

// Counts nodes with aliases followed, as a loader would meet them: a few lines of
// anchors can stand for more nodes than there are atoms.
struct NodeCount {
  const Limits& limits;
  std::size_t nodes = 0;
  bool too_deep = false;

  bool add(const YAML::Node& node, std::size_t depth) {
    if (depth > limits.depth) return !(too_deep = true);
    if (++nodes > limits.nodes) return false;
    if (node.IsSequence())
      for (const auto& item : node)
        if (!add(item, depth + 1)) return false;
    if (node.IsMap())
      for (const auto& entry : node)
        if (!add(entry.first, depth + 1) || !add(entry.second, depth + 1)) return false;
    return true;
  }
};

}  // namespace

std::expected<YAML::Node, Diagnostics> parse_document(const std::shared_ptr<const SourceFile>& file, const Limits& limits) {
  YAML::Node root;
  try {
    const auto documents = YAML::LoadAll(file->text);
    if (documents.size() > 1) return std::unexpected(Diagnostics{{{file, 0, 0}, fmt::format("the file holds {} YAML documents", documents.size()), "one file, one document: remove the `---` lines"}});
    if (!documents.empty()) root = documents.front();
  } catch (const YAML::Exception& error) {
    const Location where = error.mark.is_null() ? Location{file, 0, 0} : Location{file, error.mark.line + 1, error.mark.column + 1};
    return std::unexpected(Diagnostics{{where, fmt::format("not YAML: {}", error.msg), ""}});
  }
  NodeCount count{limits};
  if (!count.add(root, 0)) {
    const auto message = count.too_deep ? fmt::format("nested more than {} levels deep", limits.depth) : fmt::format("more than {} values, with aliases followed", limits.nodes);
    return std::unexpected(Diagnostics{{{file, 0, 0}, message, "no honest file needs that much"}});
  }
  return root;
}

namespace {

bool is_id(std::string_view text) {
  return !text.empty() && std::isalnum(static_cast<unsigned char>(text[0])) &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::islower(c) || std::isdigit(c) || c == '-'; });
}

// One choice of every matrix variable.
struct Combination {
  Bindings bindings;
  std::string suffix;  // "state=ESTABLISHED,seq=rcv_nxt-1"
};

// What stands in an id: no white space, and nothing that a shell or a glob takes for itself.
std::string slug(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (std::isspace(static_cast<unsigned char>(c))) continue;
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) || std::string_view("+-._").find(c) != std::string_view::npos;
    out += plain ? c : '_';
  }
  return out;
}

std::string case_name(const Value& value) {
  if (value.is_scalar()) return slug(value.text());
  if (const auto name = value.find("name")) return slug(name->text());
  value.complain("a matrix value that is not a plain word has a `name`, for the test's id", "for: {case: [{name: empty, options: none}]}");
  return "unnamed";
}

std::vector<std::pair<std::string, std::vector<Value>>> matrix_axes(const Value& test, const std::string& family, Complaints& complaints) {
  std::vector<std::pair<std::string, std::vector<Value>>> axes;
  if (const auto matrix = test.find("for")) {
    if (!matrix->is_map()) matrix->complain("`for` maps variables to lists", "for: {state: [ESTABLISHED, CLOSE-WAIT]}");
    for (const auto& [name, list] : matrix->entries()) {
      if (!list.is_list() || list.items().empty()) list.complain(fmt::format("the matrix variable `{}` wants a list of values", name.text()));
      else axes.emplace_back(name.text(), list.items());
    }
  }
  if (family == "both") {
    std::vector<Value> families;
    for (const auto name : {"ipv4", "ipv6"}) families.emplace_back(YAML::Node(name), nullptr, nullptr, complaints);
    axes.emplace_back("family", std::move(families));
  }
  return axes;
}

bool is_excepted(const Value& test, const std::map<std::string, std::string>& chosen) {
  const auto except = test.find("except");
  if (!except) return false;
  for (const auto& rule : except->items()) {
    const auto entries = rule.entries();
    if (!entries.empty() && std::all_of(entries.begin(), entries.end(), [&](const auto& entry) {
          const auto found = chosen.find(entry.first.text());
          return found != chosen.end() && found->second == slug(entry.second.text());
        }))
      return true;
  }
  return false;
}

std::vector<Combination> combinations(const Value& test, const std::string& family, const Limits& limits, Complaints& complaints) {
  const auto axes = matrix_axes(test, family, complaints);
  std::size_t total = 1;
  for (const auto& [name, values] : axes) total *= values.size();
  if (total > limits.tests_per_test) {
    test.complain(fmt::format("the matrix makes {} tests, more than {}", total, limits.tests_per_test));
    return {};
  }
  std::vector<Combination> out;
  for (std::size_t n = 0; n < total; ++n) {
    Combination combination;
    std::map<std::string, std::string> chosen;
    std::size_t rest = n;
    // The last axis turns fastest, as nested loops would.
    for (auto axis = axes.rbegin(); axis != axes.rend(); ++axis) {
      const auto& value = axis->second[rest % axis->second.size()];
      rest /= axis->second.size();
      chosen[axis->first] = case_name(value);
      combination.bindings.emplace(axis->first, value);
    }
    if (is_excepted(test, chosen)) continue;
    for (const auto& [name, values] : axes) combination.suffix += fmt::format("{}{}={}", combination.suffix.empty() ? "" : ",", name, chosen[name]);
    out.push_back(std::move(combination));
  }
  if (out.empty()) test.complain("the matrix leaves no combination");
  return out;
}

const std::vector<std::pair<std::string_view, Tolerance>>& tolerance_names() {
  static const std::vector<std::pair<std::string_view, Tolerance>> names = {
      {"ack", Tolerance::ack}, {"window-update", Tolerance::window_update}, {"duplicate-ack", Tolerance::duplicate_ack}, {"retransmission", Tolerance::retransmission}, {"probe", Tolerance::probe}, {"any", Tolerance::any}};
  return names;
}

// Keys that a suite may set for all its tests.
void apply_shared(const Value& value, Test& test) {
  if (const auto requirement = value.find("requirement")) {
    test.requirements.clear();
    for (const auto& item : requirement->items()) test.requirements.push_back(item.text());
  }
  if (const auto level = value.find("level"))
    test.level = level->choice<Level>("level", {{"MUST", Level::must}, {"SHOULD", Level::should}, {"MAY", Level::may}, {"PRACTICE", Level::practice}});
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
      if (item.text() != "nothing") test.tolerate.insert(item.choice<Tolerance>("tolerance", tolerance_names()));
  }
}

constexpr std::array<std::string_view, 9> kShared = {"requirement", "level", "tags", "needs", "sysctl", "alone", "drain", "tolerate", "family"};

std::vector<std::string_view> with_shared(std::initializer_list<std::string_view> own) {
  std::vector<std::string_view> out(own);
  out.insert(out.end(), kShared.begin(), kShared.end());
  return out;
}

void load_connections(const Value& test, Test& out, TestContext& context) {
  const auto connections = test.find("connections");
  if (!connections) {
    context.names.connections.emplace_back("c");
    out.connections.push_back({"c", -1, std::nullopt});
    return;
  }
  if (!connections->is_map() || connections->entries().empty()) connections->complain("`connections` maps names to their settings", "connections: {a: {}, b: {tuple: a}}");
  for (const auto& [name, settings] : connections->entries()) {
    Connection connection{name.text(), -1, std::nullopt};
    if (!settings.is_null() && settings.check_keys("a connection", {"tuple", "iss"})) {
      if (const auto tuple = settings.find("tuple")) connection.tuple_of = context.connection(*tuple);
      if (const auto iss = settings.find("iss")) connection.iss = iss->expression(context.names);
    }
    context.names.connections.push_back(connection.name);
    out.connections.push_back(std::move(connection));
  }
  if (out.connections.empty()) out.connections.push_back({"c", -1, std::nullopt}), context.names.connections.emplace_back("c");
}

std::size_t count_steps(const Steps& steps) {
  std::size_t sum = 0;
  for (const auto& step : steps) {
    ++sum;
    if (const auto* repeat = std::get_if<Repeat>(&step.action)) sum += static_cast<std::size_t>(repeat->times) * count_steps(repeat->steps);
    if (const auto* block = std::get_if<Block>(&step.action)) sum += count_steps(block->steps);
  }
  return sum;
}

class SuiteLoader {
 public:
  SuiteLoader(std::shared_ptr<const SourceFile> file, const Limits& limits) : limits_(limits) { suite_.file = std::move(file); }

  std::expected<Suite, Diagnostics> load() {
    const auto document = parse_document(suite_.file, limits_);
    if (!document) return std::unexpected(document.error());
    const Value root(*document, suite_.file, nullptr, complaints_);
    if (root.is_null()) {
      return std::unexpected(Diagnostics{{{suite_.file, 0, 0}, "the file is empty", "a suite has the keys `suite` and `tests`"}});
    }
    load_root(root);
    if (!complaints_.empty()) return std::unexpected(complaints_.take());
    return std::move(suite_);
  }

 private:
  void load_root(const Value& root) {
    if (!root.check_keys("a suite", with_shared({"suite", "about", "tests", "given"}))) return;
    if (const auto name = root.find("suite")) {
      suite_.name = name->text();
      if (!is_id(suite_.name)) name->complain(fmt::format("`{}` cannot be a suite's name", suite_.name), "lower-case letters, digits and `-`");
    } else {
      root.complain("a suite has a name: `suite: ...`");
    }
    if (const auto about = root.find("about")) suite_.about = about->text();
    const auto tests = root.find("tests");
    if (!tests || !tests->is_list() || tests->items().empty()) return (tests ? *tests : root).complain("a suite has a list of `tests`");
    for (const auto& test : tests->items()) load_test(root, test);
  }

  void load_test(const Value& root, const Value& test) {
    if (!test.check_keys("a test", with_shared({"id", "about", "for", "except", "given", "connections", "steps"}))) return;
    const auto id = test.find("id");
    if (!id) return test.complain("a test has an `id`");
    const auto name = id->text();
    if (!is_id(name)) return id->complain(fmt::format("`{}` cannot be a test's id", name), "lower-case letters, digits and `-`");
    if (!ids_.insert(name).second) return id->complain(fmt::format("the id `{}` stands in this file twice", name));
    const auto family = test.find("family") ? test.find("family")->choice<std::string>("family", families()) : root.find("family") ? root.find("family")->choice<std::string>("family", families()) : "ipv4";
    for (const auto& combination : combinations(test, family, limits_, complaints_)) {
      // Each combination repeats the same mistakes: a file full of them needs no more lines.
      if (complaints_.count() > 50) return;
      load_variant(root, test, name, family, combination);
    }
  }

  static const std::vector<std::pair<std::string_view, std::string>>& families() {
    static const std::vector<std::pair<std::string_view, std::string>> names = {{"ipv4", "ipv4"}, {"ipv6", "ipv6"}, {"both", "both"}};
    return names;
  }

  void load_variant(const Value& root, const Value& plain, const std::string& name, const std::string& family, const Combination& combination) {
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
    if (out.requirements.empty()) test.complain(fmt::format("the test `{}` names no requirement", name), "requirement: MUST-14, an id of suites/requirements; `tcpspec explain` knows them");
    if (const auto about = test.find("about")) out.about = about->text();
    else test.complain(fmt::format("the test `{}` does not say what it is `about`", name), "about: one sentence, what the target must do");
    const auto chosen = family == "both" ? combination.bindings.find("family")->second.text() : family;
    out.family = chosen == "ipv6" ? packet::Family::ipv6 : packet::Family::ipv4;
    load_body(root, test, out);
    suite_.tests.push_back(std::move(out));
  }

  void load_body(const Value& root, const Value& test, Test& out) {
    TestContext context;
    context.complaints = &complaints_;
    load_connections(test, out, context);
    auto given = test.find("given");
    if (!given) given = root.find("given");
    if (given) out.steps = load_fixture(*given, 0, context);
    out.given = context.state;
    if (const auto steps = test.find("steps")) {
      for (auto& step : load_steps(*steps, context)) out.steps.push_back(std::move(step));
    } else {
      test.complain("a test has `steps`");
    }
    for (std::size_t i = out.connections.size(); i < context.names.connections.size(); ++i) out.connections.push_back({context.names.connections[i], -1, std::nullopt});
    out.captures = context.names.captures;
    if (count_steps(out.steps) > limits_.steps_per_test) test.complain(fmt::format("the test has more than {} steps, with repeats unrolled", limits_.steps_per_test));
  }

  Suite suite_;
  Limits limits_;
  Complaints complaints_;
  std::set<std::string> ids_;
};

}  // namespace

std::expected<Suite, Diagnostics> load_suite(std::shared_ptr<const SourceFile> file, const Limits& limits) { return SuiteLoader(std::move(file), limits).load(); }

std::expected<Suite, Diagnostics> load_suite_file(const std::string& path, const Limits& limits) {
  auto source = read_source(path, limits.octets);
  if (!source) return std::unexpected(source.error());
  return load_suite(*source, limits);
}

}  // namespace tcpspec::script
