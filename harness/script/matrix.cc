#include "script/matrix.hh"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <set>

namespace tcpspec::script {

namespace {

struct Axis {
  std::string name;
  std::vector<Value> values;
  std::vector<std::string> words;  // of the values, for ids
};
using Axes = std::vector<Axis>;

// What stands in an id: no white space, and nothing that a shell or a glob takes for itself.
std::string slug(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (std::isspace(static_cast<unsigned char>(c))) continue;
    const bool plain =
        std::isalnum(static_cast<unsigned char>(c)) || std::string_view("+-._").find(c) != std::string_view::npos;
    out += plain ? c : '_';
  }
  return out;
}

std::string word_of(const Value& value) {
  if (value.is_scalar()) return slug(value.text());
  if (const auto name = value.find("name")) return slug(name->text());
  value.complain("a matrix value that is not a plain word has a `name`, for the test's id",
                 "for: {case: [{name: empty, options: none}]}");
  return "unnamed";
}

// Two values with one word would give two tests one id.
void name_values(Axis& axis) {
  std::set<std::string> known;
  for (const auto& value : axis.values) {
    auto word = word_of(value);
    if (!known.insert(word).second && word != "unnamed")
      value.complain(fmt::format("the matrix variable `{}` has the value `{}` twice", axis.name, word),
                     "each test's id must be its own: remove one, or give it another `name`");
    axis.words.push_back(std::move(word));
  }
}

Axes read_axes(const Value& test, const std::string& family, const Limits& limits, Complaints& complaints) {
  Axes axes;
  if (const auto matrix = test.find("for")) {
    if (!matrix->is_map()) matrix->complain("`for` maps variables to lists", "for: {state: [ESTABLISHED, CLOSE-WAIT]}");
    for (const auto& [name, list] : matrix->entries()) {
      const auto word = name.text();
      if (!is_variable_name(word))
        name.complain(fmt::format("`{}` cannot be a matrix variable", word),
                      "letters, digits and `_`, beginning with a lower-case letter");
      else if (word == "family" && family == "both")
        name.complain("`family: both` makes a matrix variable `family` of its own", "call this one something else");
      else if (!list.is_list() || list.node().size() == 0)
        list.complain(fmt::format("the matrix variable `{}` wants a list of values", word),
                      fmt::format("for: {{{}: [...]}}", word));
      else if (list.node().size() > limits.tests_per_test)
        list.complain(fmt::format("`{}` has {} values, and a matrix may make {} tests", word, list.node().size(),
                                  limits.tests_per_test));
      else
        axes.push_back({word, list.items(), {}});
    }
  }
  if (family == "both") {
    Axis families{"family", {}, {}};
    for (const auto name : {"ipv4", "ipv6"})
      families.values.emplace_back(YAML::Node(name), nullptr, nullptr, complaints);
    axes.push_back(std::move(families));
  }
  for (auto& axis : axes) name_values(axis);
  return axes;
}

// A rule that can never hold is a typing error, and would silently leave the combination in.
void check_rule(const Value& rule, const Axes& axes) {
  if (!rule.is_map() || rule.node().size() == 0)
    return rule.complain("`except` lists combinations", "except: [{state: LISTEN, role: active}]");
  std::vector<std::string_view> known;
  for (const auto& axis : axes) known.push_back(axis.name);
  for (const auto& [name, value] : rule.entries()) {
    const auto axis = std::find_if(axes.begin(), axes.end(), [&](const auto& a) { return a.name == name.text(); });
    if (axis == axes.end()) {
      const auto near = nearest(name.text(), known);
      name.complain(fmt::format("the matrix has no variable `{}`", name.text()),
                    near.empty() ? fmt::format("its variables: {}", fmt::join(known, ", "))
                                 : fmt::format("did you mean `{}`?", near));
      continue;
    }
    const auto word = slug(value.text());
    if (std::find(axis->words.begin(), axis->words.end(), word) != axis->words.end() || !value.is_scalar()) continue;
    const auto near = nearest(word, {axis->words.begin(), axis->words.end()});
    value.complain(fmt::format("`{}` has no value `{}` to leave out", axis->name, word),
                   near.empty() ? fmt::format("its values: {}", fmt::join(axis->words, ", "))
                                : fmt::format("did you mean `{}`?", near));
  }
}

using Rules = std::vector<std::map<std::string, std::string>>;

Rules read_rules(const Value& test, const Axes& axes) {
  Rules out;
  const auto except = test.find("except");
  if (!except) return out;
  if (axes.empty())
    except->complain("`except` leaves combinations out of a matrix, and there is no `for`", "for: {state: [...]}");
  else if (except->is_null() || (except->is_list() && except->node().size() == 0))
    except->complain("`except` lists combinations", "except: [{state: LISTEN, role: active}]");
  else
    for (const auto& rule : except->items()) {
      check_rule(rule, axes);
      std::map<std::string, std::string> wanted;
      for (const auto& [name, value] : rule.entries()) wanted.emplace(name.text(), slug(value.text()));
      if (!wanted.empty()) out.push_back(std::move(wanted));
    }
  return out;
}

bool is_excepted(const Rules& rules, const std::map<std::string, std::string>& chosen) {
  return std::any_of(rules.begin(), rules.end(), [&](const auto& rule) {
    return std::all_of(rule.begin(), rule.end(), [&](const auto& wanted) {
      const auto found = chosen.find(wanted.first);
      return found != chosen.end() && found->second == wanted.second;
    });
  });
}

// Nothing, once the product passes the limit: before it could overflow.
std::optional<std::size_t> count(const Axes& axes, const Limits& limits) {
  std::size_t total = 1;
  for (const auto& axis : axes) {
    total *= axis.values.size();
    if (total > limits.tests_per_test) return std::nullopt;
  }
  return total;
}

}  // namespace

bool is_variable_name(std::string_view name) {
  return !name.empty() && std::islower(static_cast<unsigned char>(name[0])) &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) || c == '_'; });
}

std::vector<Combination> combinations(const Value& test, const std::string& family, const Limits& limits,
                                      Complaints& complaints) {
  const auto before = complaints.count();
  const auto axes = read_axes(test, family, limits, complaints);
  const auto total = count(axes, limits);
  if (!total) {
    (test.find("for") ? *test.find("for") : test)
        .complain(fmt::format("the matrix makes more than {} tests", limits.tests_per_test),
                  "fewer values, or several tests");
    return {};
  }
  const auto rules = read_rules(test, axes);
  if (complaints.count() != before) return {};
  std::vector<Combination> out;
  for (std::size_t n = 0; n < *total; ++n) {
    if (!complaints.spend(1 + rules.size(), test.where())) return {};
    Combination combination;
    std::map<std::string, std::string> chosen;
    std::size_t rest = n;
    // The last axis turns fastest, as nested loops would.
    for (auto axis = axes.rbegin(); axis != axes.rend(); ++axis) {
      const auto index = rest % axis->values.size();
      rest /= axis->values.size();
      chosen[axis->name] = axis->words[index];
      combination.bindings.emplace(axis->name, axis->values[index]);
    }
    if (is_excepted(rules, chosen)) continue;
    for (const auto& axis : axes)
      combination.suffix += fmt::format("{}{}={}", combination.suffix.empty() ? "" : ",", axis.name, chosen[axis.name]);
    out.push_back(std::move(combination));
  }
  if (out.empty())
    (test.find("except") ? *test.find("except") : test)
        .complain("the matrix leaves no combination", "`except` takes away every one");
  return out;
}

}  // namespace tcpspec::script
