#include "script/diagnostic.hh"

#include <fmt/format.h>

#include <algorithm>

namespace tcpspec::script {

std::string_view SourceFile::line(int number) const {
  std::string_view rest = text;
  for (int i = 1; i < number; ++i) {
    const auto end = rest.find('\n');
    if (end == std::string_view::npos) return {};
    rest.remove_prefix(end + 1);
  }
  // A byte order mark is no part of the first line: yaml-cpp does not count it either.
  if (number == 1 && rest.starts_with("\xef\xbb\xbf")) rest.remove_prefix(3);
  auto found = rest.substr(0, rest.find('\n'));
  if (!found.empty() && found.back() == '\r') found.remove_suffix(1);
  return found;
}

std::size_t utf8_length(std::string_view text, std::size_t at) {
  const auto octet = [&](std::size_t i) {
    return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0u;
  };
  const unsigned first = octet(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((octet(i) & 0xc0) != 0x80) return 0;
  const bool overlong = (first == 0xe0 && octet(1) < 0xa0) || (first == 0xf0 && octet(1) < 0x90);
  const bool surrogate = first == 0xed && octet(1) > 0x9f;
  const bool beyond = first == 0xf4 && octet(1) > 0x8f;
  return overlong || surrogate || beyond ? 0 : length;
}

namespace {

bool continues_character(char c) {
  return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return !continues_character(c); }));
}

// Lines of minified files can be megabytes long: show what surrounds the column.
struct Excerpt {
  std::string text;
  std::size_t caret = 0;  // characters before it
};

Excerpt excerpt(std::string_view line, int column) {
  constexpr std::size_t kWidth = 100;
  const std::size_t at = std::min(column > 0 ? static_cast<std::size_t>(column) - 1 : 0, line.size());
  std::size_t from = at > kWidth - 20 ? at - (kWidth - 20) : 0;
  while (from > 0 && continues_character(line[from])) --from;
  std::size_t to = std::min(from + kWidth, line.size());
  while (to < line.size() && continues_character(line[to])) ++to;
  std::string shown(line.substr(from, to - from));
  for (std::size_t i = 0; i < shown.size(); ++i) {
    const auto length = utf8_length(shown, i);
    if (static_cast<unsigned char>(shown[i]) < 0x20 || shown[i] == 0x7f)
      shown[i] = ' ';
    else if (length == 0)
      shown[i] = '?';
    else
      i += length - 1;
  }
  const std::string prefix = from > 0 ? "..." : "";
  return {prefix + shown + (to < line.size() ? "..." : ""), prefix.size() + characters(line.substr(from, at - from))};
}

// What a file says between backquotes may be megabytes, or escape sequences of a terminal.
std::string printable(std::string_view text) {
  constexpr std::size_t kMost = 72, kShown = 60;
  std::string out;
  for (bool quoted = false; !text.empty(); quoted = !quoted) {
    const auto part = text.substr(0, text.find('`'));
    text.remove_prefix(std::min(text.size(), part.size() + 1));
    if (quoted) out += '`';
    std::size_t shown = quoted && part.size() > kMost ? kShown : part.size();
    while (shown < part.size() && continues_character(part[shown])) ++shown;
    for (const char c : part.substr(0, shown))
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
        out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
      else
        out += c;
    if (shown < part.size()) out += "...";
    if (quoted) out += '`';
  }
  return out;
}

}  // namespace

std::string to_string(const Diagnostic& diagnostic) {
  const auto& where = diagnostic.where;
  const std::string path = where.file ? where.file->path : "<input>";
  const auto message = printable(diagnostic.message);
  std::string out;
  if (where.file && where.line > 0) {
    const auto line = where.file->line(where.line);
    const auto before = line.substr(0, static_cast<std::size_t>(std::max(where.column - 1, 0)));
    const auto shown = excerpt(line, where.column);
    out = fmt::format("{}:{}:{}: error: {}\n", path, where.line, characters(before) + 1, message);
    out += fmt::format("{:>6} | {}\n{:>6} | {:>{}}\n", where.line, shown.text, "", "^", shown.caret + 1);
  } else {
    out = fmt::format("{}: error: {}\n", path, message);
  }
  if (!diagnostic.hint.empty()) out += fmt::format("         {}\n", printable(diagnostic.hint));
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
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
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
