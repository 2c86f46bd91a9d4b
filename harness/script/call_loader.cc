// The application's calls in YAML, and what their results must be.

#include <fmt/format.h>
#include <string.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <map>

#include "script/step_loader.hh"

namespace tcpspec::script {

namespace {

// More than any buffer holds, and little enough that nobody's memory runs out.
constexpr std::int64_t kMostOctets = 1 << 30;

const std::vector<std::pair<std::string_view, CallKind>>& call_names() {
  static const std::vector<std::pair<std::string_view, CallKind>> names = {{"listen", CallKind::listen},
                                                                           {"connect", CallKind::connect},
                                                                           {"accept", CallKind::accept},
                                                                           {"send", CallKind::send},
                                                                           {"recv", CallKind::receive},
                                                                           {"shutdown", CallKind::shutdown_write},
                                                                           {"close", CallKind::close},
                                                                           {"abort", CallKind::abort},
                                                                           {"setsockopt", CallKind::set_option},
                                                                           {"getsockopt", CallKind::get_option},
                                                                           {"state", CallKind::state}};
  return names;
}

// Names by number, and the second names that Linux gives some.
const std::map<std::string_view, int, std::less<>>& errno_names() {
  static const auto names = [] {
    std::map<std::string_view, int, std::less<>> out = {
        {"EWOULDBLOCK", EWOULDBLOCK}, {"ENOTSUP", ENOTSUP}, {"EOPNOTSUPP", EOPNOTSUPP}};
    for (int number = 1; number < 134; ++number)
      if (const char* known = strerrorname_np(number)) out.emplace(known, number);
    return out;
  }();
  return names;
}

std::optional<int> errno_of(std::string_view name) {
  const auto found = errno_names().find(name);
  return found == errno_names().end() ? std::nullopt : std::optional(found->second);
}

// ECONNRESTE: written like an error, and none.
bool looks_like_errno(std::string_view text) {
  return text.size() > 2 && text[0] == 'E' &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isupper(c) || std::isdigit(c); });
}

// What sockets tell by ioctl(2) is asked for like an option.
bool is_query(std::string_view name) {
  constexpr std::array<std::string_view, 3> known = {"SIOCATMARK", "SIOCINQ", "SIOCOUTQ"};
  return std::ranges::find(known, name) != known.end();
}

void complain_of_errno(const Value& value, std::string_view text) {
  std::vector<std::string_view> known;
  for (const auto& [name, number] : errno_names()) known.push_back(name);
  const auto near = nearest(text, known);
  value.complain(fmt::format("unknown error `{}`", text),
                 near.empty() ? "an errno name: ECONNRESET, ETIMEDOUT, ..." : fmt::format("did you mean `{}`?", near));
}

bool is_state_name(std::string_view name) {
  for (int i = 0; i <= static_cast<int>(State::time_wait); ++i)
    if (to_string(static_cast<State>(i)) == name) return true;
  return false;
}

// What `is:` may say beside numbers and errors.
const std::vector<std::string_view>& result_words() {
  static const auto words = [] {
    std::vector<std::string_view> out = {"eof"};
    for (int i = 0; i <= static_cast<int>(State::time_wait); ++i) out.push_back(to_string(static_cast<State>(i)));
    return out;
  }();
  return words;
}

void load_octets(const Value& arguments, Call& call, const Names& names) {
  if (const auto data = arguments.find("data")) call.number = data->expression(names, 0, kMostOctets);
  if (const auto text = arguments.find("text"))
    for (const char c : text->text()) call.literal.push_back(static_cast<std::byte>(c));
  if (const auto hex = arguments.find("hex")) call.literal = hex->hex();
  if (const auto urgent = arguments.find("urgent")) call.urgent = urgent->yes_or_no();
  if (arguments.find("data").has_value() + arguments.find("text").has_value() + arguments.find("hex").has_value() > 1)
    arguments.complain("`data`, `text` and `hex` exclude each other", "one of them says what is sent");
}

