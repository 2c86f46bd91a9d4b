#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

#include "cli/fuzz.hh"

namespace tcpspec::cli {

namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;
using std::chrono::seconds;

double rate(const fuzz::Tally& tally) {
  const auto elapsed = std::chrono::duration<double>(tally.elapsed).count();
  return elapsed > 0 ? static_cast<double>(tally.inputs) / elapsed : 0;
}

std::string time_words(std::chrono::nanoseconds elapsed) {
  const auto whole = duration_cast<seconds>(elapsed).count();
  return whole < 3600 ? fmt::format("{}:{:02}", whole / 60, whole % 60)
                      : fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
}

}  // namespace

std::string grouped(std::uint64_t number) {
  auto digits = std::to_string(number);
  for (auto at = static_cast<int>(digits.size()) - 3; at > 0; at -= 3) digits.insert(static_cast<std::size_t>(at), ",");
  return digits;
}

FuzzScreen::FuzzScreen(bool quiet) : quiet_(quiet), terminal_(isatty(STDOUT_FILENO) == 1) {}

void FuzzScreen::begin(const std::string& target, std::uint64_t seed, const FuzzOptions& options) {
  std::string until;
  if (options.inputs) until += fmt::format(", {} inputs", grouped(*options.inputs));
  if (options.time) until += fmt::format(", {} s", duration_cast<seconds>(*options.time).count());
  if (until.empty()) until = ", until Ctrl-C";
  fmt::print("fuzzing {}, seed {:#x}{}\n", target, seed, until);
  std::fflush(stdout);
}

void FuzzScreen::clear_line() {
  if (line_shown_) fmt::print("\r\033[K");
  line_shown_ = false;
}

void FuzzScreen::status(const fuzz::Tally& tally, const std::string& reached) {
  if (quiet_) return;
  const auto each = terminal_ ? milliseconds(200) : duration_cast<milliseconds>(seconds(10));
  if (tally.elapsed - last_ < each) return;
  last_ = tally.elapsed;
  const auto line = fmt::format("{}  {} inputs  {}/s  corpus {}  {} {}  findings {}", time_words(tally.elapsed),
                                grouped(tally.inputs), grouped(static_cast<std::uint64_t>(rate(tally))),
                                grouped(tally.corpus), reached, grouped(tally.transitions), tally.findings);
  if (terminal_)
    fmt::print("\r\033[K{}", line);
  else
    fmt::print("{}\n", line);
  line_shown_ = terminal_;
  std::fflush(stdout);
}

void FuzzScreen::found(const FoundLine& finding) {
  clear_line();
  fmt::print("FINDING {}: {}, {} step{}\n        {}\n", finding.oracle, finding.place, finding.steps,
             finding.steps == 1 ? "" : "s", finding.folder);
  std::fflush(stdout);
}

void FuzzScreen::note(const std::string& line) {
  clear_line();
  std::fflush(stdout);
  fmt::print(stderr, "tcpspec: {}\n", line);
}

void FuzzScreen::summary(std::uint64_t seed, const fuzz::Tally& tally, const std::string& reached,
                         const std::vector<FoundLine>& findings) {
  clear_line();
  fmt::print("seed {:#x}: {} inputs in {:.1f} s, {}/s; corpus {}; {} {}; {} finding{}\n", seed, grouped(tally.inputs),
             std::chrono::duration<double>(tally.elapsed).count(), grouped(static_cast<std::uint64_t>(rate(tally))),
             grouped(tally.corpus), reached, grouped(tally.transitions), findings.size(),
             findings.size() == 1 ? "" : "s");
  for (const auto& finding : findings)
    fmt::print("  {}  {}: {}, {} step{}\n    {}\n", finding.id, finding.oracle, finding.place, finding.steps,
               finding.steps == 1 ? "" : "s", finding.folder);
  std::fflush(stdout);
}

}  // namespace tcpspec::cli
