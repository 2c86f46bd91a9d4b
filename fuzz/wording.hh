#pragma once
// The parts of a program in the words of the language, as YAML.

#include <yaml-cpp/yaml.h>

#include <cstdint>
#include <string>
#include <vector>

#include "fuzz/program.hh"
#include "oracle/connection_view.hh"
#include "packet/segment_view.hh"
#include "target/call.hh"

namespace tcpspec::fuzz {

// "rcv_nxt + rcv_wnd - 1"
[[nodiscard]] std::string words_of(const Number& number);
// Without loss, and so that a reader sees it: "1500ms".
[[nodiscard]] std::string words_of(Duration duration);

// The names of connections and sockets.
class Names {
 public:
  explicit Names(std::size_t connections);
  [[nodiscard]] const std::string& connection(std::size_t index) const { return connections_[index]; }
  [[nodiscard]] std::string socket(std::uint8_t socket) const;

 private:
  std::vector<std::string> connections_;
};

// What stands behind `send:`, `icmp:`; beside `call:` what belongs to the step.
[[nodiscard]] YAML::Node words_of(const SendSegment& send);
[[nodiscard]] YAML::Node words_of(const SendIcmp& icmp);
// A whole step, but for `on`. Null where the language has no words for it.
[[nodiscard]] YAML::Node words_of(const Call& call, std::uint8_t connection, const Names& names);
// What stands behind `is:`; empty: what is expected anyway.
[[nodiscard]] std::string words_of(const Call& call, const target::CallResult& result);

// What stands behind `expect:`; `view` has not counted the segment yet.
struct Detail {
  bool window = false, options = false;
  bool at_once = false;  // what came at the instant of its stimulus must come then
};
[[nodiscard]] YAML::Node words_of(const packet::SegmentView& segment, const oracle::ConnectionView& view,
                                  const Detail& detail);

}  // namespace tcpspec::fuzz
