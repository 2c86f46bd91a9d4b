#pragma once
// Closes what must not be closed on the engine's thread because it takes long: TUN
// devices (about 27 ms each, which overlap well) and sockets that linger.

#include <cstdint>
#include <expected>
#include <memory>
#include <vector>

#include "target/linux/descriptor.hh"
#include "target/target.hh"

namespace tcpspec::target {

class Reaper {
 public:
  struct Closed {
    AttachmentId attachment = 0;
    CallId call = 0;
    int error = 0;
  };

  [[nodiscard]] static std::expected<Reaper, EnvironmentError> open();
  Reaper(Reaper&&) = default;
  Reaper& operator=(Reaper&&) = delete;
  // Waits for the devices, not for lingering sockets: those may take as long as they like.
  ~Reaper();

  // At most 64 at a time; the next one waits for a place.
  void dispose(std::vector<Descriptor> devices);
  void close_lingering(Descriptor socket, AttachmentId attachment, CallId call);

  // Readable while finished() has something to say.
  [[nodiscard]] int descriptor() const;
  [[nodiscard]] std::vector<Closed> finished();
  // Lingering closes that finished() has not told of yet.
  [[nodiscard]] std::size_t lingering() const { return lingering_; }

 private:
  struct Shared;
  explicit Reaper(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}
  std::shared_ptr<Shared> shared_;
  std::size_t lingering_ = 0;
};

}  // namespace tcpspec::target
