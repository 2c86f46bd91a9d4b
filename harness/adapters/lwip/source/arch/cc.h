/* What lwIP asks of the compiler and the C library. */
#ifndef LWIP_ARCH_CC_H
#define LWIP_ARCH_CC_H

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/time.h>

#define LWIP_ERRNO_INCLUDE <errno.h>
#define LWIP_TIMEVAL_PRIVATE 0
#define LWIP_RAND() ((u32_t)rand())

#ifdef __cplusplus
extern "C" {
#endif
void* tcpspec_lwip_malloc(size_t octets);
void* tcpspec_lwip_calloc(size_t count, size_t octets);
void tcpspec_lwip_free(void* memory);
__attribute__((noreturn)) void tcpspec_lwip_assertion_failed(const char* words, int line, const char* file);
#ifdef __cplusplus
}
#endif
#define mem_clib_malloc tcpspec_lwip_malloc
#define mem_clib_calloc tcpspec_lwip_calloc
#define mem_clib_free tcpspec_lwip_free
#define LWIP_PLATFORM_ASSERT(words) tcpspec_lwip_assertion_failed(words, __LINE__, __FILE__)

#endif