void load_arguments(const Value& arguments, Call& call, TestContext& context) {
  const auto& names = context.names;
  const auto expression = [&](std::string_view key, std::int64_t low, std::int64_t high) -> std::optional<Expression> {
    const auto value = arguments.find(key);
    return value ? std::optional(value->expression(names, low, high)) : std::nullopt;
  };
  switch (call.kind) {
    case CallKind::listen:
      if (arguments.is_null()) break;
      if (arguments.check_keys("`listen`", {"backlog"})) call.number = expression("backlog", 0, 65535);
      break;
    case CallKind::connect:
      if (arguments.is_null()) break;
      if (arguments.check_keys("`connect`", {"local_port"})) call.local_port = expression("local_port", 1, 65535);
      break;
    case CallKind::accept:
      if (!arguments.is_null()) call.accepted = arguments.text();
      break;
    case CallKind::send:
    case CallKind::receive:
      if (arguments.is_scalar()) {
        call.number = arguments.expression(names, 0, kMostOctets);
      } else if (call.kind == CallKind::send ? arguments.check_keys("`send`", {"data", "text", "hex", "urgent"})
                                             : arguments.check_keys("`recv`", {"data", "urgent"})) {
        load_octets(arguments, call, names);
      }
      if (!call.number && call.literal.empty())
        arguments.complain(
            fmt::format("`{}` does not say how many octets", call.kind == CallKind::send ? "send" : "recv"),
            "call: {send: 100}, call: {recv: 100}");
      break;
    case CallKind::shutdown_write:
      if (!arguments.is_null())
        call.kind = arguments.choice<CallKind>("direction", {{"write", CallKind::shutdown_write},
                                                             {"read", CallKind::shutdown_read},
                                                             {"both", CallKind::shutdown_both}});
      break;
    case CallKind::get_option:
      call.option = arguments.is_null() ? "" : arguments.text();
      if (call.option.empty())
        arguments.complain("`getsockopt` wants the option's name", "call: {getsockopt: TCP_MAXSEG}");
      else if (!is_query(call.option))
        check_socket_option(arguments, call.option);
      break;
    default:
      if (!arguments.is_null())
        arguments.complain(fmt::format("this call takes no argument, but here stands {}", arguments.kind()),
                           "call: close");
  }
}

std::string default_socket(const Call& call, int connection, const TestContext& context) {
  if (call.kind == CallKind::listen || call.kind == CallKind::accept) return "listener";
  return context.names.connections[static_cast<std::size_t>(connection)];
}

}  // namespace

bool is_call(std::string_view word) {
  return std::any_of(call_names().begin(), call_names().end(), [&](const auto& call) { return call.first == word; });
}

ResultMatch load_result_match(const Value& value, const Names& names) {
  ResultMatch out;
  if (value.is_list()) {
    ResultMatch::Error errors;
    for (const auto& item : value.items()) {
      const auto number = errno_of(item.text());
      if (!number && looks_like_errno(item.text())) {
        complain_of_errno(item, item.text());
        continue;
      }
      if (!number && errors.numbers.empty()) {
        auto match = value.number_match(names);
        out.text = match.text;
        out.is = std::move(match);
        return out;
      }
      if (!number) {
        item.complain(fmt::format("`{}` is not an error, like those before it", item.text()),
                      "a list of results holds errors only, or numbers only");
        continue;
      }
      errors.numbers.push_back(*number);
      errors.text += (errors.text.empty() ? "" : " or ") + item.text();
    }
    if (value.items().empty()) value.complain("this list of possible results is empty", "is: [ECONNRESET, EPIPE]");
    out.text = errors.text;
    out.is = std::move(errors);
    return out;
  }
  const auto text = value.text();
  out.text = text;
  if (text == "ok")
    out.is = ResultMatch::Success{};
  else if (text == "eof")
    out.is = ResultMatch::EndOfFile{};
  else if (is_state_name(text))
    out.is = text;
  else if (const auto number = errno_of(text))
    out.is = ResultMatch::Error{{*number}, text};
  else if (looks_like_errno(text))
    complain_of_errno(value, text);
  else if (const auto near = nearest(text, result_words()); !near.empty())
    value.complain(fmt::format("`{}` is not a result", text), fmt::format("did you mean `{}`?", near));
  else
    out.is = value.number_match(names);
  return out;
}

