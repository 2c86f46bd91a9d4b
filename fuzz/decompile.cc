#include "fuzz/decompile.hh"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <utility>

#include "fuzz/fixture.hh"
#include "fuzz/sides.hh"
#include "fuzz/wording.hh"

namespace tcpspec::fuzz {

namespace {

using packet::Instant;
using std::chrono::milliseconds;
using std::chrono::seconds;

// What a test of the language has where it says nothing.
constexpr Duration usual_drain = milliseconds(150);
constexpr Duration usual_within = seconds(1);
// Durations are floating-point numbers of nanoseconds when they are read: these are read exactly.
constexpr Duration longest_wait = std::chrono::hours(24 * 50);

YAML::Node one(const char* key, const YAML::Node& value) {
  YAML::Node out(YAML::NodeType::Map);
  out[key] = value;
  return out;
}

// Puts entries of one record into words, in order. Counts as the player did.
class Teller {
 public:
  Teller(const Program& program, const Played& played, const Telling& telling, const Names& names, Detail detail,
         std::vector<YAML::Node>& out)
      : program_(program),
        played_(played),
        names_(names),
        detail_(detail),
        out_(out),
        grain_(telling.grain),
        sides_(program.family, packet_mtu, telling.seed),
        told_(played.entries.size()) {
    for (const auto& declared : program.connections) {
      std::optional<packet::Seq32> iss;
      if (declared.iss && declared.tuple_of < 0) iss = packet::Seq32(static_cast<std::uint32_t>(declared.iss->offset));
      sides_.add(declared.tuple_of, iss);
    }
    clock_ = played.started;
    for (std::size_t i = 0; i < played.fixture_steps; ++i)
      if (const auto* pause = std::get_if<Pause>(&played.steps[i].action)) clock_ += pause->length;
  }

  void tell(std::size_t from, std::size_t to) {
    end_ = to;
    for (auto i = from; i < to;) {
      const auto end = end_of_stream(i, to);
      if (end - i >= least_of_a_stream) {
        tell_stream(i, end);
        i = end;
      } else {
        take(i++, true);
      }
    }
  }
  // Counts only.
  void pass_over(std::size_t from, std::size_t to) {
    for (auto i = from; i < to; ++i) take(i, false);
  }
  void wait_until(Instant until) {
    auto left = until - clock_;
    if (grain_ > Duration{}) left -= left % grain_;
    for (Duration length; left > Duration{}; left -= length) {
      length = std::min(left, longest_wait);
      out_.push_back(one("wait", YAML::Node(words_of(length))));
    }
    clock_ = std::max(clock_, until);
  }
  [[nodiscard]] Instant clock() const { return clock_; }
  void set_clock(Instant clock) { clock_ = clock; }
  // Goes on where another record has been told so far.
  void take_over_names(const Teller& other) {
    names_of_calls_ = other.names_of_calls_;
    counts_ = other.counts_;
  }

 private:
  static constexpr std::uint16_t packet_mtu = 1500;
  // So many segments are read more easily as one.
  static constexpr std::size_t least_of_a_stream = 4;

  void take(std::size_t index, bool tells) {
    const auto& entry = played_.entries[index];
    const bool told = tells && entry.step >= played_.fixture_steps;
    begin_steps(entry, told);
    switch (entry.kind) {
      case Entry::Kind::sent:
        activate(entry.connection);
        if (told) tell_sent(entry);
        count_sent(entry);
        break;
      case Entry::Kind::answered:
        if (told && entry.connection >= 0) tell_answer(entry);
        sides_.take(entry.connection, entry.datagram);
        break;
      case Entry::Kind::called:
        activate(entry.connection);
        if (told) tell_call(index);
        break;
      case Entry::Kind::completed:
        if (told && !told_[index]) tell_completion(entry);
        break;
      case Entry::Kind::paused:
        break;
    }
  }

  Sides::Side& side(int connection) { return sides_[static_cast<std::size_t>(connection)]; }

  // A step that sent nothing, for want of something to quote, has begun its connection all the same.
  void begin_steps(const Entry& entry, bool told) {
    for (; begun_ < entry.step; ++begun_) {
      const auto connection = played_.steps[begun_].connection;
      if (!sides_.takes_over(connection)) continue;
      activate(connection);
      if (told) add(one("wait", YAML::Node(words_of(Duration{}))), connection);
    }
  }

  void activate(int connection) {
    const auto index = static_cast<std::size_t>(connection);
    if (!sides_.takes_over(index)) return;
    const auto& declared = program_.connections[index];
    const auto& old = sides_[static_cast<std::size_t>(declared.tuple_of)].view;
    if (declared.iss) sides_.begin(index, old.from_tester_space(value_of(*declared.iss, old)));
    sides_.take_over(index);
  }

