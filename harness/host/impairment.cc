#include "host/impairment.hh"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace tcpspec::host {
namespace {

// What overtakes may never come: after so long it comes all the same.
constexpr Duration longest_overtaking = std::chrono::milliseconds(10);
constexpr int most_overtakers = 3;

std::optional<double> number_before(std::string_view text, std::string_view unit) {
  if (!text.ends_with(unit)) return std::nullopt;
  text.remove_suffix(unit.size());
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !(value >= 0)) return std::nullopt;
  return value;
}

// "20ms", "0..20ms"
bool read_delay(std::string_view text, Odds& odds) {
  const auto dots = text.find("..");
  const auto greatest = number_before(dots == text.npos ? text : text.substr(dots + 2), "ms");
  const auto least = dots == text.npos ? greatest : number_before(text.substr(0, dots), "");
  if (!least || !greatest || *least > *greatest || *greatest > 60'000) return false;
  const auto duration = [](double ms) { return Duration(static_cast<Duration::rep>(ms * 1e6)); };
  odds.least_delay = duration(*least);
  odds.greatest_delay = duration(*greatest);
  return true;
}

double* chance(Odds& odds, std::string_view name) {
  const std::pair<std::string_view, double*> chances[] = {
      {"drop", &odds.drop}, {"duplicate", &odds.duplicate}, {"reorder", &odds.reorder}, {"corrupt", &odds.corrupt}};
  for (const auto& [known, where] : chances)
    if (name == known) return where;
  return nullptr;
}

bool read_word(std::string_view name, std::string_view value, Odds& odds) {
  if (name == "delay") return read_delay(value, odds);
  const auto percent = number_before(value, "%");
  auto* const where = chance(odds, name);
  if (where == nullptr || !percent || *percent > 100) return false;
  *where = *percent / 100;
  return true;
}

}  // namespace

std::expected<Odds, std::string> parse_odds(std::string_view text) {
  Odds odds;
  while (!text.empty()) {
    const auto word = text.substr(0, text.find(','));
    const auto equals = std::min(word.find('='), word.size());
    if (!read_word(word.substr(0, equals), word.substr(std::min(equals + 1, word.size())), odds))
      return std::unexpected(fmt::format(
          "\"{}\" is no impairment: drop=1%, duplicate=1%, reorder=1%, corrupt=1%, delay=0..20ms, joined by commas",
          word));
    text.remove_prefix(std::min(word.size() + 1, text.size()));
  }
  return odds;
}

bool Impairment::happens(double probability) {
  return probability > 0 && std::uniform_real_distribution<double>()(random_) < probability;
}

Duration Impairment::delay() {
  if (odds_.greatest_delay == Duration{}) return {};
  return Duration(
      std::uniform_int_distribution<Duration::rep>(odds_.least_delay.count(), odds_.greatest_delay.count())(random_));
}

void Impairment::corrupt(Bytes& datagram) {
  if (datagram.empty()) return;
  const auto bit = std::uniform_int_distribution<std::size_t>(0, 8 * datagram.size() - 1)(random_);
  datagram[bit / 8] ^= std::byte(1U << bit % 8);
  ++counters_.corrupted;
}

void Impairment::take(Bytes datagram, Instant now) {
  ++counters_.taken;
  if (happens(odds_.drop)) {
    ++counters_.dropped;
    return;
  }
  if (happens(odds_.duplicate)) {
    ++counters_.duplicated;
    queue(datagram, now);
  }
  queue(std::move(datagram), now);
}

void Impairment::queue(Bytes datagram, Instant now) {
  if (happens(odds_.corrupt)) corrupt(datagram);
  const Instant due = now + delay();
  if (happens(odds_.reorder)) {
    ++counters_.reordered;
    const int by = std::uniform_int_distribution(1, most_overtakers)(random_);
    overtaken_.push_back({by, due + longest_overtaking, std::move(datagram)});
    return;
  }
  line_.push_back({line_.empty() ? due : std::max(due, line_.back().due), std::move(datagram)});
}

std::vector<Bytes> Impairment::release(Instant now) {
  std::vector<Bytes> out;
  const auto let_go = [&](const auto& is_due) {
    for (auto& held : overtaken_)
      if (is_due(held)) out.push_back(std::move(held.datagram));
    std::erase_if(overtaken_, is_due);
  };
  for (; !line_.empty() && line_.front().due <= now; line_.pop_front()) {
    out.push_back(std::move(line_.front().datagram));
    for (auto& held : overtaken_) --held.by;
    let_go([](const Overtaken& held) { return held.by == 0; });
  }
  let_go([now](const Overtaken& held) { return held.latest <= now; });
  return out;
}

std::optional<Instant> Impairment::deadline() const {
  std::optional<Instant> earliest;
  if (!line_.empty()) earliest = line_.front().due;
  for (const auto& held : overtaken_)
    if (!earliest || held.latest < *earliest) earliest = held.latest;
  return earliest;
}

}  // namespace tcpspec::host
