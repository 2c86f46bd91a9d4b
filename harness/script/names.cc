#include <algorithm>

#include "script/model.hh"

namespace tcpspec::script {

std::string_view to_string(Level level) {
  switch (level) {
    case Level::must:
      return "MUST";
    case Level::should:
      return "SHOULD";
    case Level::may:
      return "MAY";
    case Level::practice:
      return "PRACTICE";
  }
  return "?";
}

std::string_view to_string(Outcome outcome) {
  switch (outcome) {
    case Outcome::pass:
      return "pass";
    case Outcome::info:
      return "info";
    case Outcome::warn:
      return "warn";
    case Outcome::fail:
      return "fail";
    case Outcome::unsupported:
      return "unsupported";
  }
  return "?";
}

std::string_view to_string(CallKind kind) {
  switch (kind) {
    case CallKind::listen:
      return "listen";
    case CallKind::connect:
      return "connect";
    case CallKind::accept:
      return "accept";
    case CallKind::send:
      return "send";
    case CallKind::receive:
      return "recv";
    case CallKind::shutdown_write:
      return "shutdown(write)";
    case CallKind::shutdown_read:
      return "shutdown(read)";
    case CallKind::shutdown_both:
      return "shutdown(both)";
    case CallKind::close:
      return "close";
    case CallKind::abort:
      return "abort";
    case CallKind::set_option:
      return "setsockopt";
    case CallKind::get_option:
      return "getsockopt";
    case CallKind::state:
      return "state";
  }
  return "?";
}

std::string_view to_string(State state) {
  switch (state) {
    case State::closed:
      return "CLOSED";
    case State::listen:
      return "LISTEN";
    case State::syn_sent:
      return "SYN-SENT";
    case State::syn_received:
      return "SYN-RECEIVED";
    case State::established:
      return "ESTABLISHED";
    case State::fin_wait_1:
      return "FIN-WAIT-1";
    case State::fin_wait_2:
      return "FIN-WAIT-2";
    case State::close_wait:
      return "CLOSE-WAIT";
    case State::closing:
      return "CLOSING";
    case State::last_ack:
      return "LAST-ACK";
    case State::time_wait:
      return "TIME-WAIT";
  }
  return "?";
}

std::string_view to_string(Role role) {
  return role == Role::passive ? "passive" : "active";
}

namespace {

Duration least(const Steps& steps);

Duration least(const Step& step) {
  if (const auto* silence = std::get_if<Silence>(&step.action)) return silence->duration;
  if (const auto* wait = std::get_if<Wait>(&step.action)) return wait->duration;
  if (const auto* repeat = std::get_if<Repeat>(&step.action)) return least(repeat->steps) * repeat->times;
  if (const auto* block = std::get_if<Block>(&step.action)) return least(block->steps);
  return step.after ? step.after->low : Duration{};
}

Duration least(const Steps& steps) {
  Duration sum{};
  for (const auto& step : steps) sum += least(step);
  return sum;
}

void add_needs(const Steps& steps, std::set<std::string>& needs) {
  for (const auto& step : steps) {
    if (const auto* call = std::get_if<Call>(&step.action)) {
      if (call->kind == CallKind::listen) needs.insert("listen");
      if (call->kind == CallKind::connect) needs.insert("connect");
    }
    if (const auto* repeat = std::get_if<Repeat>(&step.action)) add_needs(repeat->steps, needs);
    if (const auto* block = std::get_if<Block>(&step.action)) add_needs(block->steps, needs);
    if (const auto* expect = std::get_if<Expect>(&step.action))
      for (const auto& alternative : expect->alternatives) add_needs(alternative.steps, needs);
  }
}

}  // namespace

Duration least_duration(const Test& test) {
  return least(test.steps) + test.drain;
}

std::set<std::string> needs_of(const Steps& steps) {
  std::set<std::string> needs;
  add_needs(steps, needs);
  return needs;
}

}  // namespace tcpspec::script
