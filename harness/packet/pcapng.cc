#include "packet/pcapng.hh"

#include <algorithm>
#include <cassert>

namespace tcpspec::packet {
namespace {

constexpr std::uint32_t section_header_block = 0x0a0d0d0a;
constexpr std::uint32_t interface_description_block = 1;
constexpr std::uint32_t enhanced_packet_block = 6;
constexpr std::uint16_t linktype_raw = 101;

constexpr std::uint16_t opt_comment = 1;
constexpr std::uint16_t shb_userappl = 4;
constexpr std::uint16_t if_tsresol = 9;
constexpr std::uint16_t epb_flags = 2;

// One block, written little-endian whatever the machine, so that captures of the
// same packets are the same bytes everywhere.
class Block {
 public:
  Block(Bytes& out, std::uint32_t type) : out_(out), start_(out.size()) {
    u32(type);
    u32(0);  // length, known at the end
  }

  void u16(std::uint16_t value) {
    out_.push_back(std::byte(value & 0xff));
    out_.push_back(std::byte(value >> 8));
  }
  void u32(std::uint32_t value) {
    u16(static_cast<std::uint16_t>(value));
    u16(static_cast<std::uint16_t>(value >> 16));
  }
  void octets(BytesView bytes) {
    out_.insert(out_.end(), bytes.begin(), bytes.end());
    out_.resize((out_.size() - start_ + 3) / 4 * 4 + start_);
  }
  void option(std::uint16_t code, BytesView value) {
    u16(code);
    u16(static_cast<std::uint16_t>(value.size()));
    octets(value);
  }
  void text_option(std::uint16_t code, std::string_view text) {
    if (!text.empty()) option(code, std::as_bytes(std::span(longest_utf8(text))));
  }
  void end_of_options() { u32(0); }
  void finish() {
    const auto length = static_cast<std::uint32_t>(out_.size() - start_ + 4);
    u32(length);
    for (std::size_t i = 0; i < 4; ++i) out_[start_ + 4 + i] = std::byte(length >> (8 * i) & 0xff);
  }

 private:
  // What a 16-bit length can say, not cut inside a character.
  static std::string_view longest_utf8(std::string_view text) {
    if (text.size() <= 0xffff) return text;
    std::size_t end = 0xffff;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
    return text.substr(0, end);
  }

  Bytes& out_;
  std::size_t start_;
};

}  // namespace

PcapngWriter::PcapngWriter(std::string_view application, std::string_view comment) {
  Block section(out_, section_header_block);
  section.u32(0x1a2b3c4d);  // byte-order magic
  section.u16(1);           // major version
  section.u16(0);           // minor version
  section.u32(0xffffffff);  // section length not given, two halves
  section.u32(0xffffffff);
  section.text_option(opt_comment, comment);
  section.text_option(shb_userappl, application);
  section.end_of_options();
  section.finish();

  Block interface(out_, interface_description_block);
  interface.u16(linktype_raw);
  interface.u16(0);  // reserved
  interface.u32(0);  // no limit on a packet's length
  interface.option(if_tsresol, std::array{std::byte{9}});
  interface.end_of_options();
  interface.finish();
}

void PcapngWriter::add(Duration at, Direction direction, BytesView datagram, std::string_view comment) {
  assert(at >= Duration::zero() && "a capture starts at its origin; a packet cannot lie before it");
  const auto nanoseconds = static_cast<std::uint64_t>(at.count());
  Block packet(out_, enhanced_packet_block);
  packet.u32(0);  // interface
  packet.u32(static_cast<std::uint32_t>(nanoseconds >> 32));
  packet.u32(static_cast<std::uint32_t>(nanoseconds));
  packet.u32(static_cast<std::uint32_t>(datagram.size()));  // captured
  packet.u32(static_cast<std::uint32_t>(datagram.size()));  // on the wire
  packet.octets(datagram);
  // The two low bits say the direction as the tester sees it: 1 inbound, 2 outbound.
  const std::byte flags{static_cast<std::uint8_t>(direction == Direction::from_target ? 1 : 2)};
  packet.option(epb_flags, std::array{flags, std::byte{0}, std::byte{0}, std::byte{0}});
  packet.text_option(opt_comment, comment);
  packet.end_of_options();
  packet.finish();
}

}  // namespace tcpspec::packet
