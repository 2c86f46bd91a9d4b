#include "oracle/invariant_rules.hh"

#include <array>

namespace tcpspec::oracle {
namespace {

constexpr auto catalogue = std::to_array<Invariant>({
    {"ack-never-retreats", "Within one connection the acknowledgment number never moves backwards.",
     "RFC 9293 section 3.4"},
    {"ack-set-when-synchronized", "Every segment but an initial SYN and a RST carries an acknowledgment.",
     "RFC 9293 section 3.1"},
    {"acks-only-what-was-sent", "Only octets that the peer has sent, its SYN and FIN counted, are acknowledged.",
     "RFC 9293 section 3.4"},
    {"addresses-unicast", "TCP is spoken between unicast addresses only.",
     "RFC 9293 section 3.9.2.3 (MUST-57, MUST-63) and RFC 1122 section 3.2.1.3"},
    {"data-offset-legal", "The data offset is at least 5 and the header ends within the datagram.",
     "RFC 9293 section 3.1"},
    {"data-within-window", "No data lies beyond the furthest right edge that the peer has advertised.",
     "RFC 9293 section 3.4 and RFC 7323 section 2.3"},
    {"ecn-offered-first", "A SYN-ACK agrees to ECN only where the SYN offered it.", "RFC 3168 section 6.1.1"},
    {"ip-checksum-correct", "The checksum of the IPv4 header is right.", "RFC 791 section 3.1"},
    {"ip-length-legal", "The IP header is whole and its lengths agree with the octets that are there.",
     "RFC 791 section 3.1 and RFC 8200 section 3"},
    {"iss-stable", "A retransmitted SYN-ACK keeps its sequence number.", "RFC 9293 sections 3.4.1 and 3.10.7.2"},
    {"mss-only-on-syn", "The MSS option is sent only on segments with SYN.", "RFC 9293 section 3.2 (MUST-65)"},
    {"no-impossible-flags", "Segments bear a control bit, and SYN, FIN and RST exclude each other.",
     "RFC 9293 sections 3.1 and 3.10"},
    {"no-rst-for-rst", "A RST is never answered with a RST.", "RFC 9293 sections 3.5.2 and 3.10.7.1"},
    {"nothing-after-end-of-list", "Only zeros follow the end-of-list option.", "RFC 9293 section 3.1 (MUST-69)"},
    {"nothing-beyond-fin", "No data lies beyond the FIN, and the FIN keeps its sequence number.",
     "RFC 9293 sections 3.4 and 3.6"},
    {"options-well-formed", "Options have legal lengths, known ones their own, and end within the header.",
     "RFC 9293 section 3.1 (MUST-68), RFC 7323 sections 2.2 and 3.2, RFC 2018 sections 2 and 3"},
    {"reserved-bits-zero", "The reserved bits are sent as zero.", "RFC 9293 section 3.1"},
    {"retransmission-same-octets", "An octet that is sent again under its sequence number is the same octet.",
     "RFC 9293 section 3.4"},
    {"rst-ack-legal",
     "The acknowledgment of a RST names the end of something that the peer has sent, or a place before it.",
     "RFC 9293 sections 3.5.2 and 3.10.7.1"},
    {"rst-sequence-legal", "The sequence number of a RST is one that the peer acknowledged, one of its own, or zero.",
     "RFC 9293 sections 3.5.2 and 3.10.7.1"},
    {"sack-blocks-were-sent", "A SACK block is not empty and covers only octets that the peer has sent.",
     "RFC 2018 section 3 and RFC 2883 section 4"},
    {"sack-only-if-permitted", "SACK is sent only to a peer whose SYN permitted it.", "RFC 2018 section 4"},
    {"sack-permitted-only-on-syn", "SACK-permitted is sent only on segments with SYN.", "RFC 2018 section 2"},
    {"segment-within-mss", "Data and TCP options together do not exceed the MSS that the peer announced.",
     "RFC 9293 section 3.7.1 (MUST-15, MUST-16)"},
    {"tcp-checksum-correct", "The checksum over pseudo header, header and data is right.",
     "RFC 9293 section 3.1 (MUST-2)"},
    {"timestamp-echo-was-sent", "TSecr is a TSval that the peer has sent on this connection, or zero.",
     "RFC 7323 section 3.2"},
    {"timestamp-never-retreats", "Within one connection TSval never moves backwards.", "RFC 7323 sections 5.2 and 5.4"},
    {"timestamps-offered-first", "A SYN-ACK carries timestamps only where the SYN did.", "RFC 7323 section 3.2"},
    {"timestamps-on-every-segment", "Once both SYNs carried timestamps, every segment but a RST does.",
     "RFC 7323 section 3.2"},
    {"timestamps-only-if-negotiated", "Segments without SYN carry timestamps only where both SYNs did.",
     "RFC 7323 section 3.2"},
    {"ttl-not-zero", "No datagram is sent with a TTL of zero.", "RFC 1122 section 3.2.1.7"},
    {"window-scale-at-most-14", "The window scale option offers a shift of at most 14.", "RFC 7323 section 2.3"},
    {"window-scale-offered-first", "A SYN-ACK carries window scale only where the SYN did.", "RFC 7323 section 2.2"},
    {"window-scale-only-on-syn", "The window scale option is sent only on segments with SYN.", "RFC 7323 section 2.2"},
});
static_assert(catalogue.size() == static_cast<std::size_t>(Rule::window_scale_only_on_syn) + 1,
              "every rule has one entry");

}  // namespace

std::span<const Invariant> invariants() {
  return catalogue;
}

}  // namespace tcpspec::oracle
