// tcpspec-adapter-host PLUG-IN: loads an adapter, and serves it. tcpspec starts it, so that a stack
// that dies takes nobody with it.

#include <dlfcn.h>

#include <cstdio>
#include <string>

#include "program/serve.hh"

namespace {

// tcpspec knows its complaints by how they begin, and does not take them for the last words of a stack that died.
int complain(const std::string& what) {
  std::fprintf(stderr, "tcpspec-adapter-host: %s\n", what.c_str());
  return 2;
}

}  // namespace

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
    std::string why = dlerror();
    if (why.starts_with(path + ": ")) why.erase(0, path.size() + 2);
    return complain(path + " cannot be loaded: " + why);
  }
  using Get = const tcpspec_adapter* (*)();
  const auto get = reinterpret_cast<Get>(dlsym(library, "tcpspec_get_adapter"));
  if (get == nullptr) return complain(path + " is no adapter: it does not export tcpspec_get_adapter()");
  const auto* adapter = get();
  if (adapter == nullptr || adapter->abi != TCPSPEC_ADAPTER_ABI || adapter->size < sizeof(tcpspec_adapter))
    return complain(path + " was compiled with another version of adapter.h than " +
                    std::to_string(TCPSPEC_ADAPTER_ABI));
  return tcpspec::adapter::serve(*adapter, channel);
}
