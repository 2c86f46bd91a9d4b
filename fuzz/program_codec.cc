// Programs as octets:
//
//   program := "TCPP" version family fixture count connection* step*      (to the end of the octets)
//   step    := kind | connection << 2, then the fields of its kind
//   number  := base | zigzag(offset) << 4       (0, -1, 1, -2 ...)
//
// Each thing is described once, for both directions; program_archive.hh has varints and fields.

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <type_traits>
#include <utility>

#include "fuzz/program.hh"
#include "fuzz/program_archive.hh"

namespace tcpspec::fuzz {

namespace {

constexpr std::string_view magic = "TCPP";
constexpr std::uint8_t version = 1;
constexpr std::int64_t widest_offset = std::int64_t{1} << 32;
constexpr std::size_t longest_option_name = 40;
constexpr std::size_t longest_literal = 65'000;
constexpr std::size_t usual_octets = 512;

constexpr std::uint64_t zigzag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
constexpr std::int64_t from_zigzag(std::uint64_t value) {
  return static_cast<std::int64_t>((value >> 1) ^ (~(value & 1) + 1));
}

bool is_option_letter(char letter) {
  return (letter >= 'A' && letter <= 'Z') || (letter >= '0' && letter <= '9') || letter == '_';
}

// ---- each thing, for both directions; `Thing` is const where it is written

constexpr auto describe_u8 = [](auto& archive, auto& value) { archive.number(value, 0xff, "a number of 8 bits"); };
constexpr auto describe_u16 = [](auto& archive, auto& value) { archive.number(value, 0xffff, "a number of 16 bits"); };
constexpr auto describe_u32 = [](auto& archive, auto& value) {
  archive.number(value, 0xffff'ffff, "a number of 32 bits");
};
constexpr auto describe_literal = [](auto& archive, auto& value) { archive.octets(value, longest_literal); };

constexpr auto describe_number = [](auto& archive, auto& number) {
  if constexpr (std::decay_t<decltype(archive)>::reads) {
    const auto begin = archive.at();
    const auto packed = archive.varint();
    const auto base = packed & 15;
    number = {static_cast<Number::Base>(base), from_zigzag(packed >> 4)};
    if (base >= Number::bases) archive.fail_at(begin, fmt::format("a number with base {}, which there is not", base));
    if (number.offset < -widest_offset || number.offset > widest_offset)
      archive.fail_at(begin, fmt::format("a number with offset {}, which no field holds", number.offset));
  } else {
    const auto offset = std::clamp(number.offset, -widest_offset, widest_offset);
    archive.varint(static_cast<std::uint64_t>(number.base) | zigzag(offset) << 4);
  }
};

constexpr auto describe_integer = [](auto& archive, auto& value) {
  if constexpr (std::decay_t<decltype(archive)>::reads)
    value = from_zigzag(archive.varint());
  else
    archive.varint(zigzag(value));
};

// Lists of things, none of which takes less than an octet.
template <class Archive, class List, class Describe>
void describe_list(Archive& archive, List& list, std::size_t most, std::string_view what, Describe describe) {
  if constexpr (Archive::reads) {
    const auto count = archive.count(most, what);
    for (std::size_t i = 0; i < count && archive.ok(); ++i) describe(archive, list.emplace_back());
  } else {
    const auto count = std::min(list.size(), most);
    archive.varint(count);
    for (std::size_t i = 0; i < count; ++i) describe(archive, list[i]);
  }
}

// What a segment can carry is far less; what it can be told to carry is cut by the serializer.
constexpr std::size_t most_options = 256;
constexpr std::size_t most_option_numbers = 64;
constexpr std::size_t longest_option = 1024;

// How many numbers an option has: any even number of edges, a clock's two or none, else what there is.
bool has_sound_numbers(const OptionItem& option) {
  using Kind = OptionItem::Kind;
  const auto count = option.numbers.size();
  switch (option.kind) {
    case Kind::mss:
    case Kind::window_scale:
    case Kind::unknown:
      return count == 1;
    case Kind::sack:
      return count % 2 == 0;
    case Kind::timestamps:
      return count == 0 || count == 2;
    default:
      return count == 0;
  }
}
bool has_octets(OptionItem::Kind kind) {
  return kind == OptionItem::Kind::unknown || kind == OptionItem::Kind::raw;
}

bool is_sound(const OptionItem& option) {
  return has_sound_numbers(option) && (option.bytes.empty() || has_octets(option.kind));
}

constexpr auto describe_option = [](auto& archive, auto& option) {
  archive.number(option.kind, static_cast<unsigned>(OptionItem::Kind::raw), "the kind of an option");
  Fields<std::decay_t<decltype(archive)>> fields(archive);
  fields.differing(option.numbers, std::vector<Number>{}, [](auto& inner, auto& numbers) {
    describe_list(inner, numbers, most_option_numbers, "numbers of an option", describe_number);
  });
  fields.differing(option.bytes, Bytes{}, [](auto& inner, auto& octets) { inner.octets(octets, longest_option); });
  fields.finish();
  if constexpr (std::decay_t<decltype(archive)>::reads)
    if (!is_sound(option)) archive.fail("an option with other numbers or octets than its kind has");
};

constexpr auto describe_malformation = [](auto& archive, auto& broken) {
  Fields<std::decay_t<decltype(archive)>> fields(archive);
  fields.optional(broken.tcp_checksum, describe_u16);
  fields.optional(broken.tcp_checksum_xor, describe_u16);
  fields.optional(broken.data_offset, [](auto& inner, auto& value) { inner.number(value, 15, "a data offset"); });
  fields.optional(broken.reserved, [](auto& inner, auto& value) { inner.number(value, 7, "reserved bits"); });
  fields.optional(broken.ip_total_length, describe_u16);
  fields.optional(broken.ip_checksum_xor, describe_u16);
  fields.optional(broken.ip_protocol, describe_u8);
  fields.differing(broken.ip_options, Bytes{}, [](auto& inner, auto& octets) { inner.octets(octets, longest_option); });
  fields.optional(broken.truncate_to, describe_u16);
  fields.finish();
};

template <class Archive, class Flags>
void describe_flags(Archive& archive, Flags& flags) {
  std::uint16_t bits = flags.bits();
  archive.number(bits, 0x1ff, "flags");
  if constexpr (Archive::reads) flags = packet::Flags(bits);
}

template <class Archive, class Thing>
void describe_send(Archive& archive, Thing& send) {
  describe_flags(archive, send.flags);
  Fields<Archive> fields(archive);
  fields.optional(send.seq, describe_number);
  fields.optional(send.ack, describe_number);
  fields.differing(send.length, Number{}, describe_number);
  fields.optional(send.options, [](auto& inner, auto& options) {
    describe_list(inner, options, most_options, "options", describe_option);
  });
  fields.flag(send.ignored);
  fields.optional(send.window, describe_u16);
  fields.differing(send.literal, Bytes{}, describe_literal);
  fields.optional(send.urgent, describe_u16);
  fields.differing(send.malformation, packet::Malformation{}, describe_malformation);
  fields.optional(send.ttl, describe_u8);
  fields.optional(send.traffic_class, describe_u8);
  fields.finish();
}

template <class Archive, class Thing>
void describe_icmp(Archive& archive, Thing& icmp) {
  describe_u8(archive, icmp.type);
  describe_u8(archive, icmp.code);
  Fields<Archive> fields(archive);
  fields.optional(icmp.rest_of_header, describe_u32);
  fields.optional(icmp.quoted_seq, describe_number);
  fields.optional(icmp.quoted_source_port, describe_u16);
  fields.finish();
}

// What the number of a call can be: ports and backlogs have bounds, and memory has.
struct Bounds {
  std::int64_t low = 0, high = 0;
};
constexpr Bounds bounds_of(Call::Kind kind) {
  switch (kind) {
    case Call::Kind::listen:
    case Call::Kind::connect:
      return {0, 65'535};
    case Call::Kind::send:
    case Call::Kind::receive:
      return {0, 64 << 20};
    case Call::Kind::set_option:
      return {INT64_MIN, INT64_MAX};
    default:
      return {};
  }
}

template <class Archive, class Thing>
void describe_call(Archive& archive, Thing& call) {
  archive.number(call.kind, static_cast<unsigned>(Call::Kind::state), "the kind of a call");
  describe_u8(archive, call.socket);
  Fields<Archive> fields(archive);
  fields.differing(call.number, std::int64_t{0}, describe_integer);
  fields.differing(call.accepted, std::uint8_t{1}, describe_u8);
  fields.differing(call.literal, Bytes{}, describe_literal);
  fields.differing(call.option, std::string{},
                   [](auto& inner, auto& name) { inner.letters(name, longest_option_name); });
  fields.flag(call.urgent);
  fields.finish();
  if constexpr (Archive::reads) {
    const auto [low, high] = bounds_of(call.kind);
    if (call.number < low || call.number > high)
      archive.fail(fmt::format("a call with number {}, which is not from {} to {}", call.number, low, high));
    if (!std::ranges::all_of(call.option, is_option_letter))
      archive.fail("an option's name of other letters than A-Z0-9_");
  }
}

template <class Archive, class Thing>
void describe_pause(Archive& archive, Thing& pause) {
  std::int64_t length = std::max<std::int64_t>(pause.length.count(), 0);
  archive.number(length, static_cast<std::uint64_t>(Duration(ProgramLimits{}.pauses).count()), "a pause");
  if constexpr (Archive::reads) pause.length = Duration(length);
}

template <class Archive, class Thing>
void describe_fixture(Archive& archive, Thing& fixture) {
  archive.number(fixture.state, static_cast<unsigned>(script::State::time_wait), "a state");
  archive.number(fixture.role, static_cast<unsigned>(script::Role::active), "a role");
  Fields<Archive> fields(archive);
  fields.flag(fixture.sack);
  fields.flag(fixture.timestamps);
  fields.optional(fixture.window_scale, describe_u8);
  fields.flag(fixture.by_close);
  fields.finish();
}

template <class Archive, class Thing>
void describe_connection(Archive& archive, Thing& connection, std::size_t index) {
  Fields<Archive> fields(archive);
  fields.differing(connection.tuple_of, std::int8_t{-1}, [index](auto& inner, auto& tuple_of) {
    if constexpr (std::decay_t<decltype(inner)>::reads)
      if (index == 0) inner.fail("the first connection shares nobody's ports");
    inner.number(tuple_of, index == 0 ? 0 : index - 1, "an earlier connection");
  });
  fields.optional(connection.iss, describe_number);
  fields.finish();
}

enum StepKind : std::uint8_t { send_segment, send_icmp, call, pause };

template <class Archive, class Action>
void describe_action(Archive& archive, Action& action) {
  struct {
    Archive& archive;
    void operator()(std::conditional_t<Archive::reads, SendSegment, const SendSegment>& send) const {
      describe_send(archive, send);
    }
    void operator()(std::conditional_t<Archive::reads, SendIcmp, const SendIcmp>& icmp) const {
      describe_icmp(archive, icmp);
    }
    void operator()(std::conditional_t<Archive::reads, Call, const Call>& made) const { describe_call(archive, made); }
    void operator()(std::conditional_t<Archive::reads, Pause, const Pause>& waited) const {
      describe_pause(archive, waited);
    }
  } describing{archive};
  std::visit(describing, action);
}

// ---- whole programs

bool has_fixture(const Fixture& fixture) {
  return fixture.role == script::Role::passive ? fixture.state != script::State::syn_sent
                                               : fixture.state != script::State::listen;
}

void read_head(Reader& in, Program& program) {
  for (const char letter : magic)
    if (in.ok() && (in.at_end() || in.varint() != static_cast<std::uint64_t>(letter)))
      in.fail_at(0, "this is no program: it does not begin with \"TCPP\"");
  const auto begin = in.at();
  if (const auto read = in.varint(); in.ok() && read != version)
    in.fail_at(begin, fmt::format("a program of version {}, and this reads version {}", read, version));
  in.number(program.family, static_cast<unsigned>(packet::Family::ipv6), "an address family");
  const auto fixture = in.at();
  describe_fixture(in, program.fixture);
  if (in.ok() && !has_fixture(program.fixture))
    in.fail_at(fixture, fmt::format("no fixture reaches {} where the side that opens is {}",
                                    script::to_string(program.fixture.state), script::to_string(program.fixture.role)));
  const auto counted = in.at();
  const auto count = in.count(ProgramLimits{}.connections, "connections");
  if (in.ok() && count == 0) in.fail_at(counted, "a program without a connection");
  program.connections.clear();
  for (std::size_t i = 0; i < count && in.ok(); ++i) describe_connection(in, program.connections.emplace_back(), i);
}

void emplace_action(Step& step, unsigned kind) {
  switch (kind) {
    case send_segment:
      step.action = SendSegment{};
      break;
    case send_icmp:
      step.action = SendIcmp{};
      break;
    case call:
      step.action = Call{};
      break;
    default:
      step.action = Pause{};
  }
}

Step read_step(Reader& in, const Program& program) {
  Step step;
  const auto begin = in.at();
  const auto head = in.varint();
  const auto connection = head >> 2;
  if (connection >= program.connections.size())
    in.fail_at(begin, fmt::format("a step on connection {} of {}", connection, program.connections.size()));
  step.connection = static_cast<std::uint8_t>(connection);
  emplace_action(step, head & 3);
  describe_action(in, step.action);
  if (connection != 0 && std::holds_alternative<Pause>(step.action))
    in.fail_at(begin, "a pause on a connection, where all of them pause");
  return step;
}

// What a mutator may have made of it, within what can be written.
Connection sound(Connection connection, std::size_t index) {
  connection.tuple_of = static_cast<std::int8_t>(
      std::clamp<std::ptrdiff_t>(connection.tuple_of, -1, static_cast<std::ptrdiff_t>(index) - 1));
  return connection;
}

void make_sound(OptionItem& option) {
  if (!has_octets(option.kind)) option.bytes.clear();
  if (has_sound_numbers(option)) return;
  using Kind = OptionItem::Kind;
  const bool one = option.kind == Kind::mss || option.kind == Kind::window_scale || option.kind == Kind::unknown;
  const auto pairs = option.kind == Kind::sack ? option.numbers.size() / 2 : option.kind == Kind::timestamps ? 1U : 0U;
  option.numbers.resize(one ? 1 : 2 * pairs);
}

using Action = decltype(Step::action);

Action sound(Action action, Duration pauses) {
  if (auto* waited = std::get_if<Pause>(&action)) {
    waited->length = std::clamp(waited->length, Duration(0), pauses);
  } else if (auto* made = std::get_if<Call>(&action)) {
    const auto [low, high] = bounds_of(made->kind);
    made->number = std::clamp(made->number, low, high);
    std::erase_if(made->option, [](char letter) { return !is_option_letter(letter); });
    made->option.resize(std::min(made->option.size(), longest_option_name));
  } else if (auto* sent = std::get_if<SendSegment>(&action); sent != nullptr && sent->options) {
    std::ranges::for_each(*sent->options, make_sound);
  }
  return action;
}

// Nearly all of them are, and need not be copied.
bool is_sound(const Action& action) {
  const auto* sent = std::get_if<SendSegment>(&action);
  if (sent == nullptr) return std::holds_alternative<SendIcmp>(action);
  return !sent->options || std::ranges::all_of(*sent->options, [](const auto& option) { return is_sound(option); });
}

}  // namespace

Bytes encode(const Program& program) {
  constexpr ProgramLimits limits;
  Writer out;
  out.reserve(usual_octets);
  for (const char letter : magic) out.varint(static_cast<std::uint64_t>(letter));
  out.varint(version);
  out.number(program.family, static_cast<unsigned>(packet::Family::ipv6), "");
  const auto fixture = has_fixture(program.fixture) ? program.fixture : Fixture{};
  describe_fixture(out, fixture);
  const auto connections = std::clamp<std::size_t>(program.connections.size(), 1, limits.connections);
  out.varint(connections);
  for (std::size_t i = 0; i < connections; ++i) {
    const auto connection = i < program.connections.size() ? sound(program.connections[i], i) : Connection{};
    describe_connection(out, connection, i);
  }
  auto pauses = Duration(limits.pauses);
  for (std::size_t i = 0; i < std::min(program.steps.size(), limits.steps); ++i) {
    const auto& step = program.steps[i];
    std::optional<Action> corrected;
    if (!is_sound(step.action)) corrected = sound(step.action, pauses);
    const auto& action = corrected ? *corrected : step.action;
    const auto* waited = std::get_if<Pause>(&action);
    if (waited != nullptr) pauses -= waited->length;
    const auto connection = waited != nullptr ? 0 : std::min<std::size_t>(step.connection, connections - 1);
    const auto begin = out.size();
    out.varint(action.index() | connection << 2);
    describe_action(out, action);
    if (out.size() > limits.octets) {
      out.cut_to(begin);
      break;
    }
  }
  return out.take();
}

std::expected<Program, ProgramError> decode(BytesView octets, Reading reading) {
  constexpr ProgramLimits limits;
  if (octets.size() > limits.octets) {
    if (reading == Reading::strict)
      return std::unexpected(ProgramError{limits.octets, fmt::format("more than {} octets", limits.octets)});
    octets = octets.first(limits.octets);
  }
  Reader in(octets);
  Program program;
  read_head(in, program);
  if (!in.ok()) return std::unexpected(in.fault());
  auto pauses = Duration(limits.pauses);
  while (!in.at_end()) {
    const auto begin = in.at();
    auto step = read_step(in, program);
    if (program.steps.size() == limits.steps) in.fail_at(begin, fmt::format("more than {} steps", limits.steps));
    if (const auto* waited = std::get_if<Pause>(&step.action)) {
      if (waited->length > pauses) in.fail_at(begin, "pauses of more than a thousand days");
      pauses -= waited->length;
    }
    if (!in.ok()) break;
    program.steps.push_back(std::move(step));
  }
  if (!in.ok() && reading == Reading::strict) return std::unexpected(in.fault());
  return program;
}

}  // namespace tcpspec::fuzz
