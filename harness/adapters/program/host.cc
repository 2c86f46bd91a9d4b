// tcpspec-adapter-host PLUG-IN: loads an adapter, and serves it. tcpspec starts it, so that a stack
// that dies takes nobody with it.

#include <dlfcn.h>

#include <cstdio>
#include <string>

#include "program/serve.hh"

int main(int argc, char** argv) {
  constexpr int channel = 3;  // adapter_messages.h
  if (argc != 2) {
    std::fputs("usage: tcpspec-adapter-host PLUG-IN, with the channel on descriptor 3; tcpspec starts it by itself\n",
               stderr);
    return 2;
  }
  // A name without a slash would be looked for among the system's libraries.
  std::string path = argv[1];
  if (path.find('/') == std::string::npos) path.insert(0, "./");
  void* library = dlopen(path.c_str(), RTLD_NOW);
  if (library == nullptr) {
    std::fprintf(stderr, "%s\n", dlerror());
    return 2;
  }
  using Get = const tcpspec_adapter* (*)();
  const auto get = reinterpret_cast<Get>(dlsym(library, "tcpspec_get_adapter"));
  if (get == nullptr) {
    std::fprintf(stderr, "%s is no adapter: it does not export tcpspec_get_adapter()\n", path.c_str());
    return 2;
  }
  const auto* adapter = get();
  if (adapter == nullptr || adapter->abi != TCPSPEC_ADAPTER_ABI || adapter->size < sizeof(tcpspec_adapter)) {
    std::fprintf(stderr, "%s was compiled with another version of adapter.h than %d\n", path.c_str(),
                 TCPSPEC_ADAPTER_ABI);
    return 2;
  }
  return tcpspec::adapter::serve(*adapter, channel);
}
