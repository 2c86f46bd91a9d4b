// Any octets as a program: it reads strictly and is written as it was, or what is sound of it is a
// program that can be written and read.

#include <algorithm>

#include "fuzz/program.hh"
#include "fuzz/targets/require.hh"

using namespace tcpspec;
using fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto octets = std::as_bytes(std::span(data, size));
  const auto strict = fuzz::decode(octets);
  const auto prefix = fuzz::decode(octets, fuzz::Reading::prefix);
  if (strict) {
    require(std::ranges::equal(fuzz::encode(*strict), octets), "there is one way to write a program");
    require(prefix && *prefix == *strict, "a sound program is its own sound prefix");
  } else {
    require(!strict.error().message.empty() && strict.error().offset <= size, "an error says what and where");
  }
  if (!prefix) return 0;
  const auto again = fuzz::decode(fuzz::encode(*prefix));
  require(again && *again == *prefix, "decode(encode(p)) == p");
  return 0;
}
