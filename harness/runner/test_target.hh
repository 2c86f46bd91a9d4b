#pragma once
// A target for tests: a virtual clock, and just enough TCP to listen, accept, echo and
// close. The test chooses when its clock jumps and what it refuses.

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "packet/segment_view.hh"
#include "script/loader.hh"
#include "target/target.hh"

namespace tcpspec::runner::test {

using packet::Flags;
using target::AttachmentId;
using target::Duration;
using target::Instant;

class FakeTarget final : public target::Target {
 public:
  FakeTarget() {
    description_.name = "fake";
    description_.version = "1.2";
    description_.capabilities = {"listen", "ipv4"};
  }

  // ---- what the test chooses
  Duration jump{};          // each wait() that expires returns so much too late
  Duration answer_after{};  // how long an answer takes
  Duration return_takes{};  // how long after its last look a wait() with events returns
  std::string refuses;      // why nobody can attach; empty: everybody can
  std::function<void(FakeTarget&, AttachmentId)> on_inject;  // called before a segment is answered
  void room_for(std::size_t attachments) { description_.most_attachments = attachments; }
  void able(const std::string& capability) { description_.capabilities.insert(capability); }
  // ---- what it sees
  std::size_t attached = 0, most_attached = 0, detached = 0;
  std::vector<std::pair<AttachmentId, target::Bytes>> wire;

  const target::Description& description() const override { return description_; }
  Instant now() const override { return now_; }

  std::expected<target::Attachment, target::EnvironmentError> attach(const target::AttachmentRequest&) override {
    if (!refuses.empty()) return std::unexpected(target::EnvironmentError{refuses, "do something"});
    const auto id = ++last_;
    seats_[id] = {};
    most_attached = std::max(most_attached, ++attached);
    return target::Attachment{id, packet::Address::ipv4(10, 0, 0, 1),
                              packet::Address::ipv4(10, 1, 0, static_cast<std::uint8_t>(id)), 5000, 1500};
  }
  void detach(AttachmentId id) override {
    seats_.erase(id);
    --attached;
    ++detached;
  }
  void inject(AttachmentId id, target::BytesView datagram) override {
    wire.emplace_back(id, target::Bytes(datagram.begin(), datagram.end()));
    if (on_inject) on_inject(*this, id);
    answer(id, packet::SegmentView(datagram));
  }
  void start(AttachmentId id, const target::CallRequest& request) override {
    target::CallResult result;
    result.id = request.id;
    if (std::holds_alternative<target::Listen>(request.operation)) seats_.at(id).listening = true;
    if (const auto* receive = std::get_if<target::Receive>(&request.operation)) {
      auto& inbox = seats_.at(id).inbox;
      result.data.assign(inbox.begin(),
                         inbox.begin() + static_cast<std::ptrdiff_t>(std::min(receive->count, inbox.size())));
      result.value = static_cast<std::int64_t>(result.data.size());
    }
    post(now_, target::CallCompletion{id, std::move(result)});
  }
  void wait(std::optional<Instant> until, std::vector<target::Event>& events) override {
    Duration returning{};
    const auto next = pending_.empty() ? Instant::max() : pending_.begin()->first;
    const auto wanted = std::max(now_, std::min(next, until.value_or(next)));
    if (wanted != now_ && wanted != next)
      now_ = wanted + jump;
    else
      now_ = wanted;
    while (!pending_.empty() && pending_.begin()->first <= now_) {
      auto event = std::move(pending_.begin()->second);
      pending_.erase(pending_.begin());
      const auto owner = std::visit([](const auto& each) { return each.attachment; }, event);
      if (!seats_.contains(owner)) continue;
      events.push_back(std::move(event));
      returning = return_takes;
    }
    now_ += returning;
  }

  void post(Instant when, target::Event event) { pending_.emplace(when, std::move(event)); }
  void pass(Duration duration) { now_ += duration; }

 private:
  struct Seat {
    bool listening = false;
    std::uint32_t next = 1000, expected = 0;
    packet::Bytes inbox;
  };

  void answer(AttachmentId id, const packet::SegmentView& segment) {
    auto& seat = seats_.at(id);
    if (segment.flags().has(Flags::rst)) return;
    if (segment.flags().has(Flags::syn)) {
      seat.expected = segment.seq().raw() + 1;
      if (!seat.listening) return send(id, segment, Flags::rst | Flags::ack, packet::Seq32(0));
      send(id, segment, Flags::syn | Flags::ack, packet::Seq32(seat.next));
      ++seat.next;
    } else if (segment.length() > 0 && segment.seq().raw() == seat.expected) {
      const auto payload = segment.payload();
      seat.inbox.insert(seat.inbox.end(), payload.begin(), payload.end());
      seat.expected += segment.length();
      send(id, segment, Flags::ack, packet::Seq32(seat.next));
    }
  }
  void send(AttachmentId id, const packet::SegmentView& to, Flags flags, packet::Seq32 seq) {
    packet::Segment out;
    out.source = to.destination();
    out.destination = to.source();
    out.flags = flags;
    out.seq = seq;
    out.ack = packet::Seq32(seats_.at(id).expected);
    out.window = flags.has(Flags::rst) ? 0 : 65000;
    if (flags.has(Flags::syn)) out.options = {packet::Mss{1460}};
    const auto when = now_ + answer_after;
    post(when, target::PacketArrival{id, packet::serialize(out), when, when});
  }

  target::Description description_;
  Instant now_{std::chrono::hours{1}};
  AttachmentId last_ = 0;
  std::map<AttachmentId, Seat> seats_;
  std::multimap<Instant, target::Event> pending_;
};

inline std::shared_ptr<const script::SourceFile> source(std::string text) {
  return std::make_shared<script::SourceFile>(script::SourceFile{"s.yaml", std::move(text)});
}

}  // namespace tcpspec::runner::test
