#pragma once
// Every bound and every time of the reference stack, in one place.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "packet/address.hh"
#include "packet/seq32.hh"
#include "packet/time.hh"

namespace tcpspec::reference {

using packet::Duration;
using packet::Instant;

// What a connection, and the host, may hold at the most. Nothing grows beyond these.
struct Limits {
  std::size_t connections = 50'000;             // sockets of all kinds, half open ones included
  std::size_t send_buffer = 256 * 1024;         // octets, of one connection
  std::size_t receive_buffer = 256 * 1024;      // octets, and with it the largest window
  std::size_t out_of_order_blocks = 256;        // runs of octets that wait for a gap to close
  std::size_t sack_ranges = 256;                // of the peer's, that the sender remembers
  int backlog = 128;                            // connections that wait for accept()
  std::uint16_t first_ephemeral_port = 49'152;  // RFC 6335 section 6
};

struct Times {
  Duration msl = std::chrono::minutes(2);                           // RFC 9293 section 3.4.2
  Duration initial_rto = std::chrono::seconds(1);                   // RFC 6298 section 2.1
  Duration least_rto = std::chrono::seconds(1);                     // section 2.4
  Duration greatest_rto = std::chrono::seconds(60);                 // section 2.5
  Duration rto_after_lost_syn = std::chrono::seconds(3);            // section 5.7
  Duration clock_granularity = std::chrono::milliseconds(1);        // section 2, G
  Duration delayed_ack = std::chrono::milliseconds(200);            // RFC 9293 section 3.8.6.3, MUST-58: below 0.5 s
  Duration silly_window_override = std::chrono::milliseconds(200);  // section 3.8.6.2.1: 0.1 to 1 s
  Duration user_timeout = std::chrono::minutes(5);                  // section 3.9.1.1
  Duration r2 = std::chrono::minutes(5);                            // section 3.8.3, SHLD-11: at least 100 s
  Duration r2_syn = std::chrono::minutes(4);                        // section 3.8.3, MUST-23: at least 3 minutes
  int r1 = 3;                                                       // section 3.8.3, SHLD-9: retransmissions
  Duration keep_alive_idle = std::chrono::hours(2);                 // section 3.8.4, MUST-28: at least two hours
  Duration keep_alive_interval = std::chrono::seconds(75);
  int keep_alive_probes = 9;
  // Deviation: RFC 9293 lets FIN-WAIT-2 last for ever. Where no application is left to
  // notice, it ends after this long.
  Duration orphan_fin_wait_2 = std::chrono::minutes(4);
  Duration timestamp_validity = std::chrono::hours(24 * 24);  // RFC 7323 section 5.5
  Duration timestamp_tick = std::chrono::milliseconds(1);     // section 5.4: 1 ms to 1 s
  Duration path_mtu_age = std::chrono::minutes(10);           // RFC 1191 section 6.3
  // RFC 5961 section 7: so many challenge ACKs of one connection in so long.
  int challenge_acks = 10;
  Duration challenge_ack_period = std::chrono::seconds(5);
};

// What is offered in SYN and SYN-ACK.
struct Offers {
  enum class Choice : std::uint8_t { no, yes };
  Choice window_scale = Choice::yes;  // RFC 7323 section 2
  Choice timestamps = Choice::yes;    // RFC 7323 section 3
  Choice sack = Choice::yes;          // RFC 2018
};

struct Settings {
  packet::Address ipv4 = packet::Address::ipv4(10, 0, 0, 1);
  packet::Address ipv6 = *packet::Address::parse("fd00::1");
  std::uint16_t mtu = 1500;
  std::uint64_t seed = 1;  // the key of RFC 6528, and of ports and timestamp offsets
  // In the place of what the key gives, where somebody counts from numbers of his own.
  std::optional<packet::Seq32> iss = std::nullopt;
  std::optional<std::uint32_t> timestamp_offset = std::nullopt;  // RFC 7323 section 5.4
  Limits limits = {};
  Times times = {};
  Offers offers = {};
};

}  // namespace tcpspec::reference
