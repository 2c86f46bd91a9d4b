#include "engine/play.hh"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "script/value.hh"

namespace tcpspec::engine {

using script::Step;

Play::Play(const script::Test& test, Setup setup, Commands& commands)
    : test_(test), setup_(std::move(setup)), commands_(commands), captures_(test.captures.size()), draw_(setup_.seed) {}

std::int64_t Play::variable(script::Variable variable, int index) const {
  if (index < 0) index = current_ ? current_->connection : 0;
  // While connections are made, an ISS can name one that is not there yet.
  if (static_cast<std::size_t>(index) >= connections_.size()) return 0;
  return connection(index).view.variable(variable);
}

std::int64_t Play::capture(int index) const {
  return captures_[static_cast<std::size_t>(index)];
}

Duration Play::scaled(Duration duration) const {
  return Duration(std::llround(static_cast<double>(duration.count()) * setup_.time_scale));
}

void Play::make_connections() {
  for (std::size_t i = 0; i < test_.connections.size(); ++i) {
    const auto& declared = test_.connections[i];
    auto [iss, port] = draw_beginning(draw_, i);
    if (declared.tuple_of >= 0)
      port = connection(declared.tuple_of).tester_port;
    else if (declared.iss)
      iss = packet::Seq32(static_cast<std::uint32_t>(declared.iss->evaluate(*this)));
    connections_.push_back(Connection{
        oracle::ConnectionView(test_.family, iss, setup_.attachment.mtu), port, 0, {}, {}, false, false, {}});
    active_.push_back(declared.tuple_of >= 0 ? active_[static_cast<std::size_t>(declared.tuple_of)]
                                             : static_cast<int>(i));
  }
}

// A connection that shares its ports with an earlier one takes over when the script
// first uses it; only then can an ISS that counts from the earlier one be known.
void Play::activate(int index) {
  const auto& declared = test_.connections[static_cast<std::size_t>(index)];
  if (declared.tuple_of < 0 || connection(index).view.used() || active_[static_cast<std::size_t>(index)] == index)
    return;
  auto& own = connection(index);
  const auto& old = connection(declared.tuple_of);
  if (declared.iss) {
    const auto scope = snapshot(declared.tuple_of);
    own.view = oracle::ConnectionView(test_.family, old.view.from_tester_space(declared.iss->evaluate(scope)),
                                      setup_.attachment.mtu);
  }
  own.target_port = old.target_port;
  for (std::size_t i = 0; i < connections_.size(); ++i)
    if (connections_[i].tester_port == own.tester_port) active_[i] = index;
}

void Play::start(Instant now) {
  now_ = now;
  outcome_.started = now;
  done_at(now);
  make_connections();
  frames_.push_back({&test_.steps, 0, 1, false});
  advance(now);
}

void Play::on_packet(target::PacketArrival&& arrival) {
  if (finished_) return;
  if (++packets_ > setup_.most_packets) {
    // Whatever was asked of it, and be it on the way to where the test begins.
    conclude(Verdict::fail, fmt::format("the target floods: it sent more than {} packets", setup_.most_packets));
    return;
  }
  Arrival kept{std::move(arrival.datagram), {arrival.not_before, arrival.not_after}, packets_, {}};
  const packet::SegmentView segment{packet::BytesView(kept.datagram)};
  kept.violations = monitor_.received(kept.datagram);
  int index = -1;
  if (segment.has_tcp_header())
    for (std::size_t i = 0; i < connections_.size() && index < 0; ++i)
      if (connections_[i].tester_port == segment.destination_port()) index = active_[i];
  if (index < 0) {
    strays_.push_back(std::move(kept));
    return;
  }
  auto& own = connection(index);
  if (own.target_port == 0) own.target_port = segment.source_port();
  own.view.arrived(segment);
  own.queue.push_back(std::move(kept));
  if (own.side) ++own.side->unshown;
}

void Play::on_failure(const target::TargetFailure& failure, Instant now) {
  if (finished_) return;
  now_ = now;
  using Kind = target::TargetFailure::Kind;
  worst_ = failure.kind == Kind::crash ? Verdict::crash : failure.kind == Kind::hang ? Verdict::hang : Verdict::error;
  outcome_.reason = failure.what;
  // Its last words, which may be many lines, are for the reason.
  note(EntryKind::note, Mark::unexpected, current_, now, failure.what.substr(0, failure.what.find(". It said:\n")));
  finish(now);
}

void Play::advance(Instant now) {
  if (finished_) return;
  now_ = std::max(now, now_);
  play_peers(now);
  // Bounded: a script has an end, and each repeat was bounded when it was loaded.
  while (!diverged_) {
    if (!current_ && !next_step(now)) break;
    if (run(*current_, now) == Progress::waiting) return;
    if (diverged_) break;
    finish_step(*current_);
  }
  if (diverged_) return finish(now);
  drain(now);
}

// Enters the next step; false when the script has come to its end.
bool Play::next_step(Instant now) {
  while (!frames_.empty()) {
    auto& frame = frames_.back();
    if (frame.next < frame.steps->size()) {
      const Step& step = (*frame.steps)[frame.next++];
      if (!step.fixture) fixture_done_ = true;
      enter(step, now);
      return true;
    }
    if (--frame.rounds > 0) {
      frame.next = 0;
      continue;
    }
    const bool ends = frame.ends;
    frames_.pop_back();
    if (ends) frames_.clear();
  }
  return false;
}

void Play::enter(const Step& step, Instant now) {
  current_ = &step;
  step_started_ = now;
  step_deadline_ = now;
  step_reference_ = previous_done_;
  step_arrivals_ = packets_;
  activate(step.connection);
  struct {
    Play& play;
    const Step& step;
    Instant now;
    void operator()(const script::Expect& expect) const {
      play.step_deadline_ = play.expect_deadline(expect, step, now);
    }
    // The numbers of a stream are those of its beginning: `snd_nxt` moves while it comes.
    void operator()(const script::ExpectStream& stream) const {
      play.step_deadline_ = play.patience(step, now);
      if (stream.data) play.stream_covered_ = static_cast<std::uint32_t>(stream.data->first.evaluate(play));
      const auto goal = stream.data ? stream.data->second.evaluate(play) : stream.acked->evaluate(play);
      play.stream_goal_ =
          static_cast<std::uint32_t>(goal) + (stream.ending == script::ExpectStream::Ending::fin ? 1 : 0);
    }
    void operator()(const script::Silence& silence) const { play.step_deadline_ = now + silence.duration; }
    void operator()(const script::Wait& wait) const { play.step_deadline_ = now + wait.duration; }
    void operator()(const script::Call& call) const {
      play.step_deadline_ = play.patience(step, now);
      play.start_call(call, step, now);
    }
    void operator()(const script::Result&) const { play.step_deadline_ = play.patience(step, now); }
    void operator()(const script::SendSegment&) const {}
    void operator()(const script::PeerSend&) const {}
    void operator()(const script::PlayPeer&) const {}
    void operator()(const script::SendIcmp&) const {}
    void operator()(const script::Capture&) const {}
    void operator()(const script::Repeat&) const {}
    void operator()(const script::Block&) const {}
  } entering{*this, step, now};
  std::visit(entering, step.action);
}

Play::Progress Play::run(const Step& step, Instant now) {
  struct {
    Play& play;
    const Step& step;
    Instant now;
    Progress operator()(const script::SendSegment& send) const {
      play.run_send(send, step, now);
      return Progress::done;
    }
    Progress operator()(const script::PeerSend& send) const {
      play.run_peer_send(send, step, now);
      return Progress::done;
    }
    Progress operator()(const script::PlayPeer& peer) const {
      play.run_peer(peer, step, now);
      return Progress::done;
    }
    Progress operator()(const script::SendIcmp& icmp) const {
      play.run_icmp(icmp, step, now);
      return Progress::done;
    }
    Progress operator()(const script::Expect& expect) const { return play.run_expect(expect, step, now); }
    Progress operator()(const script::ExpectStream& stream) const { return play.run_stream(stream, step, now); }
    Progress operator()(const script::Silence& silence) const { return play.run_silence(silence, step, now); }
    Progress operator()(const script::Wait& wait) const {
      if (now < play.step_deadline_) return Progress::waiting;
      play.note(EntryKind::time, Mark::none, &step, play.step_started_,
                fmt::format("wait {}", script::to_string(wait.duration)));
      play.done_at(play.step_deadline_);
      return Progress::done;
    }
    Progress operator()(const script::Capture& capture) const {
      for (const auto& [index, expression] : capture.values)
        play.captures_[static_cast<std::size_t>(index)] = expression.evaluate(play);
      return Progress::done;
    }
    Progress operator()(const script::Repeat& repeat) const {
      play.frames_.push_back({&repeat.steps, 0, repeat.times, false});
      return Progress::done;
    }
    Progress operator()(const script::Block& block) const {
      play.frames_.push_back({&block.steps, 0, 1, false});
      return Progress::done;
    }
    Progress operator()(const script::Call& call) const { return play.run_call(call, step, now); }
    Progress operator()(const script::Result& result) const { return play.run_result(result, step, now); }
  } running{*this, step, now};
  return std::visit(running, step.action);
}

void Play::finish_step(const Step& step) {
  if (!step.mark.empty()) marks_[step.mark] = previous_done_;
  current_ = nullptr;
}

// The script is through: what still comes within the drain, and every completion that
// nothing mentioned, is a deviation too.
void Play::drain(Instant now) {
  if (!draining_) {
    draining_ = true;
    step_started_ = now;
    step_deadline_ = now + test_.drain;
  }
  if (broke_silence(script::Silence::Kind::tolerant)) {
    diverge(nullptr, "the target sent a segment after the last step, and nothing expects it");
    return finish(now);
  }
  if (now < step_deadline_) return;
  judge_unmentioned();
  finish(now);
}

// Steps that were skipped, because an alternative ended the test, would have mentioned
// them: then nothing can be said.
void Play::judge_unmentioned() {
  if (ended_early_) return;
  for (const auto& pending : calls_) {
    if (!pending.result || pending.mentioned) continue;
    note(EntryKind::completion, Mark::unexpected, nullptr, pending.completed.not_after, pending.words);
    return diverge(nullptr, fmt::format("the call `{}` completed, and no step expects that", pending.name));
  }
}

// What came and was looked at by no step: readers want to see it, and it may have
// broken an invariant.
void Play::record_leftovers() {
  for (std::size_t i = 0; i < connections_.size(); ++i)
    for (auto& queue = connections_[i].queue; !queue.empty(); queue.pop_front())
      record_arrival(static_cast<int>(i), std::move(queue.front()), Mark::none, nullptr, nullptr);
  for (; !strays_.empty(); strays_.pop_front())
    record_arrival(0, std::move(strays_.front()), Mark::none, nullptr, nullptr);
}

void Play::finish(Instant now) {
  finished_ = true;
  record_leftovers();
  outcome_.finished = now;
  outcome_.verdict = worst_;
  // Whatever is left of the connection on the target's side ends with a RST, so that no
  // orphan retransmits into the tests that follow.
  for (std::size_t i = 0; i < connections_.size(); ++i) {
    const auto index = static_cast<int>(i);
    if (!connection(index).view.used() || connection(index).target_port == 0) continue;
    auto reset = blank_segment(index);
    reset.flags = packet::Flags::rst | packet::Flags::ack;
    reset.seq = connection(index).view.from_tester_space(connection(index).view.rcv_nxt());
    reset.ack = connection(index).view.from_target_space(connection(index).view.snd_nxt());
    commands_.inject(packet::serialize(reset));
  }
  current_ = nullptr;
}

std::optional<Instant> Play::deadline() const {
  if (finished_) return std::nullopt;
  Instant earliest = step_deadline_;
  for (const auto& own : connections_)
    if (own.side) earliest = std::min(earliest, own.side->peer->deadline().value_or(earliest));
  return earliest;
}

}  // namespace tcpspec::engine
