#include "reference/loss_recovery.hh"

#include <gtest/gtest.h>

namespace tcpspec::reference {
namespace {

TEST(LossRecovery, BeginsWithTheInitialWindowOfRfc6928) {
  const auto initial = [](std::uint32_t smss, LossRecovery::Syn syn) {
    return LossRecovery(smss, LossRecovery::Sack::no, syn, Seq32(0), 256).cwnd();
  };
  using enum LossRecovery::Syn;
  EXPECT_EQ(initial(536, arrived), 5360u);
  EXPECT_EQ(initial(1460, arrived), 14'600u);
  EXPECT_EQ(initial(1461, arrived), 14'600u);
  EXPECT_EQ(initial(7300, arrived), 14'600u);
  EXPECT_EQ(initial(7301, arrived), 14'602u);
  EXPECT_EQ(initial(1460, was_lost), 1460u);
}

}  // namespace
}  // namespace tcpspec::reference
