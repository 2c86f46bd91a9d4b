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

SegmentView view_of(const Bytes& datagram) { return SegmentView{packet::BytesView(datagram)}; }

std::int32_t ahead(std::uint32_t from, std::uint32_t to) { return static_cast<std::int32_t>(to - from); }

}  // namespace

TraceEntry& Play::record_arrival(int index, const Arrival& arrival, Mark mark, const Step* step, const script::ExpectSegment* expected) {
  const auto& view = connection(index).view;
  const auto segment = view_of(arrival.datagram);
  auto& entry = outcome_.trace.emplace_back();
  entry.kind = EntryKind::received;
  entry.mark = mark;
  entry.fixture = step && step->fixture;
  entry.at = arrival.not_after;
  entry.step = step;
  entry.expected = expected;
  entry.connection = index;
  entry.bases = oracle::bases(view);
  if (!view.target_iss_known() && segment.flags().has(Flags::syn)) entry.bases.target_iss = segment.seq();
  entry.packet = arrival.datagram;
  if (expected) entry.scope = snapshot(index);
  return entry;
}

// Takes the head of the queue: only now do the RFC's variables know of it.
void Play::consume(int index, Mark mark, const Step* step, const script::ExpectSegment* expected) {
  auto& own = connection(index);
  record_arrival(index, own.queue.front(), mark, step, expected);
  const Bytes datagram = std::move(own.queue.front().datagram);
  own.queue.pop_front();
  const auto segment = view_of(datagram);
  own.view.consumed(segment);
  check_payload(index, segment);
}

Duration Play::expect_deadline(const script::Expect& expect, const Step& step) const {
  Duration longest = scaled(step.within.value_or(std::chrono::seconds(1)));
  if (step.after) {
    const auto from = step.since.empty() ? previous_done_ : marks_.at(step.since);
    const auto latest = from + scaled(step.after->high + step.after->high / 20) + scaled(setup_.tolerance) * 2 - step_started_;
    longest = step.within ? std::max(longest, latest) : latest;
  }
  for (const auto& alternative : expect.alternatives)
    if (const auto* silence = std::get_if<Duration>(&alternative.accept)) longest = std::max(longest, *silence);
  return longest;
}

// Whether an arrival in (not_before, not_after] can have come in the range of `after`,
// and in the ratio of `gap`. Doubt is the target's.
bool Play::timing_holds(const script::ExpectSegment* expected, const Step& step, Instant not_before, Instant not_after) {
  const auto tolerance = scaled(setup_.tolerance);
  if (step.after) {
    const auto from = step.since.empty() ? previous_done_ : marks_.at(step.since);
    const auto latest = not_after - from;
    const auto earliest = not_before - from;
    if (latest < step.after->low - step.after->low / 20 - tolerance) {
      note(EntryKind::note, Mark::mismatch, &step, not_after, fmt::format("came {} after, too early", script::to_string(latest)), fmt::format("{}..{}", script::to_string(step.after->low), script::to_string(step.after->high)));
      diverge(&step, fmt::format("it came {} after, and not before {} was right", script::to_string(latest), script::to_string(step.after->low)));
      return false;
    }
    if (earliest > scaled(step.after->high + step.after->high / 20) + tolerance) {
      note(EntryKind::note, Mark::mismatch, &step, not_after, fmt::format("came {} after, too late", script::to_string(latest)), fmt::format("{}..{}", script::to_string(step.after->low), script::to_string(step.after->high)));
      diverge(&step, fmt::format("it came {} after, and {} is the latest that is right", script::to_string(latest), script::to_string(step.after->high)));
      return false;
    }
  }
  if (!expected || !expected->gap) return true;
  auto& history = arrivals_[&step];
  history.push_back(not_after);
  if (history.size() < 3) return true;
  const auto now_gap = history.back() - history[history.size() - 2];
  const auto last_gap = history[history.size() - 2] - history[history.size() - 3];
  const auto thousandths = [](Duration a, Duration b) { return b.count() <= 0 ? INT64_MAX : static_cast<std::int64_t>(static_cast<double>(a.count()) * 1000.0 / static_cast<double>(b.count())); };
  const auto low = expected->gap->operands[0].evaluate(*this);
  const auto high = expected->gap->operands[1].evaluate(*this);
  if (thousandths(now_gap + tolerance, last_gap - tolerance) >= low && thousandths(now_gap - tolerance, last_gap + tolerance) <= high) return true;
  const auto words = fmt::format("{} after a gap of {} ({:.2f} times)", script::to_string(now_gap), script::to_string(last_gap), static_cast<double>(thousandths(now_gap, last_gap)) / 1000.0);
  note(EntryKind::note, Mark::mismatch, &step, not_after, words, fmt::format("{} times the gap before", expected->gap->text));
  diverge(&step, fmt::format("the interval is not {} times the one before: {}", expected->gap->text, words));
  return false;
}

