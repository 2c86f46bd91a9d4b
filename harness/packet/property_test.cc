// What holds for every segment and for any bytes. TCPSPEC_SEED=n repeats a failure.

#include <gtest/gtest.h>

#include <algorithm>

#include "packet/icmp.hh"
#include "packet/segment_view.hh"
#include "packet/test_segments.hh"
#include "packet/wire.hh"

namespace tcpspec::packet {
namespace {

bool lies_within(BytesView part, BytesView whole) {
  if (part.empty()) return true;
  return !whole.empty() && &part.front() >= &whole.front() && &part.back() <= &whole.back();
}

std::string hex(BytesView bytes) {
  std::string text;
  for (const std::byte octet : bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    text += digits[std::to_integer<std::size_t>(octet >> 4)];
    text += digits[std::to_integer<std::size_t>(octet & std::byte{15})];
  }
  return text;
}

// Calls everything. The bytes are a vector of exactly their size, so that a
// sanitizer sees a read beyond either end.
void read_all(const Bytes& bytes) {
  const SegmentView view(bytes);
  EXPECT_TRUE(lies_within(view.ip_payload(), bytes));
  EXPECT_TRUE(lies_within(view.option_bytes(), bytes));
  EXPECT_TRUE(lies_within(view.payload(), bytes));
  const ParsedOptions options = view.options();
  EXPECT_TRUE(lies_within(options.after_end_of_list, bytes));
  for (const ParsedOption& parsed : options.options) {
    EXPECT_LT(parsed.offset, view.option_bytes().size());
    EXPECT_FALSE(std::holds_alternative<RawBytes>(parsed.option));
    EXPECT_FALSE(to_string(parsed.option).empty());
  }
  if (view.has_tcp_header()) {
    EXPECT_TRUE(view.is_tcp());
    EXPECT_GE(view.ip_payload().size(), 20U);
    EXPECT_LE(view.option_bytes().size() + view.payload().size() + 20, view.ip_payload().size());
  } else {
    EXPECT_FALSE(view.checksum_ok());
    EXPECT_TRUE(view.payload().empty());
  }
  EXPECT_FALSE(view.is_tcp() && view.is_icmp());
  EXPECT_GE(view.length(), view.payload().size());
  EXPECT_LE(view.length(), view.payload().size() + 2);
  EXPECT_LE(view.reserved(), 7);
  EXPECT_LE(view.data_offset(), 15);
  EXPECT_EQ(view.source().port, view.source_port());
  EXPECT_EQ(view.destination().address, view.destination_address());
  static_cast<void>(view.ip_checksum_ok());
  if (const auto icmp = view_icmp(bytes)) {
    EXPECT_TRUE(view.is_icmp());
    EXPECT_TRUE(lies_within(icmp->quoted, bytes));
  }
}

void refresh_checksums(Bytes& bytes) {
  const SegmentView view(bytes);
  if (!view.has_tcp_header()) return;
  const auto at = static_cast<std::size_t>(view.ip_payload().data() - bytes.data());
  if (view.family() == Family::ipv4) {
    wire::store16(bytes, 10, 0);
    wire::store16(bytes, 10, static_cast<std::uint16_t>(~test::bytewise_sum(BytesView(bytes).first(at))));
  }
  wire::store16(bytes, at + 16, 0);
  wire::store16(bytes, at + 16,
                static_cast<std::uint16_t>(~test::bytewise_transport_sum(bytes, 6, SegmentView(bytes).ip_payload())));
}

class Property : public testing::Test {
 protected:
  testing::ScopedTrace trace_{__FILE__, __LINE__, "TCPSPEC_SEED=" + std::to_string(test::seed())};
  test::RandomSegments random_{test::seed()};
};

TEST_F(Property, SegmentsSurviveTheWire) {
  for (int round = 0; round < 5000; ++round) {
    const Segment segment = random_.segment();
    const Bytes bytes = serialize(segment);
    SCOPED_TRACE(hex(bytes));
    const auto parsed = parse(bytes);
    ASSERT_TRUE(parsed);
    ASSERT_EQ(*parsed, segment);
    ASSERT_EQ(serialize(*parsed), bytes);
  }
}

TEST_F(Property, ChecksumsAreRightAndTheViewAgreesWithTheSegment) {
  for (int round = 0; round < 5000; ++round) {
    const Segment segment = random_.segment();
    const Bytes bytes = serialize(segment);
    SCOPED_TRACE(hex(bytes));
    const SegmentView view(bytes);
    const bool ipv4 = segment.source.address.family == Family::ipv4;
    if (ipv4) {
      ASSERT_EQ(test::bytewise_sum(BytesView(bytes).first(20)), 0xffff);
    }
    ASSERT_EQ(test::bytewise_transport_sum(bytes, 6, BytesView(bytes).subspan(ipv4 ? 20 : 40)), 0xffff);
    ASSERT_TRUE(view.ip_checksum_ok());
    ASSERT_TRUE(view.checksum_ok());
    ASSERT_EQ(view.source(), segment.source);
    ASSERT_EQ(view.destination(), segment.destination);
    ASSERT_EQ(view.seq(), segment.seq);
    ASSERT_EQ(view.ack(), segment.ack);
    ASSERT_EQ(view.flags(), segment.flags);
    ASSERT_EQ(view.reserved(), 0);
    ASSERT_EQ(view.window(), segment.window);
    ASSERT_EQ(view.urgent(), segment.urgent);
    ASSERT_EQ(view.ttl(), segment.ip.ttl);
    ASSERT_EQ(view.traffic_class(), segment.ip.traffic_class);
    ASSERT_EQ(view.identification(), segment.ip.identification);
    ASSERT_EQ(view.dont_fragment(), ipv4 && segment.ip.dont_fragment);
    ASSERT_TRUE(std::ranges::equal(view.payload(), segment.payload));
    ASSERT_EQ(view.length(), segment.length());
  }
}

TEST_F(Property, AnyMalformationIsWrittenAndReadable) {
  for (int round = 0; round < 10000; ++round) {
    const Segment segment = random_.segment();
    const Malformation malformation = random_.malformation();
    const Bytes bytes = serialize(segment, malformation);
    SCOPED_TRACE(hex(bytes));
    read_all(bytes);
    const SegmentView view(bytes);
    const bool checksum_is_ours = !malformation.tcp_checksum && !malformation.tcp_checksum_xor;
    const bool segment_is_found = view.has_tcp_header() && malformation.ip_options.size() <= 40;
    if (checksum_is_ours && segment_is_found) {
      EXPECT_TRUE(view.checksum_ok());
    }
    if (!malformation.truncate_to && !malformation.ip_checksum_xor) {
      EXPECT_TRUE(view.ip_checksum_ok());
    }
    if (HasFailure()) return;
  }
}

TEST_F(Property, RandomBytesAreReadableAndParseOnlyToThemselves) {
  for (int round = 0; round < 50000; ++round) {
    Bytes bytes = random_.bytes(random_.below(120));
    if (!bytes.empty() && !random_.once_in(4)) bytes[0] = random_.once_in(2) ? std::byte{0x45} : std::byte{0x60};
    if (bytes.size() > 9 && random_.once_in(2)) bytes[bytes[0] == std::byte{0x45} ? 9 : 6] = std::byte{6};
    SCOPED_TRACE(hex(bytes));
    read_all(bytes);
    if (const auto segment = parse(bytes)) {
      EXPECT_EQ(serialize(*segment), bytes);
    }
    if (HasFailure()) return;
  }
}

TEST_F(Property, MutatedDatagramsAreReadableAndParseOnlyToThemselves) {
  int parsed = 0;
  int refused = 0;
  for (int round = 0; round < 30000; ++round) {
    Segment segment = random_.segment();
    segment.payload.resize(std::min<std::size_t>(segment.payload.size(), 20));
    Bytes bytes = serialize(segment);
    for (std::uint32_t n = 1 + random_.below(3); n > 0; --n)
      bytes[random_.below(static_cast<std::uint32_t>(bytes.size()))] = random_.any<std::byte>();
    if (random_.once_in(8)) bytes.resize(random_.below(static_cast<std::uint32_t>(bytes.size()) + 9));
    if (!random_.once_in(4)) refresh_checksums(bytes);
    SCOPED_TRACE(hex(bytes));
    read_all(bytes);
    if (const auto result = parse(bytes)) {
      ++parsed;
      EXPECT_EQ(serialize(*result), bytes);
    } else {
      ++refused;
    }
    if (HasFailure()) return;
  }
  // Both outcomes must really have been tried.
  EXPECT_GT(parsed, 3000);
  EXPECT_GT(refused, 3000);
}

}  // namespace
}  // namespace tcpspec::packet
