#pragma once
// The IP header around a payload, built by libtins.

#include <tins/pdu.h>

#include <memory>

#include "packet/segment.hh"

namespace tcpspec::packet {

struct IpAddresses {
  const Address& source;
  const Address& destination;  // of the same family
};

// `protocol` counts only where `payload` does not tell libtins what it is (RawPDU).
// Length fields are the true ones, or 65535 where those do not fit.
[[nodiscard]] Bytes ip_datagram(const IpAddresses& addresses, const IpHeader& header, std::uint8_t protocol,
                                std::unique_ptr<Tins::PDU> payload);

}  // namespace tcpspec::packet
