#pragma once
// Segments in words, the same words on both sides: "SA  seq 0 ack 1 win 65535 <mss 1460>".
// Numbers are relative to each side's ISS and lie between 0 and 2^32 - 1. All that comes
// from the wire is shown as numbers and hexadecimal digits: nothing of it can reach a
// terminal as a control character.

#include <cstdint>
#include <string>

#include "oracle/connection_view.hh"
#include "packet/segment_view.hh"
#include "script/model.hh"

namespace tcpspec::oracle {

// The two numbers that relative notation needs; cheap to keep with a trace.
struct Bases {
  packet::Seq32 tester_iss;
  packet::Seq32 target_iss;
};
[[nodiscard]] inline Bases bases(const ConnectionView& connection) {
  return {connection.tester_iss(), connection.target_iss()};
}

enum class Sender : std::uint8_t { tester, target };
[[nodiscard]] std::string segment_text(const packet::SegmentView& segment, Sender sender, const Bases& bases);
[[nodiscard]] std::string expected_text(const script::ExpectSegment& expected, const script::Scope& scope);

[[nodiscard]] std::string flags_text(const script::ExpectSegment& expected);
[[nodiscard]] std::string options_text(const packet::SegmentView& segment, const ConnectionView& connection);
// Behind the name: "1460", "val 100 ecr 7", "1001-2001", "present" where there is nothing to say.
[[nodiscard]] std::string option_value_text(const packet::Option& option, packet::Seq32 sack_base);
[[nodiscard]] std::string option_name(const script::ExpectOption& option);
[[nodiscard]] std::string option_value_text(const script::ExpectOption& option, const script::Scope& scope);
// A condition on a sequence number, with the numbers filled in modulo 2^32.
[[nodiscard]] std::string sequence_text(const script::NumberMatch& match, const script::Scope& scope);

[[nodiscard]] std::uint8_t kind_of(const packet::Option& option);  // RawBytes, which is never read from the wire: 255
[[nodiscard]] std::uint8_t expected_kind(const script::ExpectOption& option);

}  // namespace tcpspec::oracle
