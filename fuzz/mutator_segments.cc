// The stimuli themselves: what a mutator puts in their fields.

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "fuzz/mutator.hh"

namespace tcpspec::fuzz {

using packet::Flags;
using Base = Number::Base;

Step Mutator::new_step(const Program& program) {
  Step step;
  const auto what = below(100);
  if (what < 62)
    step.action = new_segment();
  else if (what < 84)
    step.action = new_call(program);
  else if (what < 97)
    step.action = Pause{new_pause()};
  else
    step.action = SendIcmp{.type = static_cast<std::uint8_t>(program.family == packet::Family::ipv4 ? 3 : below(5)),
                           .code = static_cast<std::uint8_t>(below(16)),
                           .rest_of_header = below(2000)};
  const auto connections = static_cast<std::uint32_t>(program.connections.size());
  if (connections > 1 && !std::holds_alternative<Pause>(step.action) && chance(30))
    step.connection = static_cast<std::uint8_t>(below(connections));
  return step;
}

Flags Mutator::new_flags() {
  constexpr std::array common = {Flags(Flags::ack),       Flags(Flags::ack),
                                 Flags(Flags::ack),       Flags::ack | Flags::psh,
                                 Flags::ack | Flags::psh, Flags::ack | Flags::fin,
                                 Flags::ack | Flags::fin, Flags(Flags::rst),
                                 Flags::rst | Flags::ack, Flags(Flags::syn),
                                 Flags::syn | Flags::ack, Flags::ack | Flags::urg,
                                 Flags(Flags::fin),       Flags()};
  if (chance(88)) return pick(common);
  return Flags(static_cast<std::uint16_t>(below(512)));
}

// Small ones first: the edges are where stacks go wrong.
std::int64_t Mutator::distance() {
  constexpr std::array<std::int64_t, 22> edges = {-1,    1,      -2,      2,      0,       4,          -4,    10,
                                                  -10,   100,    -100,    536,    -536,    1000,       -1000, 1460,
                                                  -1460, 65'535, -65'535, 65'536, 100'000, 0x7fff'ffff};
  if (chance(75)) return edges[below(chance(70) ? 10 : static_cast<std::uint32_t>(edges.size()))];
  return static_cast<std::int64_t>(below(3000)) - 1500;
}

// Lines of descent are long, and a field of 33 bits is not.
void Mutator::move(Number& number, std::int64_t by) {
  constexpr auto most = std::int64_t{1} << 32;
  number.offset = std::clamp(number.offset + by, -most, most);
}

Number Mutator::near(std::initializer_list<Base> bases) {
  const auto base = *(bases.begin() + below(static_cast<std::uint32_t>(bases.size())));
  return {base, chance(30) ? 0 : distance()};
}

Number Mutator::new_length() {
  constexpr std::array<std::int64_t, 12> usual = {1, 1, 2, 10, 20, 100, 100, 100, 500, 536, 1000, 1460};
  if (chance(90)) return {Base::zero, pick(usual)};
  if (chance(25)) return {Base::rcv_wnd, distance()};
  return {chance(50) ? Base::rcv_mss : Base::snd_mss, distance()};
}

Bytes Mutator::new_octets(std::uint32_t most) {
  Bytes octets(1 + below(most));
  for (auto& octet : octets) octet = static_cast<std::byte>(chance(30) ? 0 : below(256));
  return octets;
}

OptionItem Mutator::new_option() {
  using Kind = OptionItem::Kind;
  OptionItem option;
  const auto constant = [](std::int64_t number) { return Number{Base::zero, number}; };
  switch (below(12)) {
    case 0:
    case 1: {
      constexpr std::array<std::int64_t, 9> sizes = {1460, 536, 0, 1, 11, 12, 100, 1220, 65'535};
      option.kind = Kind::mss;
      option.numbers = {constant(pick(sizes))};
      break;
    }
    case 2:
      option.kind = Kind::window_scale;
      option.numbers = {constant(below(chance(80) ? 15 : 256))};
      break;
    case 3:
      option.kind = Kind::sack_permitted;
      break;
    case 4:
    case 5:
      option.kind = Kind::sack;
      for (std::uint32_t blocks = 1 + below(chance(85) ? 4 : 10); blocks > 0; --blocks) {
        const auto left = near({Base::snd_una, Base::snd_nxt});
        option.numbers.push_back(left);
        option.numbers.push_back(chance(70) ? Number{left.base, left.offset + distance()} : near({Base::snd_nxt}));
      }
      break;
    case 6:
      option.kind = Kind::timestamps;
      if (chance(70)) option.numbers = {near({Base::ts_recent}), near({Base::ts_val})};
      break;
    case 7:
      option.kind = Kind::unknown;
      option.numbers = {constant(9 + below(246))};
      if (chance(80)) option.bytes = new_octets(12);
      break;
    case 8:
      option.kind = Kind::end_of_list;
      break;
    case 9:
    case 10: {
      // A kind that is known with a length that lies.
      constexpr std::array<std::uint8_t, 9> kinds = {2, 3, 4, 5, 8, 28, 30, 34, 254};
      option.kind = Kind::raw;
      option.bytes = {static_cast<std::byte>(pick(kinds)), static_cast<std::byte>(chance(60) ? below(6) : below(256))};
      if (chance(60)) {
        const auto more = new_octets(8);
        option.bytes.insert(option.bytes.end(), more.begin(), more.end());
      }
      break;
    }
    default:
      break;
  }
  return option;
}

std::vector<OptionItem> Mutator::new_options() {
  std::vector<OptionItem> options(1 + below(3));
  for (auto& option : options) option = new_option();
  return options;
}

SendSegment Mutator::new_segment() {
  SendSegment segment;
  segment.flags = new_flags();
  if (chance(45)) segment.seq = near({Base::rcv_nxt, Base::rcv_nxt, Base::rcv_edge});
  if (segment.flags.has(Flags::ack) && chance(35)) segment.ack = near({Base::snd_nxt, Base::snd_una});
  if (chance(50)) segment.length = new_length();
  if (chance(20)) segment.window = static_cast<std::uint16_t>(pick(std::array{0, 1, 100, 536, 1460, 4000, 65'535}));
  if (segment.flags.has(Flags::urg) || chance(3))
    segment.urgent = static_cast<std::uint16_t>(pick(std::array{0, 1, 2, 100, 1000, 65'535}));
  if (segment.flags.has(Flags::syn) ? chance(60) : chance(15)) segment.options = new_options();
  if (chance(2)) break_segment(segment.malformation);
  return segment;
}

void Mutator::break_segment(packet::Malformation& malformation) {
  switch (below(10)) {
    case 0:
      malformation.tcp_checksum_xor = static_cast<std::uint16_t>(1U << below(16));
      break;
    case 1:
      malformation.data_offset = static_cast<std::uint8_t>(below(16));
      break;
    case 2:
      malformation.reserved = static_cast<std::uint8_t>(1 + below(7));
      break;
    case 3:
      malformation.ip_total_length = static_cast<std::uint16_t>(below(chance(80) ? 100 : 65'536));
      break;
    case 4:
      malformation.truncate_to = 20 + below(60);
      break;
    case 5:
      malformation.ip_options = new_octets(8);
      malformation.ip_options.front() = static_cast<std::byte>(1);
      break;
    case 6:
      // Zero says in UDP that there is none, and all ones is the other zero (RFC 1071 section 2).
      malformation.tcp_checksum = static_cast<std::uint16_t>(chance(50) ? 0 : 0xffff);
      break;
    case 7:
      malformation.ip_checksum_xor = static_cast<std::uint16_t>(1U << below(16));
      break;
    case 8:
      malformation.ip_protocol = static_cast<std::uint8_t>(below(256));
      break;
    default:
      malformation = {};
      break;
  }
}

Call Mutator::new_call(const Program& program) {
  using Kind = Call::Kind;
  struct Likely {
    Kind kind;
    std::uint8_t socket;
    std::int64_t number;
  };
  constexpr std::array<Likely, 18> usual = {{{Kind::send, 1, 100},
                                             {Kind::send, 1, 1},
                                             {Kind::send, 1, 3000},
                                             {Kind::send, 1, 20'000},
                                             {Kind::receive, 1, 1},
                                             {Kind::receive, 1, 100},
                                             {Kind::receive, 1, 1000},
                                             {Kind::receive, 1, 20'000},
                                             {Kind::close, 1, 0},
                                             {Kind::shutdown_write, 1, 0},
                                             {Kind::shutdown_both, 1, 0},
                                             {Kind::shutdown_read, 1, 0},
                                             {Kind::abort, 1, 0},
                                             {Kind::accept, 0, 0},
                                             {Kind::listen, 0, 16},
                                             {Kind::connect, 1, 0},
                                             {Kind::close, 0, 0},
                                             {Kind::set_option, 1, 1}}};
  const auto& likely = usual[below(usual.size())];
  Call call;
  call.kind = likely.kind;
  call.socket = likely.socket;
  if (call.socket == 1 && program.connections.size() > 1)
    call.socket = static_cast<std::uint8_t>(1 + below(static_cast<std::uint32_t>(program.connections.size())));
  call.number = likely.number;
  if (call.kind == Kind::set_option) {
    constexpr std::array<std::string_view, 6> options = {"TCP_NODELAY", "SO_KEEPALIVE", "SO_RCVBUF",
                                                         "SO_SNDBUF",   "TCP_MAXSEG",   "SO_LINGER"};
    call.option = pick(options);
    call.number = chance(70) ? below(5000) : 1;
  }
  call.urgent = call.kind == Kind::send && chance(8);
  return call;
}

Duration Mutator::new_pause() {
  using namespace std::chrono_literals;
  constexpr std::array<Duration, 12> lengths = {1ms, 50ms, 200ms, 250ms, 500ms, 1s, 1100ms, 3s, 10s, 61s, 300s, 7500s};
  return lengths[below(chance(80) ? 9 : static_cast<std::uint32_t>(lengths.size()))];
}

void Mutator::change_segment(SendSegment& segment) {
  switch (below(12)) {
    case 0:
      segment.flags = new_flags();
      break;
    case 1:
      segment.flags = Flags(static_cast<std::uint16_t>(segment.flags.bits() ^ (1U << below(9))));
      break;
    case 2:
      segment.seq = near({Base::rcv_nxt, Base::rcv_edge});
      break;
    case 3:
      if (segment.seq) move(*segment.seq, distance());
      break;
    case 4:
      segment.ack = near({Base::snd_nxt, Base::snd_una});
      break;
    case 5:
      segment.length = chance(30) ? Number{} : new_length();
      segment.literal.clear();
      break;
    case 6:
      segment.window = static_cast<std::uint16_t>(chance(50) ? below(3) : below(65'536));
      break;
    case 7:
    case 8:
      if (!segment.options)
        segment.options = new_options();
      else
        change_options(*segment.options);
      break;
    case 9:
      segment.urgent = static_cast<std::uint16_t>(chance(50) ? below(10) : below(65'536));
      segment.flags = segment.flags | Flags::urg;
      break;
    case 10:
      break_segment(segment.malformation);
      break;
    default:
      segment.seq.reset();
      segment.ack.reset();
      segment.malformation = {};
      break;
  }
}

void Mutator::change_options(std::vector<OptionItem>& options) {
  constexpr std::size_t most = 12;
  const auto any = [&] { return options.begin() + below(static_cast<std::uint32_t>(options.size())); };
  switch (options.empty() ? 0 : below(6)) {
    case 0:
      options.push_back(new_option());
      break;
    case 1:
      options.push_back(*any());
      break;
    case 2:
      options.erase(any());
      break;
    case 3:
      std::iter_swap(any(), any());
      break;
    default:
      change_option(*any());
      break;
  }
  if (options.size() > most) options.resize(most);
}

void Mutator::change_option(OptionItem& option) {
  if (!option.numbers.empty()) {
    auto& number = option.numbers[below(static_cast<std::uint32_t>(option.numbers.size()))];
    if (chance(50))
      move(number, distance());
    else
      number.offset = static_cast<std::int64_t>(below(70'000));
    if (number.base == Base::zero) number.offset = std::max<std::int64_t>(number.offset, 0);
  } else if (!option.bytes.empty()) {
    option.bytes[below(static_cast<std::uint32_t>(option.bytes.size()))] = static_cast<std::byte>(below(256));
    if (chance(20)) option.bytes.resize(1 + below(12));
  } else {
    option = new_option();
  }
}

}  // namespace tcpspec::fuzz
