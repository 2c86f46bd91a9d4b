#pragma once
// std::from_chars for double, which libc++ has only since version 20.

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <string>
#include <string_view>

namespace tcpspec::script {

// As std::from_chars, but for what is no number in decimals ("inf").
inline std::from_chars_result decimal_by_strtod(std::string_view text, double& number) {
  // strtod() takes more: spaces, a plus, hexadecimals.
  const std::string digits(text.substr(0, text.find_first_not_of("0123456789.eE+-")));
  if (digits.empty() || digits[0] == '+') return {text.data(), std::errc::invalid_argument};
  char* end = nullptr;
  errno = 0;
  const double read = std::strtod(digits.c_str(), &end);
  if (end == digits.c_str()) return {text.data(), std::errc::invalid_argument};
  const char* behind = text.data() + (end - digits.c_str());
  if (errno == ERANGE) return {behind, std::errc::result_out_of_range};
  number = read;
  return {behind, std::errc{}};
}

inline std::from_chars_result read_decimal(std::string_view text, double& number) {
#if defined(_LIBCPP_VERSION) && _LIBCPP_VERSION < 200000
  return decimal_by_strtod(text, number);
#else
  return std::from_chars(text.data(), text.data() + text.size(), number);
#endif
}

}  // namespace tcpspec::script
