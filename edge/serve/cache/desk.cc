#include "edge/serve/cache/desk.h"

#include <utility>

namespace edge {

CacheDesk::Reader::Reader(CacheDesk& desk, std::shared_ptr<CacheFill> fill, Waiter& waiter, bool expected)
    : desk_(desk), fill_(std::move(fill)), waiter_(waiter) {
  Reader*& first = desk_.readers_[fill_.get()];
  after_ = first;
  if (first != nullptr) first->before_ = this;
  first = this;
  fill_->join(desk_, expected);
}

CacheDesk::Reader::~Reader() {
  if (desk_.next_ == this) desk_.next_ = after_;
  if (after_ != nullptr) after_->before_ = before_;
  if (before_ != nullptr) {
    before_->after_ = after_;
  } else if (after_ != nullptr) {
    desk_.readers_[fill_.get()] = after_;
  } else {
    desk_.readers_.erase(fill_.get());
  }
  fill_->leave(desk_);
}

void CacheDesk::write(CacheFill& fill, Waiter& waiter) { fill.written_by(*this, waiter); }

void CacheDesk::cease(CacheFill& fill) { fill.gone(); }

void CacheDesk::announce(std::shared_ptr<CacheFill> fill, CacheDesk& writer) {
  auto wake = [this, fill = std::move(fill)] { wake_readers(*fill); };
  if (&writer == this) {
    loop_.defer(std::move(wake));
  } else {
    loop_.post(std::move(wake));
  }
}

void CacheDesk::rouse(std::shared_ptr<CacheFill> fill) {
  loop_.post([this, fill = std::move(fill)] { wake_writer(*fill); });
}

// Who is woken may leave, and so may others.
void CacheDesk::wake_readers(CacheFill& fill) {
  fill.told(*this);
  const auto first = readers_.find(&fill);
  if (first == readers_.end()) return;
  next_ = first->second;
  while (next_ != nullptr) {
    Reader& reader = *next_;
    next_ = reader.after_;
    reader.waiter_.wake();
  }
}

void CacheDesk::wake_writer(CacheFill& fill) {
  if (Waiter* const writer = fill.sleeper()) writer->wake();
}

}  // namespace edge
