#pragma once
// close(2) of a socket that lingers may block for as long as SO_LINGER says, also where the socket
// is non-blocking. So such a close has a thread of its own.

#include <cstdint>
#include <memory>
#include <vector>

#include "target/linux/descriptor.hh"

namespace tcpspec::agent {

using target::Descriptor;

class Lingering {
 public:
  struct Closed {
    std::int32_t socket = 0;
    int error = 0;  // an errno
  };

  // The pipe could not be made where descriptor() is negative.
  Lingering();
  void close(Descriptor descriptor, std::int32_t socket);
  // Readable while finished() has something to tell.
  [[nodiscard]] int descriptor() const;
  [[nodiscard]] std::vector<Closed> finished();

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;  // with the threads, which may outlive us
};

}  // namespace tcpspec::agent
