#pragma once
// An HTTP/1.1 client of such a server: GETs of /octets/N, one after the other on one
// connection, the content checked.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "host/session.hh"
#include "host/transfer.hh"

namespace tcpspec::host {

// `received` counts the octets of the bodies.
[[nodiscard]] std::unique_ptr<Session> make_http_client(const std::string& authority,
                                                        const std::vector<std::uint64_t>& resources,
                                                        std::shared_ptr<TransferReport> report);

}  // namespace tcpspec::host
