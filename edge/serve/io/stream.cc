#include "edge/serve/io/stream.h"

#include "shared/serve/os/socket.h"

namespace edge {

Stream::Stream(shared::WorkerLoop& loop, int fd, Begin begin, std::unique_ptr<StreamLayer> layer)
    : socket_(loop, fd), layer_(std::move(layer)) {
  if (begin == Begin::connecting) {
    stage_ = Stage::connecting;
  } else {
    stage_ = layer_ == nullptr ? Stage::ready : Stage::handshake;
  }
}

Progress Stream::advance() {
  if (stage_ == Stage::connecting) {
    if (!socket_.writable() && !socket_.broken()) return Progress::waiting;
    connect_error_ = socket_.connect_error();
    stage_ = connect_error_ != 0 ? Stage::failed : layer_ == nullptr ? Stage::ready : Stage::handshake;
  }
  if (stage_ == Stage::handshake) {
    const Progress made = layer_->advance(socket_);
    if (made == Progress::ready) stage_ = Stage::ready;
    if (made == Progress::failed) stage_ = Stage::failed;
  }
  if (stage_ == Stage::ready) return Progress::ready;
  return stage_ == Stage::failed ? Progress::failed : Progress::waiting;
}

bool Stream::silent() {
  if (layer_ != nullptr) return layer_->silent(socket_);
  if (socket_.peer_closed()) return false;
  char octet = 0;
  return !socket_.readable() || socket_.receive(std::span(&octet, 1)).status == IoStatus::again;
}

shared::Endpoint Stream::local_endpoint() const { return shared::local_endpoint(socket_.fd()); }

IoStatus Stream::shutdown() {
  if (layer_ != nullptr && stage_ == Stage::ready) {
    const IoStatus said = layer_->shutdown(socket_);
    if (said != IoStatus::ok) return said;
  }
  socket_.shutdown_send();
  return IoStatus::ok;
}

void Stream::close() {
  if (layer_ != nullptr && stage_ == Stage::ready && is_open() && !broken()) {
    static_cast<void>(layer_->shutdown(socket_));
  }
  socket_.close();
}

}  // namespace edge
