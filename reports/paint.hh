#pragma once
// Colours of the terminal. They only repeat what words and places already say.

#include <cstdint>
#include <string>
#include <string_view>

#include "reports/text.hh"

namespace tcpspec::reports {

enum class Tone : std::uint8_t { plain, strong, faint, good, notice, bad };

[[nodiscard]] inline Tone tone_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::pass:
      return Tone::good;
    case Verdict::info:
    case Verdict::unsupported:
      return Tone::faint;
    case Verdict::warn:
    case Verdict::inconclusive:
      return Tone::notice;
    case Verdict::fail:
    case Verdict::crash:
    case Verdict::hang:
    case Verdict::error:
      return Tone::bad;
  }
  return Tone::plain;
}

[[nodiscard]] inline std::string paint(std::string_view text, Tone tone, const Style& style) {
  if (style.colour == Colour::off || tone == Tone::plain || text.empty()) return std::string(text);
  std::string_view code;
  switch (tone) {
    case Tone::plain:
      break;
    case Tone::strong:
      code = "1";
      break;
    case Tone::faint:
      code = "2";
      break;
    case Tone::good:
      code = "32";
      break;
    case Tone::notice:
      code = "33";
      break;
    case Tone::bad:
      code = "1;31";
      break;
  }
  return "\x1b[" + std::string(code) + "m" + std::string(text) + "\x1b[0m";
}

}  // namespace tcpspec::reports
