// How the sanitizers are set in every fuzz target; ASAN_OPTIONS and UBSAN_OPTIONS come on top.
//
// detect_container_overflow: libtins, yaml-cpp and fmt are often the distribution's, built without
//   sanitizers. Where the library of the standard annotates its containers (libc++ does), such a
//   vector grows there without the annotation, and reads of it are reported here.
// The rest is time: of a target that takes a few microseconds the half would go into the stacks of allocations, and
//   into memory that lies cold in quarantine. What an input allocated is not used behind the next hundreds.
//   Locals used after a return are looked for on demand: detect_stack_use_after_return=1, a fifth slower.

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
  return "detect_container_overflow=0:malloc_context_size=0:max_malloc_fill_size=0:quarantine_size_mb=1:"
         "thread_local_quarantine_size_kb=256:detect_stack_use_after_return=0" NAMES;
}
extern "C" const char* __ubsan_default_options() {
  return "print_stacktrace=1:halt_on_error=1";
}
// NOLINTEND(bugprone-reserved-identifier)