  void add(YAML::Node step, int connection) {
    if (connection != 0) step["on"] = names_.connection(static_cast<std::size_t>(connection));
    step.SetStyle(step.size() > 1 ? YAML::EmitterStyle::Flow : YAML::EmitterStyle::Block);
    out_.push_back(std::move(step));
  }

  void tell_sent(const Entry& entry) {
    wait_until(entry.at);
    const auto& action = played_.steps[entry.step].action;
    if (const auto* send = std::get_if<SendSegment>(&action)) add(one("send", words_of(*send)), entry.connection);
    if (const auto* icmp = std::get_if<SendIcmp>(&action)) add(one("icmp", words_of(*icmp)), entry.connection);
  }

  // What was written is not always what can be read again: what counts is what was meant.
  void count_sent(const Entry& entry) {
    const auto* send = std::get_if<SendSegment>(&played_.steps[entry.step].action);
    if (send == nullptr) return;
    auto& view = side(entry.connection).view;
    const bool refused = send->ignored || breaks(send->malformation);
    packet::Segment segment;
    segment.flags = send->flags;
    if (!refused) segment = meant(*send, entry, view);
    view.sent(segment, refused ? oracle::Acceptance::refused : oracle::Acceptance::expected, entry.at);
  }

  packet::Segment meant(const SendSegment& send, const Entry& entry, const oracle::ConnectionView& view) const {
    const packet::SegmentView written(entry.datagram);
    packet::Segment out;
    out.flags = send.flags;
    out.seq = written.seq();
    out.ack = written.ack();
    out.window = written.window();
    // Where options are longer than the header can say, the text is not where it seems to be.
    out.payload.resize(send.literal.empty()
                           ? static_cast<std::size_t>(std::clamp<std::int64_t>(value_of(send.length, view), 0, 65'000))
                           : send.literal.size());
    const auto elapsed = std::chrono::duration_cast<milliseconds>(entry.at - played_.started).count();
    const packet::Timestamps own{engine::first_timestamp + static_cast<std::uint32_t>(elapsed),
                                 view.target_timestamp()};
    if (send.options)
      for (const auto& item : *send.options) out.options.push_back(option_of(item, view, own));
    else if (view.timestamps_in_force() && !send.flags.has(packet::Flags::syn))
      out.options = {own};
    return out;
  }

  void tell_answer(const Entry& entry) {
    auto step = one("expect", words_of(packet::SegmentView(entry.datagram), side(entry.connection).view, detail_));
    say_patience(step, entry.at);
    add(std::move(step), entry.connection);
  }

  // Behind the segments from here on that are new text, one after the other, and come at once.
  [[nodiscard]] std::size_t end_of_stream(std::size_t from, std::size_t to) const {
    const auto& first = played_.entries[from];
    if (first.kind != Entry::Kind::answered || first.connection < 0 || first.step < played_.fixture_steps) return from;
    const auto& view = sides_[static_cast<std::size_t>(first.connection)].view;
    if (!view.target_iss_known()) return from;
    auto next = view.snd_nxt();
    auto i = from;
    for (; i < to; ++i) {
      const auto& entry = played_.entries[i];
      const packet::SegmentView segment(entry.datagram);
      if (entry.kind != Entry::Kind::answered || entry.connection != first.connection || entry.at - first.at > grain_)
        break;
      if (segment.flags().without(packet::Flags::psh) != packet::Flags(packet::Flags::ack)) break;
      if (segment.payload().empty() || view.in_target_space(segment.seq()) != next) break;
      if (view.in_tester_space(segment.ack()) != view.rcv_nxt()) break;
      next += segment.length();
    }
    return i;
  }

  void tell_stream(std::size_t from, std::size_t to) {
    const auto& first = played_.entries[from];
    std::size_t octets = 0, longest = 0;
    for (auto i = from; i < to; ++i) {
      const auto length = packet::SegmentView(played_.entries[i].datagram).payload().size();
      octets += length;
      longest = std::max(longest, length);
    }
    YAML::Node stream(YAML::NodeType::Map);
    stream.SetStyle(YAML::EmitterStyle::Flow);
    stream["data"] = fmt::format("snd_nxt..snd_nxt + {}", octets);
    stream["len"] = fmt::format("<= {}", longest);
    auto step = one("expect-stream", stream);
    say_patience(step, first.at);
    add(std::move(step), first.connection);
    pass_over(from, to);
  }

  // Twice as long as it took, where that is more than what is given anyway.
  void say_patience(YAML::Node& step, Instant at) {
    const auto took = at - clock_;
    if (took <= Duration{} && detail_.at_once) {
      step["within"] = words_of(Duration(std::chrono::milliseconds(1)));
    } else if (2 * took > usual_within) {
      const auto whole = std::chrono::ceil<seconds>(2 * took);
      step["within"] = words_of(std::min<Duration>(whole, std::max(took, longest_wait)));
    }
    clock_ = std::max(clock_, at);
  }

  // Whether it completes before anything else is done, and before time passes.
  std::optional<std::size_t> completion_at_once(std::size_t index) const {
    const auto& called = played_.entries[index];
    for (auto i = index + 1; i < end_; ++i) {
      const auto& entry = played_.entries[i];
      if (entry.at - called.at > grain_) break;
      if (entry.kind == Entry::Kind::completed && entry.call == called.call) return i;
      if (entry.kind != Entry::Kind::completed && entry.kind != Entry::Kind::answered) break;
    }
    return std::nullopt;
  }

  void tell_call(std::size_t index) {
    const auto& entry = played_.entries[index];
    wait_until(entry.at);
    const auto& call = std::get<Call>(played_.steps[entry.call].action);
    auto step = words_of(call, static_cast<std::uint8_t>(entry.connection), names_);
    if (!step.IsMap()) return;
    if (const auto completion = completion_at_once(index)) {
      told_[*completion] = true;
      const auto is = words_of(call, played_.entries[*completion].result);
      if (!is.empty()) step["is"] = is;
    } else {
      step["as"] = name_call(entry.call, call.kind);
    }
    add(std::move(step), entry.connection);
  }

  std::string name_call(std::uint32_t step, Call::Kind kind) {
    static constexpr std::array<std::string_view, 13> words = {
        "listening",     "connecting", "accepting", "sending", "receiving", "shutting", "shutting-read",
        "shutting-both", "closing",    "aborting",  "setting", "getting",   "asking"};
    const auto word = words[static_cast<std::size_t>(kind)];
    const auto count = ++counts_[kind];
    return names_of_calls_[step] = count == 1 ? std::string(word) : fmt::format("{}-{}", word, count);
  }

  void tell_completion(const Entry& entry) {
    const auto& call = std::get<Call>(played_.steps[entry.call].action);
    const auto named = names_of_calls_.find(entry.call);
    // That of the language's own fixtures.
    const bool of_fixture = entry.call < played_.fixture_steps && call.kind == Call::Kind::connect;
    if (named == names_of_calls_.end() && !of_fixture) return;
    auto step = one("result", YAML::Node(of_fixture ? "opening" : named->second));
    // Without a word about it, a result is one without error.
    auto is = words_of(call, entry.result);
    if (call.kind == Call::Kind::receive && is.empty()) is = std::to_string(entry.result.value);
    if (!is.empty()) step["is"] = is;
    say_patience(step, entry.at);
    add(std::move(step), 0);
  }

  const Program& program_;
  const Played& played_;
  const Names& names_;
  Detail detail_;
  std::vector<YAML::Node>& out_;
  Duration grain_;
  Sides sides_;
  Instant clock_;
  std::uint32_t begun_ = 0;  // steps
  std::size_t end_ = 0;      // of the entries that are told
  std::vector<bool> told_;   // completions, beside their calls
  std::map<Call::Kind, int> counts_;
  std::map<std::uint32_t, std::string> names_of_calls_;
};

// Where the step of this entry ends.
std::size_t end_of_step(const Played& played, std::size_t entry, std::uint32_t step) {
  while (entry < played.entries.size() && played.entries[entry].step <= step) ++entry;
  return entry;
}

bool has_strays(const Played& played) {
  return std::ranges::any_of(
      played.entries, [](const Entry& entry) { return entry.kind == Entry::Kind::answered && entry.connection < 0; });
}

// Whether a socket listens at the end, as far as the calls show.
bool listens(const Played& played) {
  bool out = false;
  for (const auto& entry : played.entries) {
    if (entry.kind != Entry::Kind::completed || entry.result.error != 0) continue;
    const auto& call = std::get<Call>(played.steps[entry.call].action);
    if (call.kind == Call::Kind::listen) out = true;
    if (call.socket == 0 && (call.kind == Call::Kind::close || call.kind == Call::Kind::abort)) out = false;
  }
  return out;
}

std::string_view word_for(script::Level level) {
  switch (level) {
    case script::Level::must:
      return "MUST";
    case script::Level::should:
      return "SHOULD";
    case script::Level::may:
      return "MAY";
    case script::Level::practice:
      return "PRACTICE";
  }
  return "PRACTICE";
}

struct Body {
  std::vector<YAML::Node> steps;
  std::optional<Duration> drain;
};

Body tell(const Program& program, const Played& played, const Telling& telling, const Names& names) {
  Body out;
  Teller teller(program, played, telling, names, {}, out.steps);
  if (telling.parting) {
    const auto& parting = *telling.parting;
    const auto& other = *parting.other;
    teller.tell(0, std::min(parting.entry, played.entries.size()));
    Teller others(program, other, telling, names, {parting.windows, parting.options, parting.at_once}, out.steps);
    others.take_over_names(teller);
    const auto from = std::min(parting.others_entry, other.entries.size());
    others.pass_over(0, from);
    others.set_clock(other.started + (teller.clock() - played.started));
    auto step = std::numeric_limits<std::uint32_t>::max();
    if (parting.entry < played.entries.size()) step = played.entries[parting.entry].step;
    if (from < other.entries.size()) step = std::min(step, other.entries[from].step);
    others.tell(from, end_of_step(other, from, std::max(step, parting.until)));
    return out;
  }
  teller.tell(0, played.entries.size());
  // A quiet end is what a test has anyway.
  const auto quiet = played.ended - teller.clock();
  if (quiet >= usual_drain) {
    teller.wait_until(played.ended - usual_drain);
  } else {
    teller.wait_until(played.ended);
    out.drain = Duration{};
  }
  if (telling.alive) {
    out.steps.push_back(one("alive", YAML::Node(listens(played) ? "LISTEN" : "CLOSED")));
    out.drain.reset();
  }
  if (played.failure || played.flooded) out.drain.reset();  // so that its end is waited for
  return out;
}

YAML::Node connections_of(const Program& program, const Names& names) {
  YAML::Node out(YAML::NodeType::Map);
  out.SetStyle(YAML::EmitterStyle::Flow);
  for (std::size_t i = 0; i < program.connections.size(); ++i) {
    const auto& declared = program.connections[i];
    YAML::Node settings(YAML::NodeType::Map);
    settings.SetStyle(YAML::EmitterStyle::Flow);
    if (declared.tuple_of >= 0) settings["tuple"] = names.connection(static_cast<std::size_t>(declared.tuple_of));
    if (declared.iss && declared.tuple_of >= 0)
      settings["iss"] = words_of(*declared.iss);
    else if (declared.iss)
      settings["iss"] = static_cast<std::uint32_t>(declared.iss->offset);
    out[names.connection(i)] = settings;
  }
  return out;
}

std::string as_comments(const std::vector<std::string>& comments) {
  std::string out;
  for (const auto& comment : comments) {
    out += "# ";
    for (const char letter : comment) {
      if (letter == '\n')
        out += "\n# ";
      else if (static_cast<unsigned char>(letter) >= ' ' || letter == '\t')
        out += letter;
    }
    out += '\n';
  }
  return out;
}

}  // namespace

std::string to_yaml(const Program& program, const Played& played, const Telling& telling) {
  const Names names(program.connections.size());
  const auto body = tell(program, played, telling, names);
  YAML::Emitter out;
  out << YAML::BeginMap << YAML::Key << "suite" << YAML::Value << telling.suite;
  out << YAML::Key << "tests" << YAML::Value << YAML::BeginSeq << YAML::BeginMap;
  const auto say = [&out](const char* key, const auto& value) { out << YAML::Key << key << YAML::Value << value; };
  say("id", telling.id);
  say("about", telling.about);
  if (telling.requirements.size() == 1)
    say("requirement", telling.requirements.front());
  else
    say("requirement", YAML::Node(telling.requirements));
  if (telling.level) say("level", std::string(word_for(*telling.level)));
  if (program.family == packet::Family::ipv6) say("family", "ipv6");
  if (program.connections.size() > 1 || program.connections.front().iss)
    say("connections", connections_of(program, names));
  if (program.fixture.state != script::State::closed) say("given", YAML::Load(given_of(program.fixture)));
  // What another stack answers where this one died is its own affair.
  if (has_strays(played) || telling.alive || played.failure || played.flooded)
    say("tolerate", "any");
  else if (telling.parting)
    say("tolerate", "nothing");
  if (body.drain) say("drain", words_of(*body.drain));
  out << YAML::Key << "steps" << YAML::Value << YAML::BeginSeq;
  for (const auto& step : body.steps) out << step;
  out << YAML::EndSeq << YAML::EndMap << YAML::EndSeq << YAML::EndMap;
  return as_comments(telling.comments) + out.c_str() + "\n";
}

}  // namespace tcpspec::fuzz
