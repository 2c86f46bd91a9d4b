#include "oracle/invariant_octets.hh"

#include <algorithm>

namespace tcpspec::oracle {

void OctetRecord::clear() {
  budget_->left += recorded_.size();
  recorded_.clear();
}

std::optional<std::size_t> OctetRecord::add(std::int64_t begin, packet::BytesView octets) {
  if (begin < 0 || begin > static_cast<std::int64_t>(recorded_.size())) return std::nullopt;
  const auto at = static_cast<std::size_t>(begin);
  // A keep-alive repeats the last number with an octet of no meaning (RFC 9293 section 3.8.4).
  if (octets.size() == 1 && at + 1 == recorded_.size()) return std::nullopt;

  const std::size_t known = std::min(octets.size(), recorded_.size() - at);
  const auto [expected, observed] = std::mismatch(
      recorded_.begin() + begin, recorded_.begin() + begin + static_cast<std::ptrdiff_t>(known), octets.begin());
  const std::size_t same = static_cast<std::size_t>(observed - octets.begin());
  if (same != known) return at + same;

  const packet::BytesView fresh = octets.subspan(known);
  const std::size_t room = std::min(budget_->left, most - recorded_.size());
  const packet::BytesView kept = fresh.first(std::min(fresh.size(), room));
  recorded_.insert(recorded_.end(), kept.begin(), kept.end());
  budget_->left -= kept.size();
  return std::nullopt;
}

}  // namespace tcpspec::oracle
