#include "runner/target_file.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runner/test_folder.hh"

namespace tcpspec::runner {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

class TargetFiles : public ::testing::Test {
 protected:
  TargetFiles() { folder.write("targets/defaults.yaml", "values: {msl: 120s, receive_buffer: 65535}\n"); }

  std::expected<TargetFile, script::Diagnostics> load(const std::string& text) {
    folder.write("targets/mine.yaml", text);
    return load_target_file(folder.path("targets/mine.yaml"), folder.path("targets"));
  }
  std::string complaint(const std::string& text) {
    const auto loaded = load(text);
    return loaded ? "" : script::to_string(loaded.error().front());
  }

  test::Folder folder;
};

TEST_F(TargetFiles, SayHowATargetIsAttachedAndWhatItsNumbersAre) {
  const auto loaded = load(
      "about: my stack\nadapter: ../mine.so\nparams: {buffers: 16, mode: fast}\nhang_after: 500ms\n"
      "without: [sack]\nbaseline: mine-known.yaml\npackage: libmine\nvalues: {msl: 30s}\n");
  ASSERT_TRUE(loaded) << script::to_string(loaded.error().front());
  EXPECT_EQ(loaded->name, "mine");
  EXPECT_EQ(loaded->plug_in, "../mine.so");
  EXPECT_EQ(loaded->params, "buffers=16 mode=fast");
  EXPECT_EQ(loaded->hang_after, packet::Duration(std::chrono::milliseconds(500)));
  EXPECT_THAT(loaded->without, UnorderedElementsAre("sack"));
  EXPECT_EQ(loaded->baseline, folder.path("targets/mine-known.yaml"));
  EXPECT_THAT(loaded->values, ElementsAre(Pair("msl", "30s"), Pair("receive_buffer", "65535")));
  EXPECT_THAT(loaded->declared, ElementsAre("msl"));
}

TEST_F(TargetFiles, NeedNoFileOfDefaults) {
  EXPECT_TRUE(default_values(folder.path("nowhere"))->empty());
  EXPECT_THAT(*default_values(folder.path("targets")),
              ElementsAre(Pair("msl", "120s"), Pair("receive_buffer", "65535")));
}

TEST_F(TargetFiles, AProgramHasWords) {
  const auto loaded = load("target: other\nprogram: [./mine, --quiet]\n");
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->name, "other");
  EXPECT_THAT(loaded->program, ElementsAre("./mine", "--quiet"));
}

constexpr const char* kRemote =
    "remote:\n  interface: eth1\n  address: 10.9.0.2\n  testers: 10.9.0.128/25\n  address6: fd09::2\n"
    "  testers6: fd09::1:0/112\n  gateway: 10.9.0.3\n  ports: 6000..6999\n  agent: 10.8.0.2:7777\n";

TEST_F(TargetFiles, AStackOnTheWireHasAnInterfaceAddressesAndAnAgent) {
  const auto loaded = load(kRemote);
  ASSERT_TRUE(loaded) << script::to_string(loaded.error().front());
  ASSERT_TRUE(loaded->remote);
  const auto& remote = *loaded->remote;
  EXPECT_EQ(remote.interface, "eth1");
  ASSERT_TRUE(remote.ipv4 && remote.ipv6 && remote.agent);
  EXPECT_EQ(to_string(remote.ipv4->address), "10.9.0.2");
  EXPECT_EQ(to_string(remote.ipv4->testers), "10.9.0.128/25");
  EXPECT_EQ(to_string(remote.ipv6->address), "fd09::2");
  EXPECT_EQ(to_string(remote.ipv6->testers), "fd09::1:0/112");
  EXPECT_EQ(to_string(remote.ipv4->gateway.value()), "10.9.0.3");
  EXPECT_FALSE(remote.ipv6->gateway);
  EXPECT_EQ(remote.first_port, 6000);
  EXPECT_EQ(remote.last_port, 6999);
  EXPECT_EQ(to_string(*remote.agent), "10.8.0.2:7777");
}

TEST_F(TargetFiles, AnAgentAndASecondFamilyMayBeLeftOut) {
  const auto loaded = load("remote: {interface: eth1, address6: fd09::2, testers6: fd09::1:0/112}\n");
  ASSERT_TRUE(loaded) << script::to_string(loaded.error().front());
  EXPECT_FALSE(loaded->remote->ipv4);
  EXPECT_FALSE(loaded->remote->agent);
}

TEST_F(TargetFiles, WhatIsWrongOfAStackOnTheWireIsSaid) {
  const auto with = [&](const std::string& keys) { return complaint("remote: {" + keys + "}\n"); };
  const std::string good = "interface: e, address: 10.9.0.2, ";
  EXPECT_THAT(with("address: 10.9.0.2, testers: 10.9.0.128/25"), HasSubstr("on which interface"));
  EXPECT_THAT(with("interface: e"), HasSubstr("which address the target has"));
  EXPECT_THAT(with("interface: e, address: 10.9.0.2"), HasSubstr("`address` and `testers` go together"));
  EXPECT_THAT(with(good + "testers: 10.9.0.128"), HasSubstr("no range of addresses"));
  EXPECT_THAT(with(good + "testers: 10.9.0.129/25"), HasSubstr("no range of addresses"));
  EXPECT_THAT(with(good + "testers: fd09::1:0/112"), HasSubstr("no range of addresses of this family"));
  EXPECT_THAT(with(good + "testers: 10.9.0.0/24"), HasSubstr("own address lies in this range"));
  EXPECT_THAT(with(good + "testers: 10.9.0.128/31"), HasSubstr("no room"));
  EXPECT_THAT(with(good + "testers: 10.9.0.128/25, gateway: fd09::3"), HasSubstr("no address of this family"));
  EXPECT_THAT(with(good + "testers: 10.9.0.128/25, gateway: 10.9.0.130"), HasSubstr("neither the target nor a tester"));
  EXPECT_THAT(with(good + "testers: 10.9.0.128/25, ports: 5000"), HasSubstr("no range of ports"));
  EXPECT_THAT(with(good + "testers: 10.9.0.128/25, ports: 5000..5002"), HasSubstr("no range of ports"));
  EXPECT_THAT(with(good + "testers: 10.9.0.128/25, agent: board:7777"), HasSubstr("no address and port"));
  EXPECT_THAT(with(good + "testers: 10.9.0.128/25, listening: 7"), HasSubstr("listening"));
  EXPECT_THAT(complaint(std::string("adapter: a.so\n") + kRemote), HasSubstr("a target is `remote`"));
}

TEST_F(TargetFiles, WhatIsWrongIsSaidWithItsPlace) {
  EXPECT_THAT(complaint("adapter: a.so\nprogram: [b]\n"), HasSubstr("mine.yaml:2:10"));
  EXPECT_THAT(complaint("values: {mls: 30s}\n"), HasSubstr("no test knows a value `mls`"));
  EXPECT_THAT(complaint("values: {msl: soon}\n"), HasSubstr("neither a number nor a duration"));
  EXPECT_THAT(complaint("adaptor: a.so\n"), HasSubstr("adaptor"));
  EXPECT_THAT(complaint("program: []\n"), HasSubstr("a program and its words"));
  EXPECT_THAT(complaint("hang_after: 0\n"), HasSubstr("longer than nothing"));
  EXPECT_THAT(complaint("params: [a]\n"), HasSubstr("maps names to values"));
}

}  // namespace
}  // namespace tcpspec::runner
