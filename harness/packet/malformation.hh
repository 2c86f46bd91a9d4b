#pragma once
// Changes to a datagram that is already written.

#include "packet/segment.hh"

namespace tcpspec::packet {

// Breaks `datagram`, a well-formed one whose TCP header follows the fixed IP
// header at once, and computes the checksums anew.
void apply(const Malformation& malformation, Family family, Bytes& datagram);

}  // namespace tcpspec::packet
