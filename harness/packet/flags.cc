#include "packet/flags.hh"

#include <array>
#include <cctype>
#include <utility>

namespace tcpspec::packet {
namespace {

constexpr std::array<std::pair<char, Flags::Bit>, 9> letters_in_order{{{'S', Flags::syn},
                                                                       {'F', Flags::fin},
                                                                       {'R', Flags::rst},
                                                                       {'P', Flags::psh},
                                                                       {'A', Flags::ack},
                                                                       {'U', Flags::urg},
                                                                       {'E', Flags::ece},
                                                                       {'C', Flags::cwr},
                                                                       {'N', Flags::ae}}};

std::optional<Flags::Bit> bit_of(char letter) {
  const char upper = static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
  for (const auto& [name, bit] : letters_in_order)
    if (name == upper) return bit;
  return std::nullopt;
}

}  // namespace

std::optional<Flags> Flags::parse(std::string_view letters) {
  if (letters == "-") return Flags();
  if (letters.empty()) return std::nullopt;
  Flags flags;
  for (const char letter : letters) {
    const auto bit = bit_of(letter);
    if (!bit || flags.has(*bit)) return std::nullopt;
    flags = flags | *bit;
  }
  return flags;
}

std::string to_string(Flags flags) {
  std::string text;
  for (const auto& [name, bit] : letters_in_order)
    if (flags.has(bit)) text += name;
  return text.empty() ? "-" : text;
}

}  // namespace tcpspec::packet
