#include "reports/result.hh"

#include <array>
#include <cstddef>

namespace tcpspec::reports {
namespace {

// Indexed by the enumerators' values; the order is that of the declarations.
constexpr std::array<std::string_view, 9> kVerdicts = {"pass", "info",  "unsupported", "warn", "inconclusive",
                                                       "fail", "crash", "hang",        "error"};
constexpr std::array<std::string_view, 5> kOverlays = {"none", "expected", "unexpected", "fixed", "flaky"};
constexpr std::array<std::string_view, 5> kLanes = {"to_target", "from_target", "call", "time", "note"};
constexpr std::array<std::string_view, 8> kMarks = {"none",       "matched", "alternative", "tolerated",
                                                    "unexpected", "missing", "mismatch",    "invariant"};

static_assert(kVerdicts.size() == static_cast<std::size_t>(Verdict::error) + 1);
static_assert(kOverlays.size() == static_cast<std::size_t>(Overlay::flaky) + 1);
static_assert(kLanes.size() == static_cast<std::size_t>(Lane::note) + 1);
static_assert(kMarks.size() == static_cast<std::size_t>(Mark::invariant) + 1);

template <class Enum, std::size_t N>
std::optional<Enum> parse(const std::array<std::string_view, N>& names, std::string_view text) {
  for (std::size_t i = 0; i < N; ++i) {
    if (names[i] == text) return static_cast<Enum>(i);
  }
  return std::nullopt;
}

}  // namespace

std::string_view to_string(Verdict verdict) {
  return kVerdicts.at(static_cast<std::size_t>(verdict));
}
std::string_view to_string(Overlay overlay) {
  return kOverlays.at(static_cast<std::size_t>(overlay));
}
std::string_view to_string(Lane lane) {
  return kLanes.at(static_cast<std::size_t>(lane));
}
std::string_view to_string(Mark mark) {
  return kMarks.at(static_cast<std::size_t>(mark));
}

std::optional<Verdict> parse_verdict(std::string_view text) {
  return parse<Verdict>(kVerdicts, text);
}
std::optional<Overlay> parse_overlay(std::string_view text) {
  return parse<Overlay>(kOverlays, text);
}
std::optional<Lane> parse_lane(std::string_view text) {
  return parse<Lane>(kLanes, text);
}
std::optional<Mark> parse_mark(std::string_view text) {
  return parse<Mark>(kMarks, text);
}

}  // namespace tcpspec::reports
