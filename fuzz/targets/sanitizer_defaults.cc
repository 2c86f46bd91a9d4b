// How the sanitizers are set in every fuzz target; ASAN_OPTIONS and UBSAN_OPTIONS come on top.
//
// detect_container_overflow: libtins, yaml-cpp and fmt are often the distribution's, built without
//   sanitizers. Where the library of the standard annotates its containers (libc++ does), such a
//   vector grows there without the annotation, and reads of it are reported here.
// malloc_context_size, max_malloc_fill_size, quarantine_size_mb: half of the time of a target that takes a microsecond
//   would go into the stacks of allocations, and into memory that is not used again.

// NOLINTBEGIN(bugprone-reserved-identifier): the names are the sanitizers'
extern "C" const char* __asan_default_options();
extern "C" const char* __ubsan_default_options();

extern "C" const char* __asan_default_options() {
#ifdef TCPSPEC_FUZZ_WITHOUT_NAMES
  // Thousands of deaths while a finding is minimised, and a second each for the names of functions.
#define NAMES ":symbolize=0"
#else
#define NAMES ""
#endif
  return "detect_container_overflow=0:malloc_context_size=0:max_malloc_fill_size=0:quarantine_size_mb=8" NAMES;
}
extern "C" const char* __ubsan_default_options() {
  return "print_stacktrace=1:halt_on_error=1";
}
// NOLINTEND(bugprone-reserved-identifier)
