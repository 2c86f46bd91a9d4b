#include "host/transfer.hh"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "host/pattern.hh"

namespace tcpspec::host {
namespace {

using reference::Error;

class Transfer final : public Session {
 public:
  Transfer(TransferOrder order, std::shared_ptr<TransferReport> report) : order_(order), report_(std::move(report)) {}

  Next proceed(Channel& channel) override {
    if (!open_) {
      const auto connected = channel.connected();
      if (!connected && connected.error() == Error::would_block) return Next::wait;
      if (!connected) return fail("no connection", connected.error());
      open_ = true;
    }
    if (!receive(channel) || !send(channel)) return end(Next::abort);
    return ended_ && finished_ ? end(Next::close) : Next::wait;
  }

 private:
  bool send(Channel& channel) {
    while (report_->sent < order_.send) {
      const auto taken = channel.send(source_.at(report_->sent, order_.send - report_->sent));
      if (!taken) return taken.error() == Error::would_block || refuse("sending", taken.error());
      report_->sent += *taken;
    }
    if (!std::exchange(finished_, true)) channel.finish();
    return true;
  }

  bool receive(Channel& channel) {
    std::array<std::byte, 64 * 1024> piece;
    while (!ended_) {
      const auto got = channel.receive(piece);
      if (!got) return got.error() == Error::would_block || refuse("receiving", got.error());
      if (*got == 0) {
        ended_ = true;
        if (report_->received != order_.expect)
          report_->failure =
              fmt::format("the end came after {} octets, and not after {}", report_->received, order_.expect);
        return report_->received == order_.expect;
      }
      if (const auto wrong = find_difference(report_->received, std::span(piece).first(*got))) {
        report_->failure = fmt::format("octet {} is not what was sent", *wrong);
        return false;
      }
      report_->received += *got;
    }
    return true;
  }

  bool refuse(std::string_view what, Error error) {
    report_->failure =
        fmt::format("{}: {}, after {} octets out and {} in", what, to_string(error), report_->sent, report_->received);
    return false;
  }
  Next fail(std::string_view what, Error error) {
    (void)refuse(what, error);
    return end(Next::abort);
  }
  Next end(Next next) {
    report_->over = true;
    return next;
  }

  TransferOrder order_;
  std::shared_ptr<TransferReport> report_;
  PatternSource source_;
  bool open_ = false;
  bool finished_ = false;  // our FIN is on its way
  bool ended_ = false;     // the peer's has come
};

}  // namespace

std::unique_ptr<Session> make_transfer(TransferOrder order, std::shared_ptr<TransferReport> report) {
  return std::make_unique<Transfer>(order, std::move(report));
}

}  // namespace tcpspec::host
