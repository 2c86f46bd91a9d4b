#pragma once
// Plain text in columns, measured as a terminal shows it.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tcpspec::reports {

struct CodePoint {
  char32_t value = 0;
  std::size_t bytes = 1;
  bool valid = true;  // false: a byte that starts no well-formed sequence, standing for itself
};

// The first code point of a text that is not empty; total over any bytes.
[[nodiscard]] CodePoint first_code_point(std::string_view text);

// Columns that a terminal uses for UTF-8 text: none for a combining mark, two for
// East Asian wide characters and emoji, else one.
[[nodiscard]] std::size_t display_width(std::string_view text);

// The text with control characters made visible (\x1b, \n, \t), so that what a
// target says cannot drive the terminal.
[[nodiscard]] std::string visible(std::string_view text);

[[nodiscard]] std::string pad_right(std::string_view text, std::size_t width);
[[nodiscard]] std::string pad_left(std::string_view text, std::size_t width);

// Breaks at spaces; a word that is longer than the width is cut. At least one line.
[[nodiscard]] std::vector<std::string> wrap(std::string_view text, std::size_t width);

// "0.2 ms", "1.50 s", "12 min 5 s": three significant places at most.
[[nodiscard]] std::string human_duration(std::int64_t ns);

// "+0.000", "-0.010", "+7200.000": seconds from the first step.
[[nodiscard]] std::string relative_seconds(std::int64_t ns);

// "1 test", "2 tests".
[[nodiscard]] std::string counted(std::size_t count, std::string_view noun);

}  // namespace tcpspec::reports
