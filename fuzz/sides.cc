#include "fuzz/sides.hh"

#include "packet/segment_view.hh"

namespace tcpspec::fuzz {

std::int64_t value_of(const Number& number, const oracle::ConnectionView& view) {
  using Base = Number::Base;
  using Variable = script::Variable;
  const auto from = [&](Variable variable) { return view.variable(variable) + number.offset; };
  switch (number.base) {
    case Base::zero:
      return number.offset;
    case Base::rcv_nxt:
      return from(Variable::rcv_nxt);
    case Base::rcv_edge:
      return from(Variable::rcv_nxt) + view.variable(Variable::rcv_wnd);
    case Base::snd_nxt:
      return from(Variable::snd_nxt);
    case Base::snd_una:
      return from(Variable::snd_una);
    case Base::rcv_wnd:
      return from(Variable::rcv_wnd);
    case Base::snd_mss:
      return from(Variable::snd_mss);
    case Base::rcv_mss:
      return from(Variable::rcv_mss);
    case Base::ts_recent:
      return from(Variable::ts_recent);
    case Base::ts_val:
      return from(Variable::ts_val);
  }
  return number.offset;
}

packet::Option option_of(const OptionItem& item, const oracle::ConnectionView& view, const packet::Timestamps& own) {
  using Kind = OptionItem::Kind;
  const auto number = [&](std::size_t i) {
    return i < item.numbers.size() ? value_of(item.numbers[i], view) : std::int64_t{0};
  };
  switch (item.kind) {
    case Kind::nop:
      return packet::Nop{};
    case Kind::end_of_list:
      return packet::EndOfList{};
    case Kind::mss:
      return packet::Mss{static_cast<std::uint16_t>(number(0))};
    case Kind::window_scale:
      return packet::WindowScale{static_cast<std::uint8_t>(number(0))};
    case Kind::sack_permitted:
      return packet::SackPermitted{};
    case Kind::sack: {
      packet::Sack sack;
      for (std::size_t i = 0; i + 1 < item.numbers.size(); i += 2)
        sack.blocks.emplace_back(view.from_target_space(number(i)).raw(), view.from_target_space(number(i + 1)).raw());
      return sack;
    }
    case Kind::timestamps:
      if (item.numbers.empty()) return own;
      return packet::Timestamps{static_cast<std::uint32_t>(number(0)), static_cast<std::uint32_t>(number(1))};
    case Kind::unknown:
      return packet::UnknownOption{static_cast<std::uint8_t>(number(0)), item.bytes};
    case Kind::raw:
      break;
  }
  return packet::RawBytes{item.bytes};
}

bool breaks(const packet::Malformation& malformation) {
  return malformation.tcp_checksum || malformation.tcp_checksum_xor || malformation.data_offset ||
         malformation.ip_total_length || malformation.ip_checksum_xor || malformation.ip_protocol ||
         malformation.truncate_to;
}

void Sides::add(int tuple_of, std::optional<packet::Seq32> iss) {
  const auto drawn = engine::draw_beginning(draw_, sides_.size());
  const auto port = tuple_of < 0 ? drawn.port : sides_[static_cast<std::size_t>(tuple_of)].tester_port;
  active_.push_back(tuple_of < 0 ? static_cast<int>(sides_.size()) : active_[static_cast<std::size_t>(tuple_of)]);
  sides_.push_back(Side{oracle::ConnectionView(family_, iss.value_or(drawn.iss), mtu_), port, tuple_of, {}});
}

void Sides::begin(std::size_t index, packet::Seq32 iss) {
  sides_[index].view = oracle::ConnectionView(family_, iss, mtu_);
}

bool Sides::takes_over(std::size_t index) const {
  return sides_[index].tuple_of >= 0 && !sides_[index].view.used() && active_[index] != static_cast<int>(index);
}

void Sides::take_over(std::size_t index) {
  for (std::size_t i = 0; i < sides_.size(); ++i)
    if (sides_[i].tester_port == sides_[index].tester_port) active_[i] = static_cast<int>(index);
}

int Sides::route(BytesView datagram) const {
  const packet::SegmentView segment(datagram);
  if (!segment.has_tcp_header()) return -1;
  for (std::size_t i = 0; i < sides_.size(); ++i)
    if (sides_[i].tester_port == segment.destination_port()) return active_[i];
  return -1;
}

void Sides::take(int index, BytesView datagram) {
  if (index < 0) return;
  auto& own = sides_[static_cast<std::size_t>(index)];
  own.view.consumed(packet::SegmentView(datagram));
  own.last_answer.assign(datagram.begin(), datagram.end());
}

}  // namespace tcpspec::fuzz
