#pragma once
// Octets that the application has sent, from SND.UNA on: sent and not yet
// acknowledged, then not yet sent. RFC 9293 sections 3.3.1 and 3.9.1.2.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "packet/segment.hh"
#include "packet/seq32.hh"
#include "reference/octet_queue.hh"

namespace tcpspec::reference {

using packet::Bytes;
using packet::BytesView;
using packet::Seq32;

class SendBuffer {
 public:
  // `first` is the sequence number of the first octet that will be appended.
  SendBuffer(Seq32 first, std::size_t capacity);
  void start_at(Seq32 first);  // only while nothing was appended: the ISS is chosen late

  enum class Push : std::uint8_t { no, yes };
  // Takes as many as fit, and says how many. With Push::yes the last octet that was taken
  // ends pushed data (RFC 9293 section 3.9.1.2).
  [[nodiscard]] std::size_t append(BytesView octets, Push push);
  // Drops what lies before `una`.
  void acknowledge(Seq32 una);

  [[nodiscard]] Seq32 begin() const { return begin_; }
  [[nodiscard]] Seq32 end() const { return begin_ + static_cast<std::uint32_t>(octets_.size()); }
  [[nodiscard]] std::size_t size() const { return octets_.size(); }
  [[nodiscard]] bool empty() const { return octets_.empty(); }
  [[nodiscard]] std::size_t room() const;  // octets that append() would take
  [[nodiscard]] std::size_t capacity() const { return capacity_; }
  void set_capacity(std::size_t capacity);  // what is held stays held

  // `count` octets from `from`; both within the buffer.
  [[nodiscard]] Bytes copy(Seq32 from, std::size_t count) const;
  // Whether pushed data ends in (from, to]: PSH belongs on a segment that carries it.
  [[nodiscard]] bool push_within(Seq32 from, Seq32 to) const;
  // Octets from `from` up to the last end of pushed data; 0 where none lies behind it.
  [[nodiscard]] std::size_t pushed_from(Seq32 from) const;

 private:
  Seq32 begin_;
  std::size_t capacity_;
  OctetQueue octets_;
  std::vector<Seq32> pushes_;  // positions behind the last octet of pushed data, in order
};

}  // namespace tcpspec::reference
