#pragma once
// ISN = M + F(localip, localport, remoteip, remoteport, secretkey): RFC 6528 section 3,
// RFC 9293 section 3.4.1. The same F gives timestamps their offset per connection
// (RFC 7323 section 5.4) and ports their beginning (RFC 6056 section 3.3.3).

#include <boost/uuid/uuid.hpp>
#include <cstdint>

#include "packet/address.hh"
#include "packet/seq32.hh"
#include "packet/time.hh"

namespace tcpspec::reference {

class SecretFunction {
 public:
  explicit SecretFunction(std::uint64_t seed);

  enum class Purpose : std::uint8_t { sequence, timestamp, port };
  // F of RFC 6528: hard to guess without the key, and the same for the same two ends.
  [[nodiscard]] std::uint32_t operator()(const packet::Endpoint& local, const packet::Endpoint& remote,
                                         Purpose purpose) const;
  // M counts in 4 microseconds.
  [[nodiscard]] packet::Seq32 initial_sequence_number(const packet::Endpoint& local, const packet::Endpoint& remote,
                                                      packet::Instant now) const;

 private:
  boost::uuids::uuid key_;
};

}  // namespace tcpspec::reference
