// The upper tester: the target's application calls, and what must come of them.

#include <fmt/format.h>
#include <string.h>

#include <algorithm>
#include <cerrno>

#include "engine/play.hh"
#include "script/value.hh"

namespace tcpspec::engine {

using script::CallKind;
using script::ResultMatch;
using script::Step;

namespace {

std::string call_words(const script::Call& call, const script::Scope& scope) {
  std::string arguments = call.option;
  if (call.number && call.kind != CallKind::listen)
    arguments += fmt::format("{}{}", arguments.empty() ? "" : ", ", call.number->evaluate(scope));
  if (!call.literal.empty())
    arguments += fmt::format("{}{} octets", arguments.empty() ? "" : ", ", call.literal.size());
  if (call.urgent) arguments += ", urgent";
  return fmt::format("{}{}", to_string(call.kind), arguments.empty() ? "" : "(" + arguments + ")");
}

std::string result_words(CallKind kind, const target::CallResult& result) {
  if (result.error != 0) {
    const char* name = strerrorname_np(result.error);
    return name ? name : fmt::format("errno {}", result.error);
  }
  if (kind == CallKind::state) return result.text;
  if (kind == CallKind::receive) return result.value == 0 ? "eof" : fmt::format("{} octets", result.value);
  if (kind == CallKind::send || kind == CallKind::get_option) return std::to_string(result.value);
  return "ok";
}

}  // namespace

// Made when it is first named: of the connection that bears its name, or of the step's.
Play::Socket& Play::socket(const std::string& name, int index) {
  const auto found = sockets_.find(name);
  if (found != sockets_.end()) return found->second;
  Socket fresh;
  fresh.connection = index;
  fresh.id = static_cast<target::SocketId>(sockets_.size() + 1);
  for (std::size_t i = 0; i < test_.connections.size(); ++i)
    if (test_.connections[i].name == name) fresh.connection = static_cast<int>(i);
  return sockets_.emplace(name, fresh).first->second;
}

target::Operation Play::operation(const script::Call& call, const Step& step, const std::string& name) {
  const auto number = [&](std::int64_t otherwise) { return call.number ? call.number->evaluate(*this) : otherwise; };
  auto& own = connection(step.connection);
  auto& stream = socket(name, step.connection);
  switch (call.kind) {
    case CallKind::listen:
      return target::Listen{setup_.attachment.port, static_cast<int>(number(16))};
    case CallKind::connect: {
      std::uint16_t local = own.target_port;  // a later incarnation keeps the port
      if (call.local_port) local = static_cast<std::uint16_t>(call.local_port->evaluate(*this));
      if (own.target_port == 0) own.target_port = local;
      return target::Connect{{setup_.attachment.tester, own.tester_port}, local};
    }
    case CallKind::accept:
      return target::Accept{socket(call.accepted, step.connection).id};
    case CallKind::send: {
      packet::Bytes data = call.literal;
      if (data.empty()) {
        const auto length = std::clamp<std::int64_t>(number(0), 0, 64 << 20);
        data.resize(static_cast<std::size_t>(length));
        write_pattern(Stream::from_target, stream.sent, data);
      } else {
        literals_.push_back({stream.connection, true, stream.sent, data});
      }
      stream.sent += data.size();
      return target::Send{std::move(data), call.urgent};
    }
    case CallKind::receive:
      return target::Receive{static_cast<std::size_t>(std::clamp<std::int64_t>(number(1), 1, 64 << 20)), call.urgent};
    case CallKind::shutdown_write:
      return target::Shutdown{target::Direction::write};
    case CallKind::shutdown_read:
      return target::Shutdown{target::Direction::read};
    case CallKind::shutdown_both:
      return target::Shutdown{target::Direction::both};
    case CallKind::close:
      return target::Close{};
    case CallKind::abort:
      return target::Abort{};
    case CallKind::set_option:
      return target::SetOption{call.option, number(0)};
    case CallKind::get_option:
      return target::GetOption{call.option};
    case CallKind::state:
      return target::State{};
  }
  return target::State{};
}

void Play::start_call(const script::Call& call, const Step& step, Instant now) {
  step_call_ = calls_.size();
  auto& pending = calls_.emplace_back();
  pending.call = &call;
  pending.socket = call.socket;
  pending.name = call.as.empty() ? std::string(to_string(call.kind)) : call.as;
  pending.words = call_words(call, *this);
  note(EntryKind::call, Mark::none, &step, now,
       call.as.empty() ? pending.words : fmt::format("{} as {}", pending.words, call.as));
  auto& own = socket(call.socket, step.connection);
  target::CallRequest request{static_cast<target::CallId>(step_call_), own.id, operation(call, step, call.socket)};
  if (const auto* send = std::get_if<target::Send>(&request.operation)) {
    pending.octets = send->data.size();
    own.last_send = request.id;
  }
  if (setup_.observer)
    setup_.observer->calls(step.connection, connection(step.connection).view, call, request.operation);
  commands_.start(request);
  done_at(now);
}

void Play::on_call(target::CallResult&& result, Instant not_before, Instant not_after) {
  if (finished_ || result.id >= calls_.size() || calls_[result.id].result) return;
  auto& pending = calls_[result.id];
  pending.result = std::move(result);
  now_ = std::max(now_, not_after);
  pending.completed = {not_before, not_after};
  apply_completion(pending);
}

void Play::apply_completion(PendingCall& pending) {
  const auto& result = *pending.result;
  pending.words += " = " + result_words(pending.call->kind, result);
  if (pending.call->kind == CallKind::receive && result.error == 0 && !pending.call->urgent) check_received(pending);
  if (pending.call->kind == CallKind::connect && result.error == 0 && result.local.port != 0) {
    const auto index = socket(pending.socket, 0).connection;
    if (connection(index).target_port == 0) connection(index).target_port = result.local.port;
  }
  if (pending.call->kind == CallKind::send) settle_send(pending);
  // A name that was free again is another socket, of a connection that is not known.
  if (pending.call->kind == CallKind::accept && result.error == 0) {
    auto& accepted = socket(pending.call->accepted, 0);
    accepted.sent_known = accepted.sent_known && accepted.sent == 0;
    accepted.received_known = accepted.received_known && accepted.received == 0;
  }
}

// A send that fell short wrote fewer octets than were counted when it started. What was
// started behind it went to places that nobody knows.
void Play::settle_send(const PendingCall& pending) {
  const auto taken = static_cast<std::size_t>(
      std::clamp<std::int64_t>(pending.result->value, 0, static_cast<std::int64_t>(pending.octets)));
  if (taken == pending.octets) return;
  auto& stream = socket(pending.socket, 0);
  if (stream.last_send == pending.result->id)
    stream.sent -= pending.octets - taken;
  else
    stream.sent_known = false;
}

// The application gets what the tester sent, each octet once and in order.
void Play::check_received(const PendingCall& pending) {
  auto& stream = socket(pending.socket, 0);
  const auto& data = pending.result->data;
  // Urgent data may be taken out of the stream, and which octet that is is disputed (RFC 6093 section 3.1).
  const auto& own = connection(stream.connection);
  if (own.urgent_sent || own.stream_unsure || !stream.received_known) return;
  for (std::size_t i = 0; i < data.size(); ++i) {
    if (stream_octet_fits(stream.connection, false, stream.received + i, data[i])) continue;
    note(EntryKind::note, Mark::invariant, current_, now_,
         fmt::format("octet {} that the application read is not what was sent there", stream.received + i + 1));
    violate("delivery-intact",
            fmt::format("octet {} that the application read is not what was sent there", stream.received + i + 1),
            "RFC 9293 section 2.2", outcome_.trace.size() - 1);
    break;
  }
  stream.received += data.size();
}

bool Play::matches(const ResultMatch& match, const target::CallResult& result) const {
  if (const auto* error = std::get_if<ResultMatch::Error>(&match.is))
    return std::find(error->numbers.begin(), error->numbers.end(), result.error) != error->numbers.end();
  if (result.error != 0) return false;
  if (const auto* number = std::get_if<script::NumberMatch>(&match.is)) return number->matches(result.value, *this);
  if (const auto* state = std::get_if<std::string>(&match.is)) return result.text == *state;
  if (std::holds_alternative<ResultMatch::EndOfFile>(match.is)) return result.value == 0 && result.data.empty();
  return true;
}

Play::Progress Play::judge(PendingCall& pending, const ResultMatch& match,
                           const std::vector<script::ResultAlternative>& alternatives, int capture, const Step& step) {
  const auto& result = *pending.result;
  pending.mentioned = true;
  if (capture >= 0) captures_[static_cast<std::size_t>(capture)] = result.value;
  if (matches(match, result)) {
    note(EntryKind::completion, Mark::matched, &step, pending.completed.not_after, pending.words, match.text);
    if (!timing_holds(nullptr, step, pending.completed)) return Progress::done;
    previous_done_ = pending.completed;
    return Progress::done;
  }
  for (const auto& alternative : alternatives) {
    if (!matches(alternative.match, result)) continue;
    note(EntryKind::completion, Mark::alternative, &step, pending.completed.not_after, pending.words, match.text);
    outcome_.trace.back().comment = alternative.why;
    take_outcome(alternative.outcome, alternative.why, outcome_.trace.size() - 1);
    previous_done_ = pending.completed;
    return Progress::done;
  }
  note(EntryKind::completion, Mark::mismatch, &step, pending.completed.not_after, pending.words, match.text);
  if (result.error == ENOTSUP) {
    take_outcome(script::Outcome::unsupported, fmt::format("the target cannot do `{}`", pending.words),
                 outcome_.trace.size() - 1);
    diverged_ = true;
    return Progress::done;
  }
  outcome_.trace.back().differences.push_back({"result", match.text, result_words(pending.call->kind, result)});
  diverge(&step, fmt::format("the call `{}` was to give {}", pending.words, match.text));
  return Progress::done;
}

Play::Progress Play::run_call(const script::Call& call, const Step& step, Instant now) {
  if (!call.as.empty()) return Progress::done;
  auto& pending = calls_[step_call_];
  if (pending.result) return judge(pending, call.is, call.alternatives, call.capture, step);
  if (now < step_deadline_) return Progress::waiting;
  const auto waited = script::to_string(step_deadline_ - step_started_);
  note(EntryKind::completion, Mark::missing, &step, step_deadline_,
       fmt::format("{} still pending after {}", pending.words, waited), call.is.text);
  diverge(&step, fmt::format("the call `{}` did not complete within {}", pending.words, waited));
  return Progress::done;
}

Play::Progress Play::run_result(const script::Result& result, const Step& step, Instant now) {
  const auto found = std::find_if(calls_.begin(), calls_.end(), [&](const PendingCall& call) {
    return !call.mentioned && call.call->as == result.of;
  });
  if (found == calls_.end()) {
    give_up(step, fmt::format("no call is pending as `{}`", result.of));
    return Progress::done;
  }
  if (found->result) return judge(*found, result.is, result.alternatives, result.capture, step);
  if (now < step_deadline_) return Progress::waiting;
  const auto waited = script::to_string(step_deadline_ - step_started_);
  note(EntryKind::completion, Mark::missing, &step, step_deadline_,
       fmt::format("{} still pending after {}", found->words, waited), result.is.text);
  diverge(&step, fmt::format("the call `{}` did not complete within {}", found->words, waited));
  return Progress::done;
}

}  // namespace tcpspec::engine
