#include "script/diagnostic.hh"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace tcpspec::script {

std::string_view SourceFile::line(int number) const {
  std::string_view rest = text;
  for (int i = 1; i < number; ++i) {
    const auto end = rest.find('\n');
    if (end == std::string_view::npos) return {};
    rest.remove_prefix(end + 1);
  }
  auto found = rest.substr(0, rest.find('\n'));
  if (!found.empty() && found.back() == '\r') found.remove_suffix(1);
  return found;
}

namespace {

// Lines of minified files can be megabytes long: show what surrounds the column.
struct Excerpt {
  std::string text;
  std::size_t caret = 0;
};

Excerpt excerpt(std::string_view line, int column) {
  constexpr std::size_t kWidth = 100;
  std::size_t at = column > 0 ? static_cast<std::size_t>(column) - 1 : 0;
  at = std::min(at, line.size());
  std::size_t from = at > kWidth - 20 ? at - (kWidth - 20) : 0;
  std::string shown(line.substr(from, kWidth));
  for (char& c : shown)
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  std::string prefix = from > 0 ? "..." : "";
  std::string suffix = from + kWidth < line.size() ? "..." : "";
  return {prefix + shown + suffix, at - from + prefix.size()};
}

}  // namespace

std::string to_string(const Diagnostic& diagnostic) {
  const auto& where = diagnostic.where;
  const std::string path = where.file ? where.file->path : "<input>";
  std::string out = where.line > 0 ? fmt::format("{}:{}:{}: error: {}\n", path, where.line, where.column, diagnostic.message)
                                   : fmt::format("{}: error: {}\n", path, diagnostic.message);
  if (where.file && where.line > 0) {
    const auto shown = excerpt(where.file->line(where.line), where.column);
    out += fmt::format("{:>6} | {}\n{:>6} | {:>{}}\n", where.line, shown.text, "", "^", shown.caret + 1);
  }
  if (!diagnostic.hint.empty()) out += fmt::format("         {}\n", diagnostic.hint);
  return out;
}

namespace {

// Optimal string alignment distance: a swap of neighbours counts one, as typists make them.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) d[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i)
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t cost = a[i - 1] == b[j - 1] ? 0 : 1;
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + cost});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  return d[a.size()][b.size()];
}

}  // namespace

std::string_view nearest(std::string_view word, const std::vector<std::string_view>& candidates) {
  std::string_view best;
  std::size_t best_distance = std::max<std::size_t>(1, word.size() / 3) + 1;
  if (word.size() > 64) return best;
  for (auto candidate : candidates) {
    const auto distance = edit_distance(word, candidate);
    if (distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

}  // namespace tcpspec::script