Play::Progress Play::run_expect(const script::Expect& expect, const Step& step, Instant now) {
  const int index = step.connection;
  auto& own = connection(index);
  while (!own.queue.empty()) {
    const auto& arrival = own.queue.front();
    const auto segment = view_of(arrival.datagram);
    if (oracle::matches(expect.segment, segment, own.view, *this)) {
      const auto not_before = arrival.not_before, not_after = arrival.not_after;
      capture_fields(step, segment);
      consume(index, Mark::matched, &step, &expect.segment);
      if (timing_holds(&expect.segment, step, not_before, not_after)) previous_done_ = not_after;
      return Progress::done;
    }
    if (take_alternative(expect, step, arrival)) return Progress::done;
    if (tolerated(index, arrival)) {
      consume(index, Mark::tolerated, &step, nullptr);
      continue;
    }
    auto& entry = record_arrival(index, arrival, Mark::mismatch, &step, &expect.segment);
    entry.differences = oracle::differences(expect.segment, segment, own.view, *this);
    diverge(&step, "another segment came than the expected one");
    return Progress::done;
  }
  if (now < step_deadline_) return Progress::waiting;
  if (take_silent_alternative(expect, step, now)) return Progress::done;
  const auto waited = script::to_string(step_deadline_ - step_started_);
  note(EntryKind::missing, Mark::missing, &step, step_deadline_, fmt::format("nothing within {}", waited));
  outcome_.trace.back().expected = &expect.segment;
  outcome_.trace.back().scope = snapshot(index);
  diverge(&step, fmt::format("the expected segment did not come within {}", waited));
  return Progress::done;
}

bool Play::take_alternative(const script::Expect& expect, const Step& step, const Arrival& arrival) {
  const int index = step.connection;
  for (const auto& alternative : expect.alternatives) {
    const auto* other = std::get_if<script::ExpectSegment>(&alternative.accept);
    if (!other || !oracle::matches(*other, view_of(arrival.datagram), connection(index).view, *this)) continue;
    previous_done_ = arrival.not_after;
    consume(index, Mark::alternative, &step, other);
    outcome_.trace.back().comment = alternative.why;
    take_outcome(alternative.outcome, alternative.why, outcome_.trace.size() - 1);
    const bool ends = alternative.then == script::Alternative::Then::end;
    if (!alternative.steps.empty()) frames_.push_back({&alternative.steps, 0, 1, ends});
    else if (ends) frames_.clear();
    return true;
  }
  return false;
}

bool Play::take_silent_alternative(const script::Expect& expect, const Step& step, Instant) {
  for (const auto& alternative : expect.alternatives) {
    const auto* silence = std::get_if<Duration>(&alternative.accept);
    if (!silence) continue;
    note(EntryKind::missing, Mark::alternative, &step, step_deadline_, fmt::format("nothing within {}", script::to_string(*silence)));
    outcome_.trace.back().expected = &expect.segment;
    outcome_.trace.back().scope = snapshot(step.connection);
    outcome_.trace.back().comment = alternative.why;
    take_outcome(alternative.outcome, alternative.why, outcome_.trace.size() - 1);
    previous_done_ = step_deadline_;
    const bool ends = alternative.then == script::Alternative::Then::end;
    if (!alternative.steps.empty()) frames_.push_back({&alternative.steps, 0, 1, ends});
    else if (ends) frames_.clear();
    return true;
  }
  return false;
}

