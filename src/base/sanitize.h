/* sanitize.h - is this a build of the sanitizers, and what they have to be told of memory. */
#ifndef MO_BASE_SANITIZE_H
#define MO_BASE_SANITIZE_H

#include <stddef.h>

#if defined(__SANITIZE_ADDRESS__)
#define MO_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MO_ASAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define MO_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define MO_TSAN 1
#endif
#endif

/* Pointers in memory that was mapped keep what they point to from being called a leak. */
#ifdef MO_ASAN
#include <sanitizer/lsan_interface.h>
static inline void mo_sanitize_root(const void *at, size_t len) { __lsan_register_root_region(at, len); }
static inline void mo_sanitize_unroot(const void *at, size_t len) { __lsan_unregister_root_region(at, len); }
#else
static inline void mo_sanitize_root(const void *at, size_t len) { (void)at, (void)len; }
static inline void mo_sanitize_unroot(const void *at, size_t len) { (void)at, (void)len; }
#endif

#endif
