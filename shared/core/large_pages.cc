#include "shared/core/large_pages.h"

#include <sys/mman.h>

#include <cstdlib>

namespace shared {

void* allocate_large_pages(std::size_t size) {
  const std::size_t whole = (size + kLargePage - 1) / kLargePage * kLargePage;
  void* const at = std::aligned_alloc(kLargePage, whole);
  if (at == nullptr) throw std::bad_alloc();
  (void)::madvise(at, whole, MADV_HUGEPAGE);  // advice: small pages do as well
  return at;
}

void free_large_pages(void* at) noexcept { std::free(at); }

}  // namespace shared