void check_socket_option(const Value& place, std::string_view name) {
  constexpr std::array<std::string_view, 4> kPrefixes = {"TCP_", "SO_", "IP_", "IPV6_"};
  const bool plain = std::all_of(name.begin(), name.end(),
                                 [](unsigned char c) { return std::isupper(c) || std::isdigit(c) || c == '_'; });
  if (plain && std::any_of(kPrefixes.begin(), kPrefixes.end(),
                           [&](auto prefix) { return name.starts_with(prefix) && name.size() > prefix.size(); }))
    return;
  place.complain(fmt::format("`{}` is not the name of a socket option", name),
                 "as in C: TCP_NODELAY, SO_RCVBUF, IP_TTL, IPV6_UNICAST_HOPS");
}

Outcome load_outcome(const Value& map) {
  const auto outcome = map.find("outcome");
  if (!outcome) return Outcome::pass;
  return outcome->choice<Outcome>("outcome", {{"pass", Outcome::pass},
                                              {"info", Outcome::info},
                                              {"warn", Outcome::warn},
                                              {"fail", Outcome::fail},
                                              {"unsupported", Outcome::unsupported}});
}

std::vector<ResultAlternative> load_result_alternatives(const Value& value, const Names& names) {
  std::vector<ResultAlternative> out;
  for (const auto& item : value.items()) {
    if (!item.check_keys("an alternative result", {"is", "outcome", "why"})) continue;
    ResultAlternative alternative;
    if (const auto is = item.find("is"))
      alternative.match = load_result_match(*is, names);
    else
      item.complain("an alternative result says what it `is`", "or: [{is: ECONNRESET, outcome: warn, why: ...}]");
    alternative.outcome = load_outcome(item);
    if (const auto why = item.find("why"))
      alternative.why = why->text();
    else
      item.complain("an alternative says `why` it is acceptable", "why: RFC 793 behaviour");
    out.push_back(std::move(alternative));
  }
  return out;
}

Call load_call(const Value& step, const Value& value, int connection, TestContext& context) {
  Call call;
  Value arguments = value.nothing();
  if (value.is_scalar()) {
    call.kind = value.choice<CallKind>("call", call_names());
    const bool wants_more = call.kind == CallKind::send || call.kind == CallKind::receive ||
                            call.kind == CallKind::get_option || call.kind == CallKind::set_option;
    if (wants_more) {
      value.complain(
          fmt::format("`{}` wants an argument", value.text()),
          "call: {send: 100}, call: {recv: 100}, call: {getsockopt: TCP_MAXSEG}, call: {setsockopt: {TCP_NODELAY: 1}}");
      return call;
    }
  } else if (value.is_map() && value.node().size() == 1 && value.entries().size() == 1) {
    const auto [key, argument] = value.entries().front();
    call.kind = key.choice<CallKind>("call", call_names());
    arguments = argument;
  } else {
    value.complain("`call` names one call", "call: accept, or call: {send: 100}");
    return call;
  }
  if (call.kind == CallKind::set_option) {
    const auto entries = arguments.entries();
    if (entries.size() != 1)
      arguments.complain("`setsockopt` sets one option at a time here", "call: {setsockopt: {TCP_NODELAY: 1}}");
    for (const auto& [name, number] : entries) {
      call.option = name.text();
      call.number = number.expression(context.names);
      check_socket_option(name, call.option);
    }
  } else {
    load_arguments(arguments, call, context);
  }
  if (call.kind == CallKind::accept && call.accepted.empty())
    call.accepted = context.names.connections[static_cast<std::size_t>(connection)];
  const auto socket = step.find("socket");
  call.socket = socket ? socket->text() : default_socket(call, connection, context);
  // What a receive returns by default is all that was asked for.
  if (call.kind == CallKind::receive && call.number) {
    call.is.text = call.number->text();
    call.is.is = NumberMatch{NumberMatch::Kind::equal, {*call.number}, call.number->text()};
  }
  if (const auto as = step.find("as")) {
    call.as = as->text();
    if (call.as.empty()) as->complain("a started call wants a name", "as: opening");
    ++context.started[call.as];
    for (const auto key : {"is", "or", "capture", "within"})
      if (const auto misplaced = step.find(key))
        misplaced->complain(fmt::format("`{}` belongs to the step that completes the call", key),
                            fmt::format("result: {}", call.as));
  }
  if (const auto is = step.find("is")) call.is = load_result_match(*is, context.names);
  if (const auto alternatives = step.find("or"))
    call.alternatives = load_result_alternatives(*alternatives, context.names);
  if (const auto capture = step.find("capture")) call.capture = context.declare_capture(*capture);
  return call;
}

}  // namespace tcpspec::script
