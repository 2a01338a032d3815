#include "edge/serve/account/client_lines.h"

namespace edge {

void Line::push_back(LinePlace& place) {
  place.before = back_;
  place.after = nullptr;
  (back_ != nullptr ? back_->after : front_) = &place;
  back_ = &place;
  ++size_;
}

void Line::remove(LinePlace& place) {
  (place.before != nullptr ? place.before->after : front_) = place.after;
  (place.after != nullptr ? place.after->before : back_) = place.before;
  --size_;
}

Line* ClientLines::line_of(ClientState state) {
  switch (state) {
    case ClientState::head:
      return &heads_;
    case ClientState::idle:
      return &idle_;
    case ClientState::checker:
      return &checkers_;
    case ClientState::busy:
      break;
  }
  return nullptr;
}

void ClientLines::move(LinePlace& place, ClientState state) {
  if (Line* const line = line_of(place.state)) line->remove(place);
  place.state = state;
  if (Line* const line = line_of(state)) line->push_back(place);
}

void ClientLines::stand(LinePlace& place, ClientState state, shared::TimePoint now) {
  if (place.state == state) return;
  place.since = now;
  if (state == ClientState::checker) bound_checkers(place.client);
  move(place, state);
}

// Anybody may ask the health page: its last askers are few, and no single client is all of them.
void ClientLines::bound_checkers(const shared::IpAddress& client) {
  std::size_t of_client = 0;
  LinePlace* oldest = nullptr;
  for (LinePlace* place = checkers_.front(); place != nullptr; place = place->after) {
    if (place->client != client) continue;
    if (oldest == nullptr) oldest = place;
    ++of_client;
  }
  if (of_client < kCheckersOfOne) oldest = checkers_.size() < kCheckers ? nullptr : checkers_.front();
  if (oldest != nullptr) move(*oldest, ClientState::idle);
}

LinePlace* ClientLines::longest(ClientState state, const shared::IpAddress* client) const {
  LinePlace* place = state == ClientState::head ? heads_.front() : idle_.front();
  if (client == nullptr) return place;
  for (std::size_t looked = 0; place != nullptr && looked < kLooks; ++looked, place = place->after) {
    if (place->client == *client) return place;
  }
  return nullptr;
}

}  // namespace edge
