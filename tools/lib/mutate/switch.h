#pragma once
// The switch of planted mistakes: all are compiled in, and MERIDIAN_MUTANT chooses the one that is made, 0 or nothing
// for none. tools/mutate includes this before every source that it plants in; nothing else does. Any thread.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <type_traits>

namespace mutate {

inline constexpr int kMost = 1 << 16;
inline constexpr int kWatch = -1;  // none is made, and it is kept which places are reached

inline const int chosen = [] {
  const char* text = std::getenv("MERIDIAN_MUTANT");
  return text == nullptr ? 0 : std::atoi(text);
}();
inline std::array<std::atomic<std::uint8_t>, kMost> reached{};
inline std::atomic<std::uint8_t>* reached_at = reached.data();  // reach_program.cc has it in a file

inline bool made(int mistake) {
  if (chosen == mistake) return true;
  if (chosen == kWatch) reached_at[mistake].store(1, std::memory_order_relaxed);
  return false;
}

// What the compiler evaluates is as it was written.
constexpr bool on(int mistake) { return !std::is_constant_evaluated() && made(mistake); }

template <class A, class B>
constexpr auto less(int mistake, const A& a, const B& b) -> decltype(a < b) {
  return on(mistake) ? a <= b : a < b;
}
template <class A, class B>
constexpr auto less_equal(int mistake, const A& a, const B& b) -> decltype(a <= b) {
  return on(mistake) ? a < b : a <= b;
}
template <class A, class B>
constexpr auto greater(int mistake, const A& a, const B& b) -> decltype(a > b) {
  return on(mistake) ? a >= b : a > b;
}
template <class A, class B>
constexpr auto greater_equal(int mistake, const A& a, const B& b) -> decltype(a >= b) {
  return on(mistake) ? a > b : a >= b;
}
template <class A, class B>
constexpr auto plus(int mistake, const A& a, const B& b) -> decltype(a + b) {
  return on(mistake) ? a - b : a + b;
}
template <class A, class B>
constexpr auto minus(int mistake, const A& a, const B& b) -> decltype(a - b) {
  return on(mistake) ? a + b : a - b;
}

}  // namespace mutate
