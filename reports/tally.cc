#include "reports/tally.hh"

#include <algorithm>

namespace tcpspec::reports {

VerdictCounts count_verdicts(const std::vector<TestResult>& tests) {
  VerdictCounts counts{};
  for (const TestResult& test : tests) ++counts.at(static_cast<std::size_t>(test.verdict));
  return counts;
}

bool is_unexpected(const TestResult& result) {
  if (result.overlay == Overlay::unexpected) return true;
  return result.overlay == Overlay::none && result.verdict > Verdict::warn;
}

bool is_met(Standing standing) {
  return standing == Verdict::pass || standing == Verdict::info;
}

std::string_view to_string(Standing standing) {
  return standing ? to_string(*standing) : "untested";
}

Standings requirement_standings(const std::vector<TestResult>& tests) {
  Standings standings;
  for (const TestResult& test : tests) {
    for (const std::string& requirement : test.requirements) {
      const auto [entry, is_new] = standings[requirement].emplace(test.target, test.verdict);
      Verdict& worst = entry->second;
      if (is_new || test.verdict == Verdict::unsupported) continue;
      worst = worst == Verdict::unsupported ? test.verdict : std::max(worst, test.verdict);
    }
  }
  return standings;
}

Standing standing_of(const Standings& standings, const std::string& requirement, const std::string& target) {
  const auto row = standings.find(requirement);
  if (row == standings.end()) return std::nullopt;
  const auto cell = row->second.find(target);
  if (cell == row->second.end()) return std::nullopt;
  return cell->second;
}

bool is_broken(Standing standing) {
  return standing == Verdict::warn || standing == Verdict::fail || standing == Verdict::crash ||
         standing == Verdict::hang;
}

StandingCounts count_standings(const std::vector<Requirement>& catalogue, std::string_view rfc,
                               const Standings& standings, const std::string& target) {
  StandingCounts counts;
  for (const Requirement& requirement : catalogue) {
    if (requirement.rfc != rfc) continue;
    const Standing standing = standing_of(standings, requirement.id, target);
    std::size_t& count = !standing                           ? counts.untested
                         : is_met(standing)                  ? counts.met
                         : is_broken(standing)               ? counts.not_met
                         : *standing == Verdict::unsupported ? counts.unsupported
                                                             : counts.undecided;
    ++count;
  }
  return counts;
}

std::vector<std::string> target_names(const Run& run) {
  std::vector<std::string> names;
  for (const TargetDescription& target : run.targets) names.push_back(target.name);
  for (const TestResult& test : run.tests) {
    if (std::ranges::find(names, test.target) == names.end()) names.push_back(test.target);
  }
  return names;
}

std::string target_label(const Run& run, const std::string& target) {
  const auto found = std::ranges::find(run.targets, target, &TargetDescription::name);
  if (found == run.targets.end() || found->version.empty()) return target;
  return target + " " + found->version;
}

const Requirement* find_requirement(const std::vector<Requirement>& catalogue, std::string_view id) {
  const auto found = std::ranges::find(catalogue, id, &Requirement::id);
  return found == catalogue.end() ? nullptr : &*found;
}

}  // namespace tcpspec::reports
