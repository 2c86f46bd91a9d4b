#include "script/step_loader.hh"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cctype>

namespace tcpspec::script {

int TestContext::connection(const Value& name) {
  const auto text = name.text();
  const auto found = std::find(names.connections.begin(), names.connections.end(), text);
  if (found != names.connections.end()) return static_cast<int>(found - names.connections.begin());
  const auto near = nearest(text, {names.connections.begin(), names.connections.end()});
  name.complain(fmt::format("there is no connection `{}`", text),
                near.empty()
                    ? fmt::format("declare it under `connections:`; known here: {}", fmt::join(names.connections, ", "))
                    : fmt::format("did you mean `{}`?", near));
  return 0;
}

bool is_identifier(std::string_view name) {
  return !name.empty() && std::islower(static_cast<unsigned char>(name[0])) &&
         std::all_of(name.begin(), name.end(),
                     [](unsigned char c) { return std::islower(c) || std::isdigit(c) || c == '_'; });
}

namespace {

// Words that mean something else where a captured number may stand.
bool is_reserved(std::string_view name) {
  for (int i = 0; i <= static_cast<int>(Variable::ts_val); ++i)
    if (to_string(static_cast<Variable>(i)) == name) return true;
  constexpr std::array<std::string_view, 9> kWords = {"min",    "max",  "any", "not", "present",
                                                      "absent", "none", "ok",  "eof"};
  return std::find(kWords.begin(), kWords.end(), name) != kWords.end();
}

}  // namespace

int TestContext::declare_capture(const Value& value) {
  const auto name = value.text();
  if (value.is_scalar() && !is_identifier(name))
    value.complain(fmt::format("`{}` cannot be a name", name),
                   "lower-case letters, digits and `_`, beginning with a letter");
  else if (is_reserved(name))
    value.complain(fmt::format("`{}` means something else already", name), "choose another name");
  const auto found = std::find(names.captures.begin(), names.captures.end(), name);
  if (found != names.captures.end()) return static_cast<int>(found - names.captures.begin());
  names.captures.push_back(name);
  return static_cast<int>(names.captures.size()) - 1;
}

bool TestContext::is_pending(const std::string& call) const {
  const auto found = started.find(call);
  return found != started.end() && found->second > 0;
}

namespace {

constexpr std::array<std::string_view, 12> kFields = {"seq",    "ack",    "win",    "len", "urg", "mss",
                                                      "wscale", "ts_val", "ts_ecr", "ttl", "tos", "ip_id"};

// `capture: {isn: seq}` behind an expectation: fields of the segment that matched.
void load_field_captures(const Value& step, TestContext& context, Step& out) {
  const auto capture = step.find("capture");
  if (!capture) return;
  if (!capture->is_map())
    return capture->complain("`capture` maps names to fields of the segment", "capture: {isn: seq, window: win}");
  for (const auto& [name, field] : capture->entries()) {
    const auto text = field.text();
    if (std::find(kFields.begin(), kFields.end(), text) == kFields.end())
      field.complain(fmt::format("a segment has no field `{}` to capture", text),
                     fmt::format("one of: {}", fmt::join(kFields, ", ")));
    out.captures.emplace_back(context.declare_capture(name), text);
  }
}

std::vector<Alternative> load_alternatives(const Value& list, TestContext& context) {
  std::vector<Alternative> out;
  for (const auto& item : list.items()) {
    if (!item.check_keys("an alternative", {"expect", "silence", "outcome", "why", "then"})) continue;
    Alternative alternative;
    alternative.where = item.where();
    const auto expect = item.find("expect");
    const auto silence = item.find("silence");
    if (expect.has_value() == silence.has_value())
      item.complain("an alternative says either `expect` or `silence`",
                    "or: [{expect: {flags: R}, outcome: warn, why: ...}]");
    if (expect) alternative.accept = load_expect(*expect, context.names);
    if (silence) alternative.accept = silence->duration();
    alternative.outcome = load_outcome(item);
    if (const auto why = item.find("why"))
      alternative.why = why->text();
    else
      item.complain("an alternative says `why` it is acceptable", "why: RFC 793 behaviour");
    if (const auto then = item.find("then")) {
      if (then->is_list()) {
        // The test ends with these steps: what they start, mark or reach is not known behind them.
        if (!context.complaints->spend(context.marks.size() + context.started.size() + context.names.captures.size(),
                                       item.where()))
          break;
        auto branch = context;
        alternative.steps = load_steps(*then, branch);
        context.names = std::move(branch.names);
        alternative.then = Alternative::Then::end;
      } else {
        alternative.then = then->choice<Alternative::Then>(
            "continuation", {{"continue", Alternative::Then::go_on}, {"end", Alternative::Then::end}});
      }
    }
    out.push_back(std::move(alternative));
  }
  return out;
}

void load_expect_step(const Value& step, const Value& value, TestContext& context, Step& out) {
  Expect expect;
  expect.segment = load_expect(value, context.names);
  if (const auto alternatives = step.find("or")) expect.alternatives = load_alternatives(*alternatives, context);
  out.action = std::move(expect);
  load_field_captures(step, context, out);
}

std::pair<Expression, Expression> load_span(const Value& value, const Names& names) {
  const auto match = value.number_match(names);
  if (match.kind == NumberMatch::Kind::range) {
    const auto from = match.operands[0].constant(), to = match.operands[1].constant();
    if (from && to && *from == *to)
      value.complain(fmt::format("`{}` holds no octet", match.text),
                     "the end is not included: data: 1..2001 are 2000 octets");
    return {match.operands[0], match.operands[1]};
  }
  // A text that could not be read has its complaint already.
  if (match.kind != NumberMatch::Kind::any || match.text != value.text_or("") || value.is_list() || match.text == "any")
    value.complain(fmt::format("`{}` is not a span of the stream", match.text),
                   "from and to, the end not included: data: 1..2001");
  return {Expression(0), Expression(0)};
}

void load_stream_step(const Value& value, TestContext& context, Step& out) {
  const bool peer = context.peers.contains(out.connection);
  ExpectStream stream;
  if (value.check_keys("`expect-stream`", {"data", "acked", "len", "reply", "fin"})) {
    if (const auto data = value.find("data")) stream.data = load_span(*data, context.names);
    if (const auto acked = value.find("acked")) stream.acked = acked->expression(context.names);
    if (stream.data.has_value() == stream.acked.has_value())
      value.complain("`expect-stream` says either `data` or `acked`", "expect-stream: {data: 1..2001}");
    if (const auto length = value.find("len")) stream.segment_length = length->number_match(context.names);
    if (const auto fin = value.find("fin"); fin && fin->yes_or_no()) stream.ending = ExpectStream::Ending::fin;
    if (const auto reply = value.find("reply"))
      stream.reply = reply->choice<ExpectStream::Reply>(
          "reply", {{"none", ExpectStream::Reply::none}, {"ack", ExpectStream::Reply::ack}});
    if (peer && stream.reply == ExpectStream::Reply::ack)
      value.find("reply")->complain("the peer acknowledges by itself", "leave `reply` out");
  }
  out.action = std::move(stream);
}

void load_silence_step(const Value& value, Step& out) {
  Silence silence;
  if (value.is_map()) {
    value.check_keys("`silence`", {"for", "strict"});
    if (const auto duration = value.find("for"))
      silence.duration = duration->duration();
    else
      value.complain("`silence` says how long", "silence: {for: 500ms, strict: true}");
    if (const auto strict = value.find("strict"))
      silence.kind = strict->yes_or_no() ? Silence::Kind::strict : Silence::Kind::tolerant;
  } else {
    silence.duration = value.duration();
  }
  out.action = silence;
}

void load_capture_step(const Value& value, TestContext& context, Step& out) {
  Capture capture;
  if (!value.is_map()) value.complain("`capture` maps names to expressions", "capture: {before: snd_nxt}");
  for (const auto& [name, expression] : value.entries()) {
    auto parsed = expression.expression(context.names);
    capture.values.emplace_back(context.declare_capture(name), std::move(parsed));
  }
  out.action = std::move(capture);
}

// The steps were read once and are played `times` times.
void multiply_started(const Value& value, const std::map<std::string, int>& before, int times, TestContext& context) {
  for (auto& [name, count] : context.started) {
    const auto found = before.find(name);
    const std::int64_t first = found == before.end() ? 0 : found->second;
    const std::int64_t last = first + (count - first) * times;
    if (last < 0)
      value.complain(fmt::format("`{}` completes more often than it was started", name),
                     "start the call inside of the `repeat` too");
    count = static_cast<int>(std::clamp<std::int64_t>(last, 0, 1'000'000));
  }
}

void load_repeat_step(const Value& value, TestContext& context, Step& out) {
  Repeat repeat;
  if (value.check_keys("`repeat`", {"times", "steps"})) {
    if (const auto times = value.find("times"))
      repeat.times = static_cast<int>(times->integer(1, 10'000));
    else
      value.complain("`repeat` says how many `times`", "repeat: {times: 5, steps: [...]}");
    if (const auto steps = value.find("steps")) {
      if (!context.complaints->spend(context.started.size(), value.where())) return;
      const auto before = context.started;
      const auto peers = context.peers;
      repeat.steps = load_steps(*steps, context);
      // The steps are read once, for all rounds.
      if (context.peers != peers)
        steps->complain("the rounds of a `repeat` begin with one side played by a peer, and end otherwise",
                        "let `peer: auto` and `peer: off` stand outside of the `repeat`");
      multiply_started(value, before, repeat.times, context);
    } else {
      value.complain("`repeat` wants `steps`", "repeat: {times: 5, steps: [...]}");
    }
  }
  out.action = std::move(repeat);
}

void complete(const Value& value, const std::string& name, TestContext& context) {
  const auto started = context.started.find(name);
  if (started != context.started.end() && started->second > 0) {
    --started->second;
    return;
  }
  if (started != context.started.end())
    return value.complain(fmt::format("the call `{}` has completed already", name),
                          "each call that was started `as:` a name has one `result`");
  std::vector<std::string_view> known;
  for (const auto& [other, unused] : context.started) known.push_back(other);
  const auto near = nearest(name, known);
  value.complain(fmt::format("no call was started as `{}`", name),
                 !near.empty() ? fmt::format("did you mean `{}`?", near)
                               : fmt::format("start one before this step: {{call: connect, as: {}}}",
                                             name.empty() ? "name" : name));
}

void load_result_step(const Value& step, const Value& value, TestContext& context, Step& out) {
  Result result;
  result.of = value.text();
  complete(value, result.of, context);
  if (const auto is = step.find("is")) result.is = load_result_match(*is, context.names);
  if (const auto alternatives = step.find("or"))
    result.alternatives = load_result_alternatives(*alternatives, context.names);
  if (const auto capture = step.find("capture")) result.capture = context.declare_capture(*capture);
  out.action = std::move(result);
}

void load_timing(const Value& step, TestContext& context, Step& out) {
  if (const auto within = step.find("within")) out.within = within->duration();
  if (const auto after = step.find("after")) out.after = after->duration_range();
  if (const auto since = step.find("since")) {
    out.since = since->text();
    if (!out.after)
      since->complain("`since` says from where `after` counts, and there is no `after`", "after: 900ms..1.5s");
    if (!context.marks.contains(out.since))
      since->complain(fmt::format("there is no mark `{}` before this step", out.since),
                      "name an earlier step's instant with `mark: name`");
  }
  if (const auto mark = step.find("mark")) {
    out.mark = mark->text();
    if (out.mark.empty()) mark->complain("a mark wants a name", "mark: t0");
    context.marks.insert(out.mark);
  }
}

// The verbs, and the keys that may stand beside each.
const std::map<std::string_view, std::vector<std::string_view>, std::less<>>& verbs() {
  static const std::map<std::string_view, std::vector<std::string_view>, std::less<>> known = {
      {"send", {}},
      {"inject", {}},
      {"peer", {}},
      {"icmp", {}},
      {"expect", {"within", "after", "since", "or", "capture"}},
      {"expect-stream", {"within", "after", "since"}},
      {"silence", {}},
      {"wait", {}},
      {"capture", {}},
      {"repeat", {}},
      {"alive", {}},
      {"reach", {}},
      {"call", {"socket", "as", "is", "or", "within", "capture"}},
      {"result", {"is", "or", "within", "after", "since", "capture"}}};
  return known;
}

std::string_view find_verb(const Value& step) {
  std::string_view found;
  const auto entries = step.entries();
  for (const auto& [key, value] : entries) {
    const auto verb = verbs().find(key.node().Scalar());
    if (verb == verbs().end()) continue;
    // `capture` is a verb by itself and an addition to others.
    if (verb->first == "capture" && entries.size() > 1 && !found.empty()) continue;
    if (!found.empty() && found != "capture") {
      key.complain(fmt::format("a step does one thing: `{}` and `{}` stand in the same one", found, verb->first),
                   "begin a new step with `- `");
      return found;
    }
    found = verb->first;
  }
  return found;
}

void check_step_keys(const Value& step, std::string_view verb) {
  std::vector<std::string_view> keys = verbs().find(verb)->second;
  keys.insert(keys.begin(), {verb, "on", "mark", "comment"});
  step.check_keys(fmt::format("a `{}` step", verb), keys);
}

bool is_common_key(std::string_view key) {
  return key == "on" || key == "mark" || key == "comment";
}

Step load_bare_step(const Value& word, TestContext& context) {
  Step out;
  out.where = word.where();
  if (!word.is_scalar()) {
    word.complain(fmt::format("a step is a mapping, but here stands {}", word.kind()), "- send: {flags: A}");
    return out;
  }
  const auto text = word.text();
  if (text == "alive") return load_alive(word.nothing(), 0, context);
  word.complain(
      verbs().contains(text) ? fmt::format("`{}` wants a value", text) : fmt::format("`{}` is not a step", text),
      is_call(text) ? fmt::format("a call of the application: `call: {}`", text)
                    : "one of: send, expect, expect-stream, silence, wait, call, result, inject, icmp, peer, capture, "
                      "repeat, reach, "
                      "alive");
  return out;
}

Step load_step(const Value& step, TestContext& context) {
  if (!step.is_map()) return load_bare_step(step, context);
  Step out;
  out.where = step.where();
  out.fixture = context.in_fixture;
  const auto complaints = context.complaints->count();
  const auto verb = find_verb(step);
  if (verb.empty()) {
    std::vector<std::string_view> known;
    for (const auto& [name, keys] : verbs()) known.push_back(name);
    const auto entries = step.entries();
    const Value* at = &step;
    for (const auto& [key, value] : entries)
      if (at == &step && !is_common_key(key.node().Scalar())) at = &key;
    if (at == &step) {
      step.complain("this step does nothing", fmt::format("one of: {}", fmt::join(known, ", ")));
      return out;
    }
    const auto& word = at->node().Scalar();
    const auto near = nearest(word, known);
    at->complain(fmt::format("`{}` is not a step", word),
                 is_call(word)  ? fmt::format("a call of the application: `call: {{{}: ...}}`", word)
                 : near.empty() ? fmt::format("one of: {}", fmt::join(known, ", "))
                                : fmt::format("did you mean `{}`?", near));
    return out;
  }
  if (context.complaints->count() == complaints) check_step_keys(step, verb);
  if (const auto on = step.find("on")) out.connection = context.connection(*on);
  if (const auto comment = step.find("comment")) out.comment = comment->text();
  load_timing(step, context, out);
  const auto value = *step.find(verb);
  const bool peer = context.peers.contains(out.connection);
  if (verb == "send" && peer)
    out.action = load_peer_send(value, out.connection, context);
  else if (verb == "send" || verb == "inject")
    out.action = load_send(value, context.names);
  else if (verb == "peer")
    out.action = load_peer_step(value, out.connection, context);
  else if (verb == "icmp")
    out.action = load_icmp(value, context.names);
  else if (verb == "expect")
    load_expect_step(step, value, context, out);
  else if (verb == "expect-stream")
    load_stream_step(value, context, out);
  else if (verb == "silence")
    load_silence_step(value, out);
  else if (verb == "wait")
    out.action = Wait{value.duration()};
  else if (verb == "capture")
    load_capture_step(value, context, out);
  else if (verb == "repeat")
    load_repeat_step(value, context, out);
  else if (verb == "call")
    out.action = load_call(step, value, out.connection, context);
  else if (verb == "result")
    load_result_step(step, value, context, out);
  else if (verb == "alive")
    return load_alive(value, out.connection, context);
  else if (verb == "reach" && peer)
    value.complain("`reach` is scripted, and a peer plays this side",
                   "let the two applications bring it there, by `call` and `send`, or say `- peer: off` before");
  else if (verb == "reach")
    out.action = Block{fmt::format("reach {}", value.is_scalar() ? value.text() : "a state"),
                       load_fixture(value, out.connection, context)};
  return out;
}

}  // namespace

Steps load_steps(const Value& list, TestContext& context) {
  Steps out;
  if (!list.is_list()) {
    list.complain(fmt::format("steps are a list, but here stands {}", list.kind()), "begin each step with `- `");
    return out;
  }
  for (const auto& item : list.items()) {
    // Each step costs more than its values: it is looked at from many sides.
    if (!context.complaints->spend(10, item.where())) break;
    out.push_back(load_step(item, context));
  }
  return out;
}

}  // namespace tcpspec::script
