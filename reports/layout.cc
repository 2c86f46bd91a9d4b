#include "reports/layout.hh"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace tcpspec::reports {
namespace {

// Unicode's ranges of wide characters, coarse: enough to keep columns straight.
std::size_t columns_of(char32_t value) {
  constexpr std::array<std::pair<char32_t, char32_t>, 8> kWide = {{{0x1100, 0x115f},
                                                                   {0x2e80, 0xa4cf},
                                                                   {0xac00, 0xd7a3},
                                                                   {0xf900, 0xfaff},
                                                                   {0xfe30, 0xfe6f},
                                                                   {0xff00, 0xff60},
                                                                   {0xffe0, 0xffe6},
                                                                   {0x1f300, 0x1faff}}};
  const bool combining =
      (value >= 0x300 && value <= 0x36f) || value == 0x200d || (value >= 0xfe00 && value <= 0xfe0f) || value == 0x200b;
  if (combining) return 0;
  return std::ranges::any_of(kWide, [&](auto range) { return value >= range.first && value <= range.second; }) ? 2 : 1;
}

}  // namespace

CodePoint first_code_point(std::string_view text) {
  constexpr std::array<char32_t, 5> kSmallest = {0, 0, 0x80, 0x800, 0x10000};  // by length: less is overlong
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {lead, 1, true};
  const CodePoint stray{lead, 1, false};
  const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
  if (length == 1 || length > text.size()) return stray;
  char32_t value = lead & (0xffU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0U) != 0x80U) return stray;
    value = (value << 6U) | (byte(i) & 0x3fU);
  }
  const bool surrogate = value >= 0xd800 && value <= 0xdfff;
  if (value < kSmallest.at(length) || surrogate || value > 0x10ffff) return stray;
  return {value, length, true};
}

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) {
    const CodePoint next = first_code_point(text);
    width += columns_of(next.value);
    text.remove_prefix(next.bytes);
  }
  return width;
}

std::string visible(std::string_view text) {
  std::string shown;
  shown.reserve(text.size());
  while (!text.empty()) {
    const CodePoint next = first_code_point(text);
    const bool control = next.value < 0x20 || next.value == 0x7f;
    const bool stray = !next.valid || (next.value >= 0x80 && next.value < 0xa0);
    if (text[0] == '\n') {
      shown += "\\n";
    } else if (text[0] == '\t') {
      shown += "\\t";
    } else if (control || stray) {
      shown += fmt::format("\\x{:02x}", static_cast<unsigned>(next.value));
    } else {
      shown += text.substr(0, next.bytes);
    }
    text.remove_prefix(next.bytes);
  }
  return shown;
}

std::string pad_right(std::string_view text, std::size_t width) {
  const std::size_t used = display_width(text);
  return std::string(text) + std::string(used < width ? width - used : 0, ' ');
}

std::string pad_left(std::string_view text, std::size_t width) {
  const std::size_t used = display_width(text);
  return std::string(used < width ? width - used : 0, ' ') + std::string(text);
}

std::vector<std::string> wrap(std::string_view text, std::size_t width) {
  width = std::max<std::size_t>(width, 1);
  std::vector<std::string> lines;
  std::string line;
  std::size_t used = 0;
  std::size_t break_at = std::string::npos;  // byte offset of the last space in `line`
  while (!text.empty()) {
    const CodePoint next = first_code_point(text);
    const std::size_t columns = columns_of(next.value);
    if (used + columns > width && !line.empty()) {
      std::string rest;
      if (next.value != ' ' && break_at != std::string::npos && break_at > 0) {
        rest = line.substr(break_at + 1);
        line.resize(break_at);
      }
      lines.push_back(line.substr(0, line.find_last_not_of(' ') + 1));
      line = std::move(rest);
      used = display_width(line);
      break_at = std::string::npos;
      if (next.value == ' ' && line.empty()) {
        text.remove_prefix(1);
        continue;
      }
    }
    if (next.value == ' ') break_at = line.size();
    line += text.substr(0, next.bytes);
    used += columns;
    text.remove_prefix(next.bytes);
  }
  lines.push_back(std::move(line));
  return lines;
}

std::string human_duration(std::int64_t ns) {
  const double seconds = static_cast<double>(ns) / 1e9;
  const double size = std::abs(seconds);
  if (size >= 120) {
    const auto whole = static_cast<std::int64_t>(std::llround(seconds));
    if (whole >= 7200) return fmt::format("{} h {} min", whole / 3600, whole % 3600 / 60);
    return fmt::format("{} min {} s", whole / 60, whole % 60);
  }
  if (size >= 10) return fmt::format("{:.1f} s", seconds);
  if (size >= 1) return fmt::format("{:.2f} s", seconds);
  if (size >= 0.01) return fmt::format("{:.0f} ms", seconds * 1e3);
  return fmt::format("{:.1f} ms", seconds * 1e3);
}

std::string relative_seconds(std::int64_t ns) {
  return fmt::format("{:+.3f}", static_cast<double>(ns) / 1e9);
}

std::string counted(std::size_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

}  // namespace tcpspec::reports
