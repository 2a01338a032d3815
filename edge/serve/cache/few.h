#pragma once
// Few: a list that has one element nearly always, which lies in it; several lie in a vector. An element that is T{} is
// none. Value type; whoever has it says on which thread.

#include <cstddef>
#include <iterator>
#include <utility>
#include <vector>

namespace edge {

template <class T>
class Few {
 public:
  [[nodiscard]] std::size_t size() const { return more_.empty() ? (one_ == T{} ? 0 : 1) : more_.size(); }
  [[nodiscard]] bool empty() const { return size() == 0; }
  [[nodiscard]] T* begin() { return more_.empty() ? &one_ : more_.data(); }
  [[nodiscard]] T* end() { return begin() + size(); }
  [[nodiscard]] const T* begin() const { return more_.empty() ? &one_ : more_.data(); }
  [[nodiscard]] const T* end() const { return begin() + size(); }
  [[nodiscard]] auto rbegin() const { return std::make_reverse_iterator(end()); }
  [[nodiscard]] auto rend() const { return std::make_reverse_iterator(begin()); }

  // REQUIRES: it is not T{}.
  void push_back(T element) {
    if (empty()) {
      one_ = std::move(element);
      return;
    }
    if (more_.empty()) more_.push_back(std::exchange(one_, T{}));
    more_.push_back(std::move(element));
  }

  // Asks about each one once, in their order.
  template <class Goes>
  void erase_if(Goes goes) {
    if (more_.empty()) {
      if (!empty() && goes(std::as_const(one_))) one_ = T{};
      return;
    }
    std::erase_if(more_, goes);
    if (more_.size() != 1) return;
    one_ = std::move(more_.front());
    more_ = {};
  }

 private:
  T one_{};
  std::vector<T> more_;  // empty, or all of at least two
};

}  // namespace edge
