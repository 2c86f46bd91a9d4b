#include "target/adapter_message.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string_view>

namespace tcpspec::adapter {
namespace {

using ::testing::ElementsAreArray;

OctetsView view(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

TEST(AdapterMessage, NumbersAreInNetworkByteOrder) {
  Octets out;
  MessageWriter writer(out);
  writer.u8(1);
  writer.u16(0x0203);
  writer.u32(0x04050607);
  writer.i64(-2);
  writer.finish();
  const std::string_view expected("\0\0\0\x0f\1\2\3\4\5\6\7\xff\xff\xff\xff\xff\xff\xff\xfe", 19);
  EXPECT_THAT(out, ElementsAreArray(view(expected)));
}

TEST(AdapterMessage, ARequestSurvives) {
  Octets out;
  write_request(out, {.operation = TCPSPEC_OP_SEND, .socket = 7, .a = 1, .b = -5, .data = view("octets")});
  write_request(out, {.operation = TCPSPEC_OP_CLOSE, .socket = -1});
  const auto size = message_size(out);
  ASSERT_EQ(size, 4u + 21u + 6u);
  const auto request = read_request(OctetsView(out).first(*size).subspan(4));
  ASSERT_TRUE(request);
  EXPECT_EQ(request->operation, TCPSPEC_OP_SEND);
  EXPECT_EQ(request->socket, 7);
  EXPECT_EQ(request->a, 1);
  EXPECT_EQ(request->b, -5);
  EXPECT_THAT(request->data, ElementsAreArray(view("octets")));
  EXPECT_EQ(read_request(OctetsView(out).subspan(*size + 4))->socket, -1);
}

TEST(AdapterMessage, WhatIsCutShortIsSeen) {
  Octets out;
  write_request(out, {.operation = TCPSPEC_OP_OPEN});
  for (std::size_t length = 0; length < out.size() - 4; ++length)
    EXPECT_FALSE(read_request(OctetsView(out).subspan(4, length))) << length;
  for (std::size_t length = 0; length < 4; ++length) EXPECT_FALSE(message_size(OctetsView(out).first(length)));
  MessageReader reader(view("\1\2"));
  EXPECT_EQ(reader.u32(), 0u);
  EXPECT_FALSE(reader.ok());
  EXPECT_EQ(reader.u8(), 0u) << "nothing comes behind the end";
}

}  // namespace
}  // namespace tcpspec::adapter