Play::Progress Play::run_stream(const script::ExpectStream& stream, const Step& step, Instant now) {
  const int index = step.connection;
  auto& own = connection(index);
  const bool to_fin = stream.ending == script::ExpectStream::Ending::fin;
  const std::uint32_t goal = stream.data ? static_cast<std::uint32_t>(stream.data->second.evaluate(*this)) + (to_fin ? 1 : 0)
                                         : static_cast<std::uint32_t>(stream.acked->evaluate(*this));
  const auto reached = [&] { return stream.data ? ahead(goal, stream_covered_) >= 0 : ahead(goal, own.view.acked()) >= 0; };
  const auto belongs = [&](const SegmentView& segment) {
    const auto flags = segment.flags().without(Flags::psh | Flags::ece | Flags::cwr);
    if (stream.acked) return flags == Flags(Flags::ack) && segment.payload().empty() && ahead(own.view.in_tester_space(segment.ack()), goal) >= 0;
    const auto from = own.view.in_target_space(segment.seq());
    const auto to = from + segment.length();
    if (!(flags == Flags(Flags::ack)) && !(to_fin && flags == (Flags::ack | Flags::fin))) return false;
    if (flags.has(Flags::fin) && to != goal) return false;
    if (segment.length() == 0 || ahead(from, stream_covered_) < 0 || ahead(to, goal) < 0) return false;
    const bool fresh = ahead(stream_covered_, to) > 0;
    return !fresh || !stream.segment_length || segment.payload().empty() || stream.segment_length->matches(static_cast<std::int64_t>(segment.payload().size()), *this);
  };
  while (!own.queue.empty() && !reached()) {
    const auto& arrival = own.queue.front();
    const auto segment = view_of(arrival.datagram);
    if (belongs(segment)) {
      const auto not_before = arrival.not_before, not_after = arrival.not_after;
      const auto end = own.view.in_target_space(segment.seq()) + segment.length();
      if (stream.data && ahead(stream_covered_, end) > 0) stream_covered_ = end;
      consume(index, Mark::matched, &step, nullptr);
      if (!timing_holds(nullptr, step, not_before, not_after)) return Progress::done;
      previous_done_ = not_after;
      if (stream.data && stream.reply == script::ExpectStream::Reply::ack) acknowledge(index, now);
      continue;
    }
    if (tolerated(index, arrival)) {
      consume(index, Mark::tolerated, &step, nullptr);
      continue;
    }
    auto& entry = record_arrival(index, arrival, Mark::mismatch, &step, nullptr);
    entry.expected_text = stream.data ? fmt::format("data {}..{}{}{}", stream_covered_, goal, to_fin ? " and FIN" : "", stream.segment_length ? ", each len " + stream.segment_length->describe(*this) : "")
                                      : fmt::format("acknowledgements up to {}", goal);
    diverge(&step, "a segment came that is no part of the expected stream");
    return Progress::done;
  }
  if (reached()) return Progress::done;
  if (now < step_deadline_) return Progress::waiting;
  const auto waited = script::to_string(step_deadline_ - step_started_);
  const auto words = stream.data ? fmt::format("data up to {} only, within {}", stream_covered_, waited) : fmt::format("acknowledged up to {} only, within {}", own.view.acked(), waited);
  note(EntryKind::missing, Mark::missing, &step, step_deadline_, words, stream.data ? fmt::format("data up to {}{}", goal, to_fin ? " with FIN" : "") : fmt::format("acknowledgements up to {}", goal));
  diverge(&step, fmt::format("the stream did not get as far as expected within {}", waited));
  return Progress::done;
}

Play::Progress Play::run_silence(const script::Silence& silence, const Step& step, Instant now) {
  if (silence.kind == script::Silence::Kind::strict) {
    for (std::size_t i = 0; i < connections_.size(); ++i)
      if (auto& queue = connections_[i].queue; !queue.empty()) {
        record_arrival(static_cast<int>(i), queue.front(), Mark::unexpected, &step, nullptr).expected_text = "silence";
        diverge(&step, "a segment came where silence is required");
        return Progress::done;
      }
  }
  if (first_untolerated(-1)) {
    diverge(&step, "a segment came where silence is required");
    return Progress::done;
  }
  if (now < step_deadline_) return Progress::waiting;
  note(EntryKind::time, Mark::matched, &step, step_started_, fmt::format("silence for {}", script::to_string(silence.duration)));
  previous_done_ = step_deadline_;
  return Progress::done;
}

