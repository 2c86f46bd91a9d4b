// A campaign in this process, and the kernel's log that it may watch.

#include "fuzz/campaign.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "fuzz/corpus.hh"
#include "target/reference_target.hh"

namespace tcpspec::fuzz {
namespace {

namespace fs = std::filesystem;

TEST(Campaign, OneSeedOneCorpus) {
  const auto corpus = [](std::uint64_t seed) {
    Session session(target::open_reference_target(), nullptr, {});
    CampaignOptions options;
    options.seed = seed;
    options.most_inputs = 1000;
    std::vector<Program> kept;
    CampaignHooks hooks;
    hooks.keep = [&](const Program& program) -> std::optional<std::string> {
      kept.push_back(program);
      return std::nullopt;
    };
    Campaign campaign(session, options, hooks);
    EXPECT_TRUE(campaign.run({}));
    EXPECT_EQ(campaign.tally().inputs, 1000u);
    EXPECT_EQ(campaign.tally().corpus, kept.size());
    EXPECT_GT(campaign.tally().transitions, 50u);
    return kept;
  };
  const auto first = corpus(1);
  EXPECT_GT(first.size(), 50u);
  EXPECT_EQ(first, corpus(1));
  EXPECT_NE(first, corpus(2));
}

TEST(Campaign, WhatCannotBeKeptEndsIt) {
  Session session(target::open_reference_target(), nullptr, {});
  CampaignHooks hooks;
  hooks.keep = [](const Program&) { return std::optional<std::string>("no room"); };
  Campaign campaign(session, {}, hooks);
  const auto ended = campaign.run({});
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().what, "no room");
}

class InAFolder : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("tcpspec-campaign-" + std::to_string(getpid()));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  [[nodiscard]] std::string in(const char* name) const { return (folder_ / name).string(); }
  void append(const char* name, const std::string& text) const { std::ofstream(in(name), std::ios::app) << text; }
  fs::path folder_;
};

TEST_F(InAFolder, ACorpusIsReadAsItWasWritten) {
  Mutator mutator(1);
  std::vector<Program> programs;
  for (int i = 0; i < 10; ++i) {
    programs.push_back(mutator.create());
    ASSERT_TRUE(write_program(programs.back(), folder_.string()));
  }
  const auto read = read_programs(folder_.string());
  ASSERT_TRUE(read) << read.error();
  EXPECT_THAT(*read, testing::UnorderedElementsAreArray(programs));
  append("broken", "no program");
  EXPECT_FALSE(read_programs(folder_.string()));
  EXPECT_FALSE(write_program(programs.front(), in("no-such-folder")));
}

// A file stands in for /dev/kmsg; each append is a record.
TEST_F(InAFolder, AKernelComplains) {
  append("kmsg", "4,1,1,-;WARNING: of yesterday\n");
  auto log = KernelLog::open(in("kmsg"));
  ASSERT_TRUE(log);
  EXPECT_EQ(log->complaint(), std::nullopt);
  append("kmsg", "6,2,1,-;tun0: up\n");
  EXPECT_EQ(log->complaint(), std::nullopt);
  append("kmsg", "4,3,1,-;WARNING: CPU: 1 PID: 77 at net/ipv4/tcp_input.c:2999 tcp_ack+0x12/0x34\n");
  EXPECT_EQ(log->complaint(), "WARNING: at net/ipv4/tcp_input.c:2999 tcp_ack");
  EXPECT_EQ(log->complaint(), std::nullopt);
  EXPECT_FALSE(KernelLog::open(in("no-such-file")));
}

TEST(KernelLog, TellsComplaintsFromNews) {
  EXPECT_EQ(complaint_in("Oops: 0000 [#1] SMP"), "Oops: 0000  SMP");
  EXPECT_EQ(complaint_in("general protection fault"), "general protection fault");
  EXPECT_EQ(complaint_in("TCP: request_sock_TCP: Possible SYN flooding"), std::nullopt);
}

}  // namespace
}  // namespace tcpspec::fuzz
