// The tester's side of the wire.

#include <fmt/format.h>

#include "engine/play.hh"
#include "packet/icmp.hh"

namespace tcpspec::engine {

using packet::Flags;
using script::SendOption;

packet::Segment Play::blank_segment(int index) const {
  const auto& own = connection(index);
  packet::Segment segment;
  segment.source = {setup_.attachment.tester, own.tester_port};
  segment.destination = {setup_.attachment.target, own.target_port != 0 ? own.target_port : setup_.attachment.port};
  segment.window = own.view.last_window_sent();
  return segment;
}

packet::Timestamps Play::own_timestamps(int index, Instant now) const {
  const auto elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(now - outcome_.started).count();
  return {first_timestamp + static_cast<std::uint32_t>(elapsed), connection(index).view.target_timestamp()};
}

std::vector<packet::Option> Play::make_options(const std::vector<SendOption>& options, int index, Instant now) const {
  std::vector<packet::Option> out;
  const auto& view = connection(index).view;
  const auto number = [&](const SendOption& option, std::size_t i) { return option.numbers[i].evaluate(*this); };
  for (const auto& option : options) {
    switch (option.kind) {
      case SendOption::Kind::nop:
        out.emplace_back(packet::Nop{});
        break;
      case SendOption::Kind::end_of_list:
        out.emplace_back(packet::EndOfList{});
        break;
      case SendOption::Kind::mss:
        out.emplace_back(packet::Mss{static_cast<std::uint16_t>(number(option, 0))});
        break;
      case SendOption::Kind::window_scale:
        out.emplace_back(packet::WindowScale{static_cast<std::uint8_t>(number(option, 0))});
        break;
      case SendOption::Kind::sack_permitted:
        out.emplace_back(packet::SackPermitted{});
        break;
      case SendOption::Kind::sack: {
        packet::Sack sack;
        for (std::size_t i = 0; i + 1 < option.numbers.size(); i += 2)
          sack.blocks.emplace_back(view.from_target_space(number(option, i)).raw(),
                                   view.from_target_space(number(option, i + 1)).raw());
        out.emplace_back(std::move(sack));
        break;
      }
      case SendOption::Kind::timestamps:
        if (option.numbers.empty())
          out.emplace_back(own_timestamps(index, now));
        else
          out.emplace_back(packet::Timestamps{static_cast<std::uint32_t>(number(option, 0)),
                                              static_cast<std::uint32_t>(number(option, 1))});
        break;
      case SendOption::Kind::unknown:
        out.emplace_back(packet::UnknownOption{static_cast<std::uint8_t>(number(option, 0)), option.bytes});
        break;
      case SendOption::Kind::raw:
        out.emplace_back(packet::RawBytes{option.bytes});
        break;
    }
  }
  return out;
}

void Play::run_send(const script::SendSegment& send, const script::Step& step, Instant now) {
  const int index = step.connection;
  auto& own = connection(index);
  auto segment = blank_segment(index);
  segment.flags = send.flags;
  const auto relative_seq = send.seq ? static_cast<std::uint32_t>(send.seq->evaluate(*this)) : own.view.rcv_nxt();
  segment.seq = own.view.from_tester_space(relative_seq);
  if (send.ack)
    segment.ack = own.view.from_target_space(send.ack->evaluate(*this));
  else if (send.flags.has(Flags::ack))
    segment.ack = own.view.from_target_space(own.view.snd_nxt());
  if (send.window) segment.window = static_cast<std::uint16_t>(send.window->evaluate(*this));
  if (send.urgent) segment.urgent = static_cast<std::uint16_t>(send.urgent->evaluate(*this));
  if (send.ttl) segment.ip.ttl = static_cast<std::uint8_t>(send.ttl->evaluate(*this));
  if (send.traffic_class) segment.ip.traffic_class = static_cast<std::uint8_t>(send.traffic_class->evaluate(*this));
  // The first octet of the stream has number 1; on a SYN it follows the SYN itself.
  const std::uint64_t offset = relative_seq + (send.flags.has(Flags::syn) ? 1u : 0u) - 1u;
  if (!send.literal.empty()) {
    segment.payload = send.literal;
    literals_.push_back({index, false, offset, send.literal});
  } else if (send.length) {
    const auto length = std::clamp<std::int64_t>(send.length->evaluate(*this), 0, 65'000);
    segment.payload.resize(static_cast<std::size_t>(length));
    write_pattern(Stream::from_tester, offset, segment.payload);
  }
  if (send.options)
    segment.options = make_options(*send.options, index, now);
  else if (own.view.timestamps_in_force() && !send.flags.has(Flags::syn))
    segment.options = {packet::Nop{}, packet::Nop{}, own_timestamps(index, now)};
  const auto& broken = send.malformation;
  const bool refused = send.ignored || broken.tcp_checksum || broken.tcp_checksum_xor || broken.data_offset ||
                       broken.ip_total_length || broken.ip_checksum_xor || broken.ip_protocol || broken.truncate_to;
  const auto acceptance = refused ? oracle::Acceptance::refused : oracle::Acceptance::expected;
  if (own.side) went_round_peer(index, segment, acceptance);
  send_segment(index, std::move(segment), &step, broken, acceptance, now);
}

void Play::send_segment(int index, packet::Segment segment, const script::Step* step,
                        const packet::Malformation& malformation, oracle::Acceptance acceptance, Instant now) {
  auto& own = connection(index);
  segment.ip.identification = identification_++;
  if (setup_.observer) setup_.observer->sends(index, own.view, segment, malformation, acceptance);
  auto datagram = packet::serialize(segment, malformation);
  monitor_.sent(datagram);
  commands_.inject(datagram);
  own.view.sent(segment, acceptance, now);
  own.urgent_sent = own.urgent_sent || segment.flags.has(Flags::urg);
  if (acceptance == oracle::Acceptance::expected &&
      packet::SegmentView(datagram).payload().size() != segment.payload.size())
    own.stream_unsure = true;
  if (own.target_port == 0 && segment.flags.has(Flags::syn) && !segment.flags.has(Flags::ack))
    own.target_port = segment.destination.port;
  auto& entry = outcome_.trace.emplace_back();
  entry.kind = EntryKind::sent;
  entry.fixture = step && step->fixture;
  entry.at = now;
  entry.step = step;
  entry.connection = index;
  entry.bases = oracle::bases(own.view);
  entry.packet = std::move(datagram);
  done_at(now);
}

// A pure acknowledgement of everything that was consumed.
void Play::acknowledge(int index, Instant now) {
  auto& own = connection(index);
  auto segment = blank_segment(index);
  segment.flags = Flags::ack;
  segment.seq = own.view.from_tester_space(own.view.rcv_nxt());
  segment.ack = own.view.from_target_space(own.view.snd_nxt());
  if (own.view.timestamps_in_force()) segment.options = {packet::Nop{}, packet::Nop{}, own_timestamps(index, now)};
  send_segment(index, std::move(segment), current_, {}, oracle::Acceptance::expected, now);
}

void Play::run_icmp(const script::SendIcmp& icmp, const script::Step& step, Instant now) {
  auto& own = connection(step.connection);
  Bytes quoted;
  if (!own.queue.empty())
    quoted = own.queue.back().datagram;
  else if (own.last_recorded)
    quoted = outcome_.trace[*own.last_recorded].packet;
  const packet::SegmentView view{packet::BytesView(quoted)};
  if (!view.has_tcp_header())
    return give_up(step, "an ICMP message quotes a segment of the target, and it has sent none");
  std::optional<std::uint32_t> seq;
  if (icmp.quoted_seq) seq = own.view.from_target_space(icmp.quoted_seq->evaluate(*this)).raw();
  std::optional<std::uint16_t> port;
  if (icmp.quoted_source_port) port = static_cast<std::uint16_t>(icmp.quoted_source_port->evaluate(*this));
  packet::forge_quotation(quoted, seq, port);
  packet::IcmpError error{setup_.attachment.tester,
                          setup_.attachment.target,
                          static_cast<std::uint8_t>(icmp.type),
                          static_cast<std::uint8_t>(icmp.code),
                          0,
                          std::move(quoted)};
  if (icmp.rest_of_header) error.rest_of_header = static_cast<std::uint32_t>(icmp.rest_of_header->evaluate(*this));
  if (setup_.observer) setup_.observer->sends(step.connection, own.view, error);
  auto datagram = packet::serialize(error);
  monitor_.sent(datagram);
  commands_.inject(datagram);
  auto& entry = outcome_.trace.emplace_back();
  entry.kind = EntryKind::sent;
  entry.fixture = step.fixture;
  entry.at = now;
  entry.step = &step;
  entry.connection = step.connection;
  entry.bases = oracle::bases(own.view);
  entry.packet = std::move(datagram);
  entry.text = fmt::format("ICMP type {} code {}", icmp.type, icmp.code);
  done_at(now);
}

}  // namespace tcpspec::engine
