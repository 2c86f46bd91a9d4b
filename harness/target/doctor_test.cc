#include "target/doctor.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>

#include "target/test_child.hh"

namespace tcpspec::target {
namespace {

using testing::HasSubstr;

const Check& named(const std::vector<Check>& checks, const std::string& name) {
  return *std::ranges::find(checks, name, &Check::name);
}

std::string summary(const std::vector<Check>& checks) {
  std::string text;
  for (const auto& check : checks) text += check.name + "=" + std::to_string(static_cast<int>(check.status)) + ";";
  return text;
}

TEST(Doctor, AgreesWithOpeningTheTarget) {
  const bool opens = in_child_process([] { return open_linux_target() ? "opens" : "does not"; }) == "opens";
  const auto checks = examine_environment();
  EXPECT_EQ(named(checks, "target linux").status == Check::Status::ok, opens);
  EXPECT_EQ(named(checks, "network namespaces").status == Check::Status::ok, opens);
}

TEST(Doctor, LeavesTheProcessInItsNamespace) {
  const auto namespace_now = [] {
    std::array<char, 64> link{};
    const auto size = readlink("/proc/self/ns/net", link.data(), link.size());
    return std::string(link.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
  };
  const auto before = namespace_now();
  (void)examine_environment();
  EXPECT_EQ(namespace_now(), before);
}

TEST(Doctor, EveryShortcomingComesWithAHint) {
  for (const auto& check : examine_environment({.tun_device = "/dev/no-such-tun"})) {
    EXPECT_FALSE(check.detail.empty()) << check.name;
    EXPECT_EQ(check.hint.empty(), check.status == Check::Status::ok) << check.name << ": " << check.detail;
  }
}

TEST(Doctor, NamesAMissingTunDevice) {
  const auto checks = examine_environment({.tun_device = "/dev/no-such-tun"});
  const auto& tun = named(checks, "TUN device");
  if (named(checks, "network namespaces").status != Check::Status::ok) GTEST_SKIP() << tun.detail;
  EXPECT_EQ(tun.status, Check::Status::degraded);
  EXPECT_EQ(tun.detail, "open /dev/no-such-tun: No such file or directory");
  EXPECT_THAT(tun.hint, HasSubstr("veth"));
}

TEST(Doctor, FindsNothingUsableWithoutAnyPrivilege) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root, to take it away";
  const auto seen = in_child_process([]() -> std::string {
    // Inside a user namespace that may have no further ones, without capabilities.
    if (unshare(CLONE_NEWUSER) != 0) return "skip";
    std::ofstream("/proc/sys/user/max_user_namespaces") << "0";
    if (!drop_all_capabilities()) return "skip";
    return summary(examine_environment());
  });
  if (seen == "skip") GTEST_SKIP() << "user namespaces are not allowed here";
  EXPECT_THAT(seen, HasSubstr("network namespaces=1;user namespaces=1;"));
  EXPECT_THAT(seen, HasSubstr("target linux=1;"));
}

}  // namespace
}  // namespace tcpspec::target
