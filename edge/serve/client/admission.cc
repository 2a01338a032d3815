#include "edge/serve/client/admission.h"

#include <algorithm>

namespace edge {

std::size_t Admission::stripe_of(const shared::IpAddress& client) {
  std::size_t sum = 0;
  for (const std::uint8_t byte : client.bytes) sum += byte;
  return sum % kStripes;
}

void Admission::enter(const shared::IpAddress& client) {
  open_.fetch_add(1, std::memory_order_relaxed);
  Stripe& stripe = stripes_[stripe_of(client)];
  const std::lock_guard lock(stripe.mutex);
  ++stripe.clients[client];
}

void Admission::leave(const shared::IpAddress& client) {
  open_.fetch_sub(1, std::memory_order_relaxed);
  Stripe& stripe = stripes_[stripe_of(client)];
  const std::lock_guard lock(stripe.mutex);
  const auto found = stripe.clients.find(client);
  if (found != stripe.clients.end() && --found->second == 0) stripe.clients.erase(found);
}

std::size_t Admission::of(const shared::IpAddress& client) const {
  const Stripe& stripe = stripes_[stripe_of(client)];
  const std::lock_guard lock(stripe.mutex);
  const auto found = stripe.clients.find(client);
  return found != stripe.clients.end() ? found->second : 0;
}

void Admission::asked_health(const shared::IpAddress& client) {
  const std::lock_guard lock(askers_mutex_);
  if (!askers_.empty() && askers_.front() == client) return;
  std::erase(askers_, client);
  askers_.insert(askers_.begin(), client);
  if (askers_.size() > kReserved) askers_.pop_back();
}

bool Admission::reserved_for(const shared::IpAddress& client) const {
  if (open_.load(std::memory_order_relaxed) >= cap_ + kReserved) return false;
  const std::lock_guard lock(askers_mutex_);
  return std::ranges::find(askers_, client) != askers_.end();
}

bool Admission::pass(std::size_t worker, const Newcomer& newcomer) {
  if (passing_.fetch_add(1, std::memory_order_relaxed) >= kPassing) {
    arrived();
    return false;
  }
  slots_[worker].take(newcomer);
  return true;
}

void Admission::set_oldest_head(std::size_t worker, shared::TimePoint since) {
  slots_[worker].oldest_head.store(since, std::memory_order_relaxed);
}

std::optional<std::size_t> Admission::oldest_head() const {
  std::optional<std::size_t> found;
  auto oldest = kNever;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    const auto since = slots_[i].oldest_head.load(std::memory_order_relaxed);
    if (since >= oldest) continue;
    oldest = since;
    found = i;
  }
  return found;
}

}  // namespace edge
