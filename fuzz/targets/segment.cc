// Any octets as an IP datagram. No accessor reads beyond them, what parse() takes it gives back
// octet for octet, and a host that gets them, as they are and with the right addresses and
// checksums, keeps to the invariants and goes on answering. As answers of a target they may be
// anything, too.

#include <algorithm>

#include "fuzz/targets/hosts.hh"
#include "fuzz/targets/require.hh"
#include "packet/icmp.hh"
#include "packet/segment_view.hh"

namespace {

using namespace tcpspec;
using fuzz::Host;
using fuzz::require;
using packet::Bytes;
using packet::BytesView;
using packet::Family;
using packet::Flags;

bool lies_within(BytesView part, BytesView whole) {
  return part.empty() || (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

void read_all(BytesView datagram) {
  const packet::SegmentView view(datagram);
  require(lies_within(view.ip_payload(), datagram) && lies_within(view.option_bytes(), datagram) &&
              lies_within(view.payload(), datagram),
          "a part of a datagram lies in it");
  const auto options = view.options();
  require(lies_within(options.after_end_of_list, datagram), "a part of the options lies in the datagram");
  for (const auto& parsed : options.options) require(!to_string(parsed.option).empty(), "an option can be shown");
  require(!(view.is_tcp() && view.is_icmp()), "a datagram is TCP or ICMP");
  if (view.has_tcp_header())
    require(view.is_tcp() && view.option_bytes().size() + view.payload().size() + 20 <= view.ip_payload().size(),
            "header and text fit the datagram");
  require(view.length() >= view.payload().size() && view.length() <= view.payload().size() + 2, "SEG.LEN");
  require(view.source().port == view.source_port() && view.destination().port == view.destination_port(), "ports");
  static_cast<void>(view.ip_checksum_ok());
  static_cast<void>(view.checksum_ok());
  if (const auto icmp = packet::view_icmp(datagram)) {
    require(view.is_icmp() && lies_within(icmp->quoted, datagram), "what ICMP quotes lies in it");
    const packet::SegmentView quoted(icmp->quoted);
    static_cast<void>(quoted.seq());
  }
}

void write_again(BytesView datagram) {
  const auto segment = packet::parse(datagram);
  if (!segment) return;
  const auto written = packet::serialize(*segment);
  require(std::ranges::equal(written, datagram), "serialize(*parse(b)) == b");
  require(packet::parse(written) == segment, "parse(serialize(s)) == s");
}

void arrive(const Bytes& datagram, const Bytes& readdressed, const fuzz::Offer& offer) {
  Host host(offer);
  host.inject(datagram);
  if (readdressed != datagram) host.inject(readdressed);
  host.read();
  host.let_time_pass(2);
  host.probe();
}

// What a target says may be anything; the monitor has its opinion, and no more than that.
void be_answered(const Bytes& datagram, const Bytes& syn) {
  oracle::InvariantMonitor monitor;
  monitor.sent(syn);
  for (int times = 0; times < 2; ++times)
    for (const auto& violation : monitor.received(datagram))
      require(violation.invariant != nullptr && !violation.what.empty(), "a violation says what it is");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto octets = std::as_bytes(std::span(data, size));
  const Bytes datagram(octets.begin(), octets.end());
  read_all(datagram);
  write_again(datagram);
  const packet::SegmentView view(datagram);
  if (!view.family()) return 0;

  const fuzz::Offer offer{*view.family(), view.has_tcp_header() && view.source_port() == 40'001};
  const auto tester = fuzz::tester_address(offer.family), host = fuzz::host_address(offer.family);
  Bytes forth = datagram;
  fuzz::readdress(forth, tester, host);
  write_again(forth);
  arrive(datagram, forth, offer);

  Bytes back = datagram;
  fuzz::readdress(back, host, tester);
  packet::Segment syn;
  syn.source = {tester, view.destination_port()};
  syn.destination = {host, view.source_port()};
  syn.flags = Flags::syn;
  be_answered(back, packet::serialize(syn));
  return 0;
}
