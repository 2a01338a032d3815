#include "edge/serve/request/entry_source.h"

namespace edge {

// As far as the front of the chain was gone when this was last asked; then there may be more.
BodyPiece EntrySource::peek_file() {
  while (true) {
    if (file_ == nullptr) {
      const CacheBody::InFile there = cursor_.body().in_file();
      if (there.file == nullptr || there.end <= cursor_.position()) return {.state = BodyState::failed, .data = {}};
      file_ = std::make_unique<FileBody>(FileBody::Of{
          .file = there.file, .facts = there.file->facts, .disk = disk_.thread, .waiter = disk_.waiter, .fixed = true});
      file_->add(ByteRange{.begin = there.at + cursor_.position(), .end = there.at + there.end});
    }
    const BodyPiece piece = file_->peek();
    if (piece.state == BodyState::data)
      return {.state = BodyState::data,
              .data = piece.data.substr(0, std::min<std::uint64_t>(left_, piece.data.size()))};
    if (piece.state != BodyState::end) return piece;
    file_.reset();
  }
}

}  // namespace edge
