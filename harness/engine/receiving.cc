// What comes from the target, held against what the script expects.

#include <fmt/format.h>

#include <algorithm>

#include "engine/play.hh"
#include "script/value.hh"

namespace tcpspec::engine {

using oracle::ConnectionView;
using packet::Flags;
using packet::SegmentView;
using script::Step;
using script::Tolerance;

namespace {

SegmentView view_of(const Bytes& datagram) {
  return SegmentView{packet::BytesView(datagram)};
}

std::int32_t ahead(std::uint32_t from, std::uint32_t to) {
  return static_cast<std::int32_t>(to - from);
}

}  // namespace

TraceEntry& Play::record_arrival(int index, Arrival arrival, Mark mark, const Step* step,
                                 const script::ExpectSegment* expected) {
  auto& own = connection(index);
  auto& entry = outcome_.trace.emplace_back();
  entry.kind = EntryKind::received;
  entry.mark = mark;
  entry.fixture = step ? step->fixture : !fixture_done_;
  entry.at = arrival.came.not_after;
  entry.step = step;
  entry.expected = expected;
  entry.connection = index;
  entry.bases = oracle::bases(own.view);
  entry.packet = std::move(arrival.datagram);
  const auto segment = view_of(entry.packet);
  if (!own.view.target_iss_known() && segment.flags().has(Flags::syn)) entry.bases.target_iss = segment.seq();
  if (segment.has_tcp_header() && segment.destination_port() == own.tester_port)
    own.last_recorded = outcome_.trace.size() - 1;
  if (expected) entry.scope = snapshot(index);
  for (const auto& violation : arrival.violations) {
    if (mark != Mark::mismatch && mark != Mark::unexpected) entry.mark = Mark::invariant;
    entry.comment +=
        fmt::format("{}{}: {}", entry.comment.empty() ? "" : "; ", violation.invariant->name, violation.what);
    violate(violation.invariant->name, violation.what, violation.invariant->reference, outcome_.trace.size() - 1);
  }
  return entry;
}

// Takes the head of the queue: only now do the RFC's variables know of it.
TraceEntry& Play::consume(int index, Mark mark, const Step* step, const script::ExpectSegment* expected) {
  auto& own = connection(index);
  auto& entry = record_arrival(index, std::move(own.queue.front()), mark, step, expected);
  own.queue.pop_front();
  const auto segment = view_of(entry.packet);
  check_payload(index, segment);
  own.view.consumed(segment);
  return entry;
}

Play::Progress Play::run_expect(const script::Expect& expect, const Step& step, Instant now) {
  const int index = step.connection;
  auto& own = connection(index);
  while (!own.queue.empty() && !surely_late(own.queue.front())) {
    const auto came = own.queue.front().came;
    const auto segment = view_of(own.queue.front().datagram);
    if (oracle::matches(expect.segment, segment, own.view, *this)) {
      capture_fields(step, segment);
      consume(index, Mark::matched, &step, &expect.segment);
      if (timing_holds(&expect.segment, step, came)) previous_done_ = came;
      return Progress::done;
    }
    if (take_alternative(expect, step)) return Progress::done;
    if (tolerated(index, own.queue.front())) {
      consume(index, Mark::tolerated, &step, nullptr);
      continue;
    }
    // Perhaps the silence was over when it was sent.
    if (came.not_after > step_deadline_ && take_silent_alternative(expect, step)) return Progress::done;
    auto differences = oracle::differences(expect.segment, segment, own.view, *this);
    auto arrival = std::move(own.queue.front());
    own.queue.pop_front();
    record_arrival(index, std::move(arrival), Mark::mismatch, &step, &expect.segment).differences =
        std::move(differences);
    diverge(&step, "another segment came than the expected one");
    return Progress::done;
  }
  if (now < step_deadline_) return Progress::waiting;
  if (take_silent_alternative(expect, step)) return Progress::done;
  const auto waited = script::to_string(step_deadline_ - step_started_);
  note(EntryKind::missing, Mark::missing, &step, step_deadline_, fmt::format("nothing within {}", waited));
  outcome_.trace.back().expected = &expect.segment;
  outcome_.trace.back().scope = snapshot(index);
  diverge(&step, fmt::format("the expected segment did not come within {}", waited));
  return Progress::done;
}

// A segment that an alternative mentions is taken as that alternative even where it
// would be tolerated: tolerance is for what nobody mentions.
bool Play::take_alternative(const script::Expect& expect, const Step& step) {
  const int index = step.connection;
  const auto& arrival = connection(index).queue.front();
  const auto segment = view_of(arrival.datagram);
  for (const auto& alternative : expect.alternatives) {
    const auto* other = std::get_if<script::ExpectSegment>(&alternative.accept);
    if (!other || !oracle::matches(*other, segment, connection(index).view, *this)) continue;
    previous_done_ = arrival.came;
    capture_fields(step, segment);
    auto& entry = consume(index, Mark::alternative, &step, other);
    if (entry.comment.empty()) entry.comment = alternative.why;
    take_outcome(alternative.outcome, alternative.why, outcome_.trace.size() - 1);
    go_on(alternative);
    return true;
  }
  return false;
}

bool Play::take_silent_alternative(const script::Expect& expect, const Step& step) {
  for (const auto& alternative : expect.alternatives) {
    const auto* silence = std::get_if<Duration>(&alternative.accept);
    if (!silence) continue;
    note(EntryKind::missing, Mark::alternative, &step, step_deadline_,
         fmt::format("nothing within {}", script::to_string(*silence)));
    auto& entry = outcome_.trace.back();
    entry.expected = &expect.segment;
    entry.scope = snapshot(step.connection);
    entry.comment = alternative.why;
    take_outcome(alternative.outcome, alternative.why, outcome_.trace.size() - 1);
    done_at(step_deadline_);
    go_on(alternative);
    return true;
  }
  return false;
}

void Play::go_on(const script::Alternative& alternative) {
  const bool ends = alternative.then == script::Alternative::Then::end;
  ended_early_ = ended_early_ || ends;
  if (!alternative.steps.empty())
    frames_.push_back({&alternative.steps, 0, 1, ends});
  else if (ends)
    frames_.clear();
}

// Whether a segment is part of the stream: octets that join on to what came before, or
// repeat it; or an acknowledgement on the way to the goal.
bool Play::belongs(const script::ExpectStream& stream, int index, const SegmentView& segment) const {
  const auto& view = connection(index).view;
  const auto flags = segment.flags().without(Flags::psh | Flags::ece | Flags::cwr);
  const bool to_fin = stream.ending == script::ExpectStream::Ending::fin;
  if (stream.acked)
    return flags == Flags(Flags::ack) && segment.payload().empty() &&
           ahead(view.in_tester_space(segment.ack()), stream_goal_) >= 0;
  const auto from = view.in_target_space(segment.seq());
  const auto to = from + segment.length();
  if (!(flags == Flags(Flags::ack)) && !(to_fin && flags == (Flags::ack | Flags::fin))) return false;
  if (flags.has(Flags::fin) && to != stream_goal_) return false;
  // Without a FIN the last number of the goal, which is the FIN's, cannot be reached.
  if (to_fin && !flags.has(Flags::fin) && ahead(to, stream_goal_) < 1) return false;
  if (segment.length() == 0 || ahead(from, stream_covered_) < 0 || ahead(to, stream_goal_) < 0) return false;
  const bool fresh = ahead(stream_covered_, to) > 0;
  return !fresh || !stream.segment_length || segment.payload().empty() ||
         stream.segment_length->matches(static_cast<std::int64_t>(segment.payload().size()), *this);
}

bool Play::stream_reached(const script::ExpectStream& stream, int index) const {
  return ahead(stream_goal_, stream.data ? stream_covered_ : connection(index).view.acked()) >= 0;
}

Play::Progress Play::run_stream(const script::ExpectStream& stream, const Step& step, Instant now) {
  const int index = step.connection;
  auto& own = connection(index);
  while (!own.queue.empty() && !stream_reached(stream, index) && !surely_late(own.queue.front())) {
    const auto came = own.queue.front().came;
    const auto segment = view_of(own.queue.front().datagram);
    if (belongs(stream, index, segment)) {
      const auto end = own.view.in_target_space(segment.seq()) + segment.length();
      const bool first = ahead(stream_covered_, end) > 0 || stream.acked;
      if (stream.data && first) stream_covered_ = end;
      consume(index, Mark::matched, &step, nullptr);
      if (first && !timing_holds(nullptr, step, came)) return Progress::done;
      previous_done_ = came;
      if (stream.data && stream.reply == script::ExpectStream::Reply::ack) acknowledge(index, now);
    } else if (tolerated(index, own.queue.front())) {
      consume(index, Mark::tolerated, &step, nullptr);
    } else {
      diverge_in_stream(stream, step);
      return Progress::done;
    }
  }
  if (stream_reached(stream, index)) return Progress::done;
  if (now < step_deadline_) return Progress::waiting;
  miss_stream(stream, step);
  return Progress::done;
}

void Play::diverge_in_stream(const script::ExpectStream& stream, const Step& step) {
  auto& queue = connection(step.connection).queue;
  auto arrival = std::move(queue.front());
  queue.pop_front();
  auto& entry = record_arrival(step.connection, std::move(arrival), Mark::mismatch, &step, nullptr);
  if (stream.data)
    entry.expected_text =
        fmt::format("data {}..{}{}{}", stream_covered_, stream_goal_,
                    stream.ending == script::ExpectStream::Ending::fin ? " and FIN" : "",
                    stream.segment_length ? ", each len " + stream.segment_length->describe(*this) : "");
  else
    entry.expected_text = fmt::format("acknowledgements up to {}", stream_goal_);
  diverge(&step, "a segment came that is no part of the expected stream");
}

void Play::miss_stream(const script::ExpectStream& stream, const Step& step) {
  const auto waited = script::to_string(step_deadline_ - step_started_);
  const bool to_fin = stream.ending == script::ExpectStream::Ending::fin;
  if (stream.data)
    note(EntryKind::missing, Mark::missing, &step, step_deadline_,
         fmt::format("data up to {} only, within {}", stream_covered_, waited),
         fmt::format("data up to {}{}", stream_goal_, to_fin ? " with FIN" : ""));
  else
    note(EntryKind::missing, Mark::missing, &step, step_deadline_,
         fmt::format("acknowledged up to {} only, within {}", connection(step.connection).view.acked(), waited),
         fmt::format("acknowledgements up to {}", stream_goal_));
  diverge(&step, fmt::format("the stream did not get as far as expected within {}", waited));
}

Play::Progress Play::run_silence(const script::Silence& silence, const Step& step, Instant now) {
  if (broke_silence(silence.kind)) {
    diverge(&step, "a segment came where silence is required");
    return Progress::done;
  }
  if (now < step_deadline_) return Progress::waiting;
  note(EntryKind::time, Mark::matched, &step, step_started_,
       fmt::format("silence for {}", script::to_string(silence.duration)));
  done_at(step_deadline_);
  return Progress::done;
}

// Takes what is tolerated, and stops at the first segment that is not, which it records.
// What may have been sent behind the deadline stays for the steps that follow. A strict
// silence tolerates only what had come before it began.
bool Play::broke_silence(script::Silence::Kind kind) {
  const bool strict = kind == script::Silence::Kind::strict;
  for (std::size_t i = 0; i < connections_.size(); ++i) {
    const auto index = static_cast<int>(i);
    auto& queue = connections_[i].queue;
    while (!queue.empty() && queue.front().came.not_after <= step_deadline_) {
      const bool allowed = tolerated(index, queue.front()) && !(strict && queue.front().serial > step_arrivals_);
      if (allowed) {
        consume(index, Mark::tolerated, current_, nullptr);
        continue;
      }
      auto arrival = std::move(queue.front());
      queue.pop_front();
      record_arrival(index, std::move(arrival), Mark::unexpected, current_, nullptr).expected_text = "silence";
      return true;
    }
  }
  if (test_.tolerate.contains(Tolerance::any) && !strict) return false;
  if (strays_.empty() || strays_.front().came.not_after > step_deadline_) return false;
  auto arrival = std::move(strays_.front());
  strays_.pop_front();
  auto& entry = record_arrival(0, std::move(arrival), Mark::unexpected, current_, nullptr);
  entry.expected_text = "silence";
  if (entry.comment.empty()) entry.comment = "to a port that the test does not use, or not a TCP segment";
  return true;
}

bool Play::tolerated(int index, const Arrival& arrival) const {
  const auto& named = test_.tolerate;
  const bool fixture = current_ && current_->fixture;
  const auto allows = [&](Tolerance tolerance) { return named.contains(tolerance) || named.contains(Tolerance::any); };
  switch (connection(index).view.character(view_of(arrival.datagram))) {
    case ConnectionView::Character::advancing_ack:
      return fixture || allows(Tolerance::ack);
    case ConnectionView::Character::window_update:
      return fixture || allows(Tolerance::window_update);
    case ConnectionView::Character::duplicate_ack:
      return allows(Tolerance::duplicate_ack);
    case ConnectionView::Character::retransmission:
      return allows(Tolerance::retransmission);
    case ConnectionView::Character::probe:
      return allows(Tolerance::probe);
    case ConnectionView::Character::other:
      return named.contains(Tolerance::any);
  }
  return false;
}

void Play::capture_fields(const Step& step, const SegmentView& segment) {
  const auto& view = connection(step.connection).view;
  for (const auto& [index, field] : step.captures) {
    auto& value = captures_[static_cast<std::size_t>(index)];
    const bool defines = segment.flags().has(Flags::syn) && !view.target_iss_known();
    if (field == "seq")
      value = defines ? 0 : view.in_target_space(segment.seq());
    else if (field == "ack")
      value = view.in_tester_space(segment.ack());
    else if (field == "win")
      value = segment.window();
    else if (field == "len")
      value = static_cast<std::int64_t>(segment.payload().size());
    else if (field == "urg")
      value = segment.urgent();
    else if (field == "ttl")
      value = segment.ttl();
    else if (field == "tos")
      value = segment.traffic_class();
    else if (field == "ip_id")
      value = segment.identification();
    else if (const auto mss = segment.find<packet::Mss>(); field == "mss")
      value = mss ? mss->value : 0;
    else if (const auto scale = segment.find<packet::WindowScale>(); field == "wscale")
      value = scale ? scale->shift : 0;
    else if (const auto stamp = segment.find<packet::Timestamps>(); stamp)
      value = field == "ts_val" ? stamp->value : stamp->echo_reply;
  }
}

// The target sends what its application wrote, each octet at its place in the stream.
void Play::check_payload(int index, const SegmentView& segment) {
  const auto payload = segment.payload();
  if (payload.empty() || segment.flags().has(Flags::rst)) return;
  const auto& view = connection(index).view;
  const auto seq = view.in_target_space(segment.seq());
  // Of an earlier incarnation, or of a later one that the script does not know: its numbers are not in this space.
  if (!view.target_iss_known() || view.target_began_again()) return;
  // A keep-alive may carry one octet of garbage at the last number (RFC 9293 section 3.8.4, MAY-6), but only where
  // nothing is in flight (MUST-26): else it is the last octet once more.
  const auto una = static_cast<std::uint32_t>(view.variable(script::Variable::snd_una));
  if (payload.size() == 1 && seq + 1 == una && una == view.snd_nxt()) return;
  const std::uint64_t offset = seq + (segment.flags().has(Flags::syn) ? 1u : 0u) - 1u;
  const auto named = sockets_.find(test_.connections[static_cast<std::size_t>(index)].name);
  if (named == sockets_.end() || !named->second.sent_known) return;
  for (std::size_t i = 0; i < payload.size(); ++i) {
    const auto at = offset + i;
    if (at >= named->second.sent) {
      violate("data-was-written",
              fmt::format("octet {} of the stream, but the application wrote {}", at + 1, named->second.sent),
              "RFC 9293 section 3.9.1.2", outcome_.trace.size() - 1);
      return;
    }
    if (stream_octet_fits(index, true, at, payload[i])) continue;
    violate("data-intact", fmt::format("octet {} of the stream is not what the application wrote there", at + 1),
            "RFC 9293 section 3.1", outcome_.trace.size() - 1);
    return;
  }
}

}  // namespace tcpspec::engine
