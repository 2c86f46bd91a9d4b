#include "packet/pcapng.hh"

#include <gtest/gtest.h>
#include <pcap/pcap.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>

#include "packet/test_segments.hh"

namespace tcpspec::packet {
namespace {

using namespace std::chrono_literals;

std::uint32_t little(BytesView bytes, std::size_t at, std::size_t octets) {
  std::uint32_t value = 0;
  for (std::size_t i = octets; i-- > 0;) value = value << 8 | std::to_integer<std::uint32_t>(bytes[at + i]);
  return value;
}

struct RawBlock {
  std::uint32_t type = 0;
  BytesView body;
};

std::vector<RawBlock> blocks_of(BytesView capture) {
  std::vector<RawBlock> blocks;
  while (!capture.empty()) {
    const std::uint32_t length = little(capture, 4, 4);
    EXPECT_EQ(length % 4, 0U);
    EXPECT_EQ(little(capture, length - 4, 4), length) << "the length stands at both ends of a block";
    blocks.push_back({little(capture, 0, 4), capture.subspan(8, length - 12)});
    capture = capture.subspan(length);
  }
  return blocks;
}

std::map<std::uint32_t, std::string> options_of(BytesView options) {
  std::map<std::uint32_t, std::string> result;
  while (little(options, 0, 4) != 0) {
    const std::uint32_t length = little(options, 2, 2);
    const BytesView value = options.subspan(4, length);
    std::ranges::transform(value, std::back_inserter(result[little(options, 0, 2)]),
                           [](std::byte b) { return static_cast<char>(b); });
    options = options.subspan(4 + (length + 3) / 4 * 4);
  }
  EXPECT_EQ(options.size(), 4U) << "opt_endofopt ends the block";
  return result;
}

TEST(Pcapng, LibpcapReadsThePacketsBack) {
  const std::vector<Bytes> packets = {
      serialize(test::syn(Family::ipv4)), serialize(test::syn(Family::ipv6)), test::bytes_of("450102"), {}};
  PcapngWriter writer("tcpspec 0.1", "a comment");
  Duration at = 0ns;
  for (const Bytes& packet : packets) writer.add(at += 5s + 7ns, Direction::to_target, packet, "step");

  Bytes capture = writer.bytes();
  std::array<char, PCAP_ERRBUF_SIZE> error{};
  FILE* memory = fmemopen(capture.data(), capture.size(), "rb");
  ASSERT_NE(memory, nullptr);
  const std::unique_ptr<pcap_t, decltype(&pcap_close)> reader(
      pcap_fopen_offline_with_tstamp_precision(memory, PCAP_TSTAMP_PRECISION_NANO, error.data()), pcap_close);
  ASSERT_NE(reader, nullptr) << error.data();
  EXPECT_EQ(pcap_datalink(reader.get()), DLT_RAW);
  at = 0ns;
  for (const Bytes& packet : packets) {
    at += 5s + 7ns;
    pcap_pkthdr* header = nullptr;
    const unsigned char* data = nullptr;
    ASSERT_EQ(pcap_next_ex(reader.get(), &header, &data), 1) << pcap_geterr(reader.get());
    ASSERT_EQ(header->caplen, packet.size());
    EXPECT_EQ(header->len, packet.size());
    EXPECT_EQ(std::chrono::seconds(header->ts.tv_sec) + Duration(header->ts.tv_usec), at);
    EXPECT_TRUE(std::ranges::equal(std::as_bytes(std::span(data, header->caplen)), packet));
  }
  pcap_pkthdr* header = nullptr;
  const unsigned char* data = nullptr;
  EXPECT_EQ(pcap_next_ex(reader.get(), &header, &data), PCAP_ERROR_BREAK) << "end of file";
}

TEST(Pcapng, HeadersSayWhoAndWhat) {
  const PcapngWriter writer("tcpspec 0.1", "why");
  const auto blocks = blocks_of(writer.bytes());
  ASSERT_EQ(blocks.size(), 2U);
  EXPECT_EQ(blocks[0].type, 0x0a0d0d0aU);
  EXPECT_EQ(Bytes(blocks[0].body.begin(), blocks[0].body.begin() + 16),
            test::bytes_of("4d3c2b1a 0100 0000 ffffffffffffffff"));
  EXPECT_EQ(options_of(blocks[0].body.subspan(16)),
            (std::map<std::uint32_t, std::string>{{4, "tcpspec 0.1"}, {1, "why"}}));
  EXPECT_EQ(blocks[1].type, 1U);
  EXPECT_EQ(little(blocks[1].body, 0, 2), 101U);
  EXPECT_EQ(options_of(blocks[1].body.subspan(8)), (std::map<std::uint32_t, std::string>{{9, "\x09"}}));
}

TEST(Pcapng, PacketsSayDirectionAndComment) {
  PcapngWriter writer("", "");
  writer.add(0x1'0000'0002ns, Direction::to_target, test::bytes_of("aabbccddee"), "first");
  writer.add(0x1'0000'0003ns, Direction::from_target, test::bytes_of("aabbccdd"));
  const auto blocks = blocks_of(writer.bytes());
  ASSERT_EQ(blocks.size(), 4U);
  EXPECT_EQ(blocks[2].type, 6U);
  EXPECT_EQ(Bytes(blocks[2].body.begin(), blocks[2].body.begin() + 28),
            test::bytes_of("00000000 01000000 02000000 05000000 05000000 aabbccddee000000"));
  using namespace std::string_literals;
  EXPECT_EQ(options_of(blocks[2].body.subspan(28)),
            (std::map<std::uint32_t, std::string>{{2, "\x02\0\0\0"s}, {1, "first"}}));
  EXPECT_EQ(options_of(blocks[3].body.subspan(24)), (std::map<std::uint32_t, std::string>{{2, "\x01\0\0\0"s}}));
}

TEST(Pcapng, LongCommentsAreCutBetweenCharacters) {
  PcapngWriter writer("", "");
  const std::string comment = std::string(0xfffe, 'x') + "\xc3\xa9" + "z";
  writer.add(0ns, Direction::to_target, {}, comment);
  const auto blocks = blocks_of(writer.bytes());
  ASSERT_EQ(blocks.size(), 3U);
  EXPECT_EQ(options_of(blocks[2].body.subspan(20))[1], std::string(0xfffe, 'x'));
}

}  // namespace
}  // namespace tcpspec::packet
