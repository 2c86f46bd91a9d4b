// How the target fares where privileges or devices are missing, and what it leaves behind.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <fstream>
#include <future>
#include <thread>

#include "target/clock.hh"
#include "target/linux/namespace.hh"
#include "target/linux/numbering.hh"
#include "target/linux/sysctl.hh"
#include "target/linux_target.hh"
#include "target/test_child.hh"
#include "target/test_conversation.hh"

namespace tcpspec::target {
namespace {

using packet::Flags;
using testing::HasSubstr;
using testing::StartsWith;

std::string network_namespace() {
  std::array<char, 64> link{};
  const auto size = readlink("/proc/thread-self/ns/net", link.data(), link.size());
  return {link.data(), size > 0 ? static_cast<std::size_t>(size) : 0};
}

// "tun", "veth: <why>", or the error.
std::string open_and_talk(const LinuxOptions& options) {
  const auto target = open_linux_target(options);
  if (!target) return "error: " + target.error().what + "; " + target.error().hint;
  const auto attached = (*target)->attach({});
  if (!attached) return "error: " + attached.error().what;
  Mail mail;
  Conversation talk(**target, mail, *attached);
  talk.send(Flags::syn);
  if (const auto answer = talk.next(); answer != "RA") return "answer: " + answer;
  const auto& provenance = (*target)->description().provenance;
  const auto why = provenance.find("link.why");
  return provenance.at("link") + (why == provenance.end() ? "" : ": " + why->second);
}

TEST(LinuxEnvironment, WithoutTheDeviceVethStandsInAndSaysSo) {
  const auto seen = open_and_talk({.tun_device = "/dev/no-such-tun"});
  if (seen.starts_with("error: unshare")) GTEST_SKIP() << seen;
  EXPECT_EQ(seen, "veth: open /dev/no-such-tun: No such file or directory");
}

TEST(LinuxEnvironment, AFileThatIsNoTunDeviceIsNotTaken) {
  const auto seen = open_and_talk({.tun_device = "/dev/null"});
  if (seen.starts_with("error: unshare")) GTEST_SKIP() << seen;
  EXPECT_THAT(seen, StartsWith("veth: ioctl(TUNSETIFF) on /dev/null: "));
}

TEST(LinuxEnvironment, AskedForTunAloneItSaysWhatIsMissing) {
  const auto seen = open_and_talk({.link = LinuxOptions::Link::tun, .tun_device = "/dev/no-such-tun"});
  if (seen.starts_with("error: unshare")) GTEST_SKIP() << seen;
  EXPECT_THAT(seen, StartsWith("error: open /dev/no-such-tun: No such file or directory; "));
  EXPECT_THAT(seen, HasSubstr("modprobe tun"));
}

TEST(LinuxEnvironment, RunsWithoutRoot) {
  const auto seen = in_child_process([]() -> std::string {
    if (geteuid() == 0 && !become_nobody()) return "skip";
    return open_and_talk({});
  });
  if (seen == "skip" || seen.starts_with("error: unshare")) GTEST_SKIP() << seen;
  EXPECT_THAT(seen, testing::AnyOf("tun", StartsWith("veth: open /dev/net/tun: ")));
}

TEST(LinuxEnvironment, RunsWithoutRootAndWithoutTheDevice) {
  const auto seen = in_child_process([]() -> std::string {
    if (geteuid() == 0 && !become_nobody()) return "skip";
    return open_and_talk({.tun_device = "/dev/no-such-tun"});
  });
  if (seen == "skip" || seen.starts_with("error: unshare")) GTEST_SKIP() << seen;
  EXPECT_THAT(seen, StartsWith("veth: open /dev/no-such-tun: "));
}

TEST(LinuxEnvironment, WithoutRootASecondThreadIsInTheWayAndItSaysSo) {
  const auto seen = in_child_process([]() -> std::string {
    if (geteuid() == 0 && !become_nobody()) return "skip";
    std::promise<void> over;
    std::thread other([until = over.get_future()] { until.wait(); });
    const auto result = open_and_talk({});
    over.set_value();
    other.join();
    return result;
  });
  if (seen == "skip") GTEST_SKIP() << "cannot change the user";
  EXPECT_THAT(seen, StartsWith("error: unshare(CLONE_NEWUSER|CLONE_NEWNET): "));
  EXPECT_THAT(seen, testing::AnyOf(HasSubstr("single thread"), HasSubstr("user namespaces are not allowed")));
}

TEST(LinuxEnvironment, WithoutAnyNamespacesItSaysWhatToDo) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root, to take it away";
  const auto seen = in_child_process([]() -> std::string {
    if (unshare(CLONE_NEWUSER) != 0) return "skip";
    std::ofstream("/proc/sys/user/max_user_namespaces") << "0";
    if (!drop_all_capabilities()) return "skip";
    return open_and_talk({});
  });
  if (seen == "skip") GTEST_SKIP() << "user namespaces are not allowed here";
  EXPECT_THAT(seen, StartsWith("error: unshare(CLONE_NEWUSER|CLONE_NEWNET): "));
  EXPECT_THAT(seen, HasSubstr("or run as root"));
}

TEST(LinuxEnvironment, TheThreadGoesHomeWhenTheTargetIsGone) {
  const auto before = network_namespace();
  {
    const auto target = open_linux_target();
    if (!target) GTEST_SKIP() << target.error().what;
    if ((*target)->description().provenance.at("privilege") != "root")
      GTEST_SKIP() << "a user namespace cannot be left";
    EXPECT_NE(network_namespace(), before);
  }
  EXPECT_EQ(network_namespace(), before);
}

TEST(LinuxEnvironment, ALingeringCloseHoldsNobodyUp) {
  auto target = open_linux_target();
  if (!target) GTEST_SKIP() << target.error().what;
  const auto start = (*target)->now();
  Mail mail;
  Conversation talk(**target, mail, *(*target)->attach({.isolation = Isolation::alone}));
  talk.establish(1, 2);
  constexpr std::int64_t long_time = 60;
  ASSERT_EQ(talk.call(2, SetOption{.name = "SO_LINGER", .value = long_time}).error, 0);
  const auto close = talk.start(2, Close{});
  EXPECT_EQ(talk.next(), "FA");
  EXPECT_FALSE(talk.completed(close));
  (*target)->detach(talk.attachment().id);
  target->reset();
  EXPECT_LT(monotonic_now() - start, patience);
}

TEST(LinuxEnvironment, TwoTargetsInOneThreadKeepTheirSocketsApart) {
  const auto one = open_linux_target();
  const auto two = open_linux_target();
  if (!one || !two) GTEST_SKIP() << "the target cannot be opened here";
  Mail mail_one;
  Mail mail_two;
  Conversation in_one(**one, mail_one, *(*one)->attach({}));
  Conversation in_two(**two, mail_two, *(*two)->attach({}));
  in_two.establish(1, 2);
  in_one.establish(1, 2);
}

TEST(LinuxEnvironment, EveryPinnedSettingIsInTheProvenance) {
  const auto target = open_linux_target();
  if (!target) GTEST_SKIP() << target.error().what;
  const auto& provenance = (*target)->description().provenance;
  for (const auto& [name, value] : pinned_sysctls()) EXPECT_TRUE(provenance.contains("sysctl." + name)) << name;
  EXPECT_EQ(provenance.at("sysctl.net.ipv4.tcp_ecn"), "2");
  EXPECT_EQ(read_sysctl("net.ipv4.tcp_ecn").value_or("unreadable"), "2");
  EXPECT_EQ(read_sysctl("net.ipv4.tcp_rmem").value_or("unreadable"), "4096 131072 6291456");
}

TEST(LinuxEnvironment, ASignalEndsTheWait) {
  const auto target = open_linux_target();
  if (!target) GTEST_SKIP() << target.error().what;
  struct sigaction action {};
  struct sigaction before {};
  action.sa_handler = [](int) {};
  sigaction(SIGALRM, &action, &before);
  const itimerval often{.it_interval = {.tv_sec = 0, .tv_usec = 2000}, .it_value = {.tv_sec = 0, .tv_usec = 2000}};
  setitimer(ITIMER_REAL, &often, nullptr);
  std::vector<Event> events;
  const auto until = (*target)->now() + patience;
  (*target)->wait(until, events);
  EXPECT_LT((*target)->now(), until);
  const itimerval never{};
  setitimer(ITIMER_REAL, &never, nullptr);
  sigaction(SIGALRM, &before, nullptr);
}

TEST(Circle, GivesEachNumberOnceBeforeItRepeats) {
  Circle circle(3);
  EXPECT_EQ(circle.take(), 0U);
  circle.give_back(0);
  EXPECT_EQ(circle.take(), 1U);
  EXPECT_EQ(circle.take(), 2U);
  EXPECT_EQ(circle.take(), 0U);
  EXPECT_EQ(circle.take(), std::nullopt);
  circle.give_back(1);
  EXPECT_EQ(circle.take(), 1U);
}

TEST(TesterAddress, FirstAndLast) {
  using packet::Family;
  EXPECT_EQ(to_string(tester_address(Family::ipv4, 0)), "10.1.0.0");
  EXPECT_EQ(to_string(tester_address(Family::ipv4, tester_addresses - 1)), "10.254.255.255");
  EXPECT_EQ(to_string(tester_address(Family::ipv6, 0)), "fd00:0:0:1::1");
  EXPECT_EQ(to_string(tester_address(Family::ipv6, tester_addresses - 1)), "fd00::1:0:0:fe:0");
}

TEST(PortBlocks, LieBelowTheEphemeralPorts) {
  EXPECT_EQ(port_of_block(0), 1024);
  EXPECT_LE(port_of_block(port_blocks - 1) + ports_per_block - 1, 29999);
}

}  // namespace
}  // namespace tcpspec::target