// Takes what is tolerated; stops at the first segment that is not, which it records.
bool Play::first_untolerated(int only) {
  for (std::size_t i = 0; i < connections_.size(); ++i) {
    const auto index = static_cast<int>(i);
    if (only >= 0 && index != only) continue;
    auto& queue = connections_[i].queue;
    while (!queue.empty()) {
      if (!tolerated(index, queue.front())) {
        record_arrival(index, queue.front(), Mark::unexpected, current_, nullptr).expected_text = "silence";
        return true;
      }
      consume(index, Mark::tolerated, current_, nullptr);
    }
  }
  if (strays_.empty()) return false;
  record_arrival(0, strays_.front(), Mark::unexpected, current_, nullptr).comment = "to a port that the test does not use, or not a TCP segment";
  return true;
}

bool Play::tolerated(int index, const Arrival& arrival) const {
  const auto& named = test_.tolerate;
  const bool fixture = current_ && current_->fixture;
  const auto allows = [&](Tolerance tolerance) { return named.contains(tolerance) || named.contains(Tolerance::any); };
  switch (connection(index).view.character(view_of(arrival.datagram))) {
    case ConnectionView::Character::advancing_ack: return fixture || allows(Tolerance::ack);
    case ConnectionView::Character::window_update: return fixture || allows(Tolerance::window_update);
    case ConnectionView::Character::duplicate_ack: return allows(Tolerance::duplicate_ack);
    case ConnectionView::Character::retransmission: return allows(Tolerance::retransmission);
    case ConnectionView::Character::probe: return allows(Tolerance::probe);
    case ConnectionView::Character::other: return named.contains(Tolerance::any);
  }
  return false;
}

void Play::capture_fields(const Step& step, const SegmentView& segment) {
  const auto& view = connection(step.connection).view;
  for (const auto& [index, field] : step.captures) {
    auto& value = captures_[static_cast<std::size_t>(index)];
    const bool defines = segment.flags().has(Flags::syn) && !view.target_iss_known();
    if (field == "seq") value = defines ? 0 : view.in_target_space(segment.seq());
    else if (field == "ack") value = view.in_tester_space(segment.ack());
    else if (field == "win") value = segment.window();
    else if (field == "len") value = static_cast<std::int64_t>(segment.payload().size());
    else if (field == "urg") value = segment.urgent();
    else if (field == "ttl") value = segment.ttl();
    else if (field == "tos") value = segment.traffic_class();
    else if (field == "ip_id") value = segment.identification();
    else if (const auto mss = segment.find<packet::Mss>(); field == "mss") value = mss ? mss->value : 0;
    else if (const auto scale = segment.find<packet::WindowScale>(); field == "wscale") value = scale ? scale->shift : 0;
    else if (const auto stamp = segment.find<packet::Timestamps>(); stamp) value = field == "ts_val" ? stamp->value : stamp->echo_reply;
  }
}

// The target sends what its application wrote, each octet at its place in the stream.
void Play::check_payload(int index, const SegmentView& segment) {
  const auto payload = segment.payload();
  if (payload.empty() || segment.flags().has(Flags::rst)) return;
  const auto& view = connection(index).view;
  const auto seq = view.in_target_space(segment.seq());
  // A keep-alive may carry one octet of garbage at an old number (RFC 9293 section 3.8.4, MAY-6).
  if (payload.size() == 1 && seq + 1 == static_cast<std::uint32_t>(view.variable(script::Variable::snd_una))) return;
  const std::uint64_t offset = seq + (segment.flags().has(Flags::syn) ? 1u : 0u) - 1u;
  const auto named = sockets_.find(test_.connections[static_cast<std::size_t>(index)].name);
  if (named == sockets_.end()) return;
  for (std::size_t i = 0; i < payload.size(); ++i) {
    const auto at = offset + i;
    if (at >= named->second.sent) {
      violate("data-was-written", fmt::format("octet {} of the stream, but the application wrote {}", at + 1, named->second.sent), "RFC 9293 section 3.9.1.2", outcome_.trace.size() - 1);
      return;
    }
    if (stream_octet_fits(index, true, at, payload[i])) continue;
    violate("data-intact", fmt::format("octet {} of the stream is not what the application wrote there", at + 1), "RFC 9293 section 3.1", outcome_.trace.size() - 1);
    return;
  }
}

}  // namespace tcpspec::engine
