#include "runner/acceptance.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <set>
#include <string>

#include "target/adapter_target.hh"
#include "target/reference_target.hh"

namespace tcpspec::runner {
namespace {

using ::testing::HasSubstr;
using Status = AcceptanceCheck::Status;

std::map<std::string, AcceptanceCheck> examine(const OpenTarget& open) {
  std::map<std::string, AcceptanceCheck> out;
  for (auto& check : examine_target(open, 1)) out[check.name] = check;
  return out;
}

// The reference stack with one fault (harness/adapters/bad).
OpenTarget with_fault(const std::string& fault, const std::set<std::string>& without = {}) {
  target::AdapterOptions options;
  options.without = without;
  options.plug_in = TCPSPEC_ADAPTERS "/bad.so";
  options.params = "fault=" + fault;
  setenv("TCPSPEC_ADAPTER_HOST", TCPSPEC_ADAPTER_HOST, 1);
  return [options] { return target::open_adapter_target(options); };
}

TEST(Acceptance, TheReferenceStackKeepsToAllRules) {
  for (const auto& [name, check] :
       examine([]() -> std::expected<std::unique_ptr<target::Target>, target::EnvironmentError> {
         return target::open_reference_target();
       }))
    EXPECT_EQ(check.status, Status::ok) << name << ": " << check.detail;
}

TEST(Acceptance, SoDoesItsAdapter) {
  for (const auto& [name, check] : examine(with_fault("none")))
    EXPECT_EQ(check.status, Status::ok) << name << ": " << check.detail;
}

TEST(Acceptance, WhatDoesNotStartIsSaid) {
  target::AdapterOptions options;
  options.program = {"./no-such-program"};
  const auto checks = examine([options] { return target::open_adapter_target(options); });
  ASSERT_EQ(checks.size(), 1u);
  EXPECT_EQ(checks.at("starts").status, Status::failed);
}

TEST(Acceptance, ChanceIsSeen) {
  const auto checks = examine(with_fault("chance"));
  EXPECT_EQ(checks.at("determinism").status, Status::failed);
  EXPECT_THAT(checks.at("determinism").detail, HasSubstr("two fresh processes"));
}

TEST(Acceptance, AMemoryIsSeen) {
  const auto checks = examine(with_fault("memory"));
  EXPECT_EQ(checks.at("reset").status, Status::failed);
  EXPECT_EQ(checks.at("determinism").status, Status::ok);
}

TEST(Acceptance, AClockThatStandsIsSeen) {
  const auto checks = examine(with_fault("no-clock"));
  EXPECT_EQ(checks.at("clock").status, Status::failed);
  EXPECT_THAT(checks.at("clock").detail, HasSubstr("no SYN-ACK is retransmitted"));
}

TEST(Acceptance, ADeadlineThatIsTooLateIsSeen) {
  const auto checks = examine(with_fault("late"));
  EXPECT_EQ(checks.at("clock").status, Status::failed);
  EXPECT_THAT(checks.at("clock").detail, HasSubstr("not exact"));
}

TEST(Acceptance, WhatIsNotRepeatableIsNotJudgedByItsClock) {
  EXPECT_EQ(examine(with_fault("chance")).at("clock").status, Status::noted);
}

TEST(Acceptance, AnErrorInPlaceOfUnsupportedIsSeen) {
  const auto checks = examine(with_fault("wrong-error", {"socket-options"}));
  EXPECT_EQ(checks.at("socket-options").status, Status::noted);
  EXPECT_THAT(checks.at("socket-options").detail, HasSubstr("setsockopt(TCP_NODELAY, 1) = ENOTCONN"));
  EXPECT_THAT(checks.at("socket-options").detail, HasSubstr("TCPSPEC_UNSUPPORTED"));
}

TEST(Acceptance, ACapabilityThatIsNotThereIsSeen) {
  const auto checks = examine(with_fault("boast"));
  EXPECT_EQ(checks.at("keep-alive").status, Status::failed);
  EXPECT_EQ(checks.at("sack").status, Status::ok);
}

}  // namespace
}  // namespace tcpspec::runner
