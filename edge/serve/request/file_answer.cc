#include "edge/serve/request/file_answer.h"

#include <algorithm>
#include <ctime>
#include <utility>

#include "edge/serve/request/answer.h"
#include "edge/serve/request/request.h"
#include "edge/serve/request/send_file.h"

namespace edge {

FileAnswer::FileAnswer(Request& request, const StaticFiles& files) : r_(request), files_(files) {}

FileAnswer::~FileAnswer() {
  if (opening_ != nullptr) opening_->owner = nullptr;
  if (listing_ != nullptr) listing_->owner = nullptr;
}

bool FileAnswer::waits_for_disk() const {
  return opening_ != nullptr || (listing_ != nullptr && !listing_->over) || (body_ && body_->waits_for_disk());
}

Pumped FileAnswer::advance() {
  if (names_.empty()) {
    collect_names();
    collect_variants();
  }
  if (!body_ && !r_.page) {
    if (opening_ != nullptr || !find_file()) return Pumped::source_waits;
    if (!r_.page && !find_variant()) return Pumped::source_waits;
    if (!r_.page) start();
  }
  return r_.page ? Pumped::done : send();
}

void FileAnswer::collect_names() {
  const std::string_view path = r_.found().target.path;
  if (auto name = file_of_path(files_, path)) {
    // The root itself: what its pages refer to lies below it.
    if (name->empty() && !path.ends_with('/')) return send_to_directory();
    directory_asked_ = name->empty() || name->ends_with('/');
    if (!directory_asked_)
      names_.push_back(std::move(*name));
    else
      for (const std::string& index : files_.index) names_.push_back(*name + index);
    if (directory_asked_ && files_.listing) names_.push_back(std::move(*name));
  }
  if (!files_.fallback.empty()) names_.push_back(files_.fallback);
  if (names_.empty()) fail(OpenedFile::Kind::absent);
}

void FileAnswer::collect_variants() {
  if (files_.precompressed.empty()) return;
  const AcceptedCodings accepted(r_.asked.head->fields);
  for (const Coding coding : files_.precompressed) {
    if (accepted.quality(coding) > 0 && accepted.quality(coding) >= accepted.quality(Coding::identity))
      variants_.push_back(coding);
  }
  std::ranges::stable_sort(variants_, std::ranges::greater(), [&](Coding coding) { return accepted.quality(coding); });
}

std::optional<OpenedFile> FileAnswer::open(std::string name, bool variant) {
  if (opened_) return std::exchange(opened_, std::nullopt);
  FileName wanted{.root = files_.root, .name = std::move(name), .symlinks = files_.symlinks, .variant = variant};
  OpenFiles& files = r_.context.files;
  OpenedFile opened = files.open(wanted, r_.now());
  if (opened.kind != OpenedFile::Kind::cold) return opened;
  auto opening = std::make_shared<Opening>();
  opening->owner = this;
  opening->name = std::move(wanted);
  const auto work = [opening] { opening->opened = open_cold(opening->name); };
  const auto done = [opening] {
    FileAnswer* const owner = opening->owner;
    if (owner == nullptr) return;
    owner->r_.context.files.keep(opening->name, opening->opened, owner->r_.now());
    owner->opened_ = opening->opened;
    owner->opening_.reset();
    owner->r_.exchange.waiter.wake();
  };
  if (!files.disk().run(work, done)) return OpenedFile{.kind = OpenedFile::Kind::exhausted, .file = nullptr};
  r_.context.counters.files_cold.add();
  opening_ = std::move(opening);
  return std::nullopt;
}

bool FileAnswer::find_file() {
  while (!found_ && !r_.page) {
    if (at_ == names_.size()) {
      if (files_.listing && directory_asked_ && is_directory_) return list();
      fail(OpenedFile::Kind::absent);
      return true;
    }
    auto opened = open(names_[at_], false);
    if (!opened) return false;
    is_directory_ = opened->kind == OpenedFile::Kind::directory;
    const bool fallback = !files_.fallback.empty() && at_ + 1 == names_.size();
    if (opened->kind == OpenedFile::Kind::file) {
      file_ = std::move(opened->file);
      found_ = true;
    } else if (opened->kind == OpenedFile::Kind::directory && at_ == 0 && !directory_asked_ && !fallback) {
      send_to_directory();
    } else if (opened->kind == OpenedFile::Kind::absent || opened->kind == OpenedFile::Kind::directory) {
      ++at_;
    } else {
      fail(opened->kind);
    }
  }
  return true;
}

// A directory has no flag that says whether its names are in memory.
bool FileAnswer::list() {
  if (listing_ == nullptr) {
    listing_ = std::make_shared<Listing>();
    listing_->owner = this;
    listing_->name = {.root = files_.root, .name = names_.back(), .symlinks = files_.symlinks};
    const Hidden hidden = files_.dotfiles ? Hidden::shown : Hidden::left_out;
    const auto work = [listing = listing_, hidden] { listing->names = list_cold(listing->name, hidden); };
    const auto done = [listing = listing_] {
      listing->over = true;
      if (listing->owner != nullptr) listing->owner->r_.exchange.waiter.wake();
    };
    if (!r_.context.files.disk().run(work, done)) {
      fail(OpenedFile::Kind::exhausted);
      return true;
    }
  }
  if (!listing_->over) return false;
  if (!listing_->names) {
    fail(OpenedFile::Kind::forbidden);
    return true;
  }
  r_.context.counters.files.add();
  answer_text(r_, "text/html; charset=utf-8",
              listing_page(r_.found().target.path, *std::exchange(listing_->names, std::nullopt)));
  return true;
}

// A variant that is older than the file was made of another one.
bool FileAnswer::find_variant() {
  while (coding_ == Coding::identity && variant_at_ < variants_.size()) {
    const Coding coding = variants_[variant_at_];
    auto opened = open(names_[at_] + std::string(suffix_of(coding)), true);
    if (!opened) return false;
    ++variant_at_;
    if (opened->kind != OpenedFile::Kind::file || opened->file->facts.modified < file_->facts.modified) continue;
    file_ = std::move(opened->file);
    coding_ = coding;
  }
  return true;
}

void FileAnswer::fail(OpenedFile::Kind kind) {
  switch (kind) {
    case OpenedFile::Kind::forbidden:
      return answer_status(r_, 403, "the file may not be read");
    case OpenedFile::Kind::exhausted:
      return answer_status(r_, 503, "no descriptor, or too many wait for the disk");
    case OpenedFile::Kind::failed:
      r_.fail({.kind = ErrorKind::internal, .side = Side::internal, .detail = "the file cannot be opened"});
      return answer_status(r_, 500, "the file cannot be opened");
    default:
      return answer_status(r_, 404, "no such file");
  }
}

// The path has one slash at its front, since empty segments are merged: it cannot name another host.
void FileAnswer::send_to_directory() {
  std::string location(r_.found().target.path);
  location.append("/").append(r_.found().target.query);
  answer_redirect(r_, 301, location);
}

void FileAnswer::push(std::string_view name, std::string_view value) {
  if (!value.empty()) static_cast<void>(head_.fields.push({.name = name, .value = value, .id = http::field_id(name)}));
}

void FileAnswer::start() {
  OpenFiles& files = r_.context.files;
  const auto facts = files.facts(*file_, r_.now());
  if (!facts) return fail(OpenedFile::Kind::failed);
  const http::UnixSeconds now = std::time(nullptr);
  etag_ = entity_tag_of(*facts, now);
  // Two variants may have the same time and size: a strong tag is of one alone (RFC 9110 8.8.3.3).
  if (coding_ != Coding::identity) etag_.insert(etag_.size() - 1, "-" + std::string(coding_name(coding_)));
  modified_ = http::write_date(std::min(facts->modified, now));
  const Validators present{.etag = etag_, .last_modified = std::min(facts->modified, now)};
  const ContentPlan plan = plan_content(*r_.asked.head, present, facts->size, now);
  if (plan.status == 412) return answer_status(r_, 412, "a precondition does not hold");
  const std::string_view type = files_.types->of(names_[at_]);
  body_.emplace(FileBody::Of{.file = file_,
                             .facts = *facts,
                             .disk = files.disk(),
                             .waiter = r_.exchange.waiter,
                             .octets = files.octets(*file_, *facts)});
  body_size_ = facts->size;
  add_parts(plan, type);
  head_.status = r_.status = plan.status;
  push_fields(plan);
  http::ResponseFraming framing;
  const bool bare = r_.asked.head->method == http::Method::head || plan.status == 304;
  if (!bare) framing.body = {.kind = http::BodyKind::length, .length = body_size_};
  r_.context.counters.files.add();
  r_.exchange.sink.start(head_, framing, *r_.found().response_rules);
}

// What follows the head: nothing for HEAD and 304, whose length is told all the same.
void FileAnswer::add_parts(const ContentPlan& plan, std::string_view type) {
  const std::uint64_t size = body_size_;
  type_ = type;
  std::vector<ByteRange> ranges;
  if (plan.status == 200 && size > 0) ranges.push_back({.begin = 0, .end = size});
  if (plan.status == 206) ranges.assign(plan.ranges.all().begin(), plan.ranges.all().end());
  if (plan.status == 416) range_ = unsatisfied_range(size);
  body_size_ = 0;
  if (plan.status != 206 || ranges.size() == 1) {
    if (plan.status == 206) range_ = content_range(ranges.front(), size);
    for (const ByteRange& range : ranges) body_size_ += range.size();
  }
  const bool bare = r_.asked.head->method == http::Method::head;
  if (ranges.size() > 1) {
    // Sixteen random octets, as in an identifier of a request: it does not stand in the file.
    const std::string boundary(r_.context.request_ids.fresh());
    const MultipartRanges frame({.boundary = boundary, .content_type = type, .size = size});
    body_size_ = frame.length(ranges);
    for (const ByteRange& range : ranges) {
      body_->add(frame.part_head(range));
      body_->add(range);
    }
    body_->add(frame.end());
    type_ = frame.content_type();
  } else if (!bare) {
    for (const ByteRange& range : ranges) body_->add(range);
  }
}

void FileAnswer::push_fields(const ContentPlan& plan) {
  push("Last-Modified", modified_.view());
  push("ETag", etag_);
  push("Cache-Control", files_.cache_control_of(names_[at_]));
  if (!files_.precompressed.empty()) push("Vary", "Accept-Encoding");
  if (plan.status != 304 && plan.status != 416) {
    push("Accept-Ranges", "bytes");
    push("Content-Type", type_);
    push("X-Content-Type-Options", "nosniff");
    push("Content-Encoding", coding_name(coding_));
  }
  push("Content-Range", range_);
  if (!r_.rate_limit.empty()) {
    push("RateLimit-Policy", r_.rate_policy);
    push("RateLimit", r_.rate_limit);
  }
  if (plan.status == 304) return;
  length_ = std::to_string(body_size_);
  push("Content-Length", length_);
}

Pumped FileAnswer::send() {
  const Pumped pumped = send_file_body(*body_, r_.exchange.sink, first_piece_);
  if (pumped == Pumped::source_failed) cut("the file changed while it was sent");
  if (pumped == Pumped::source_waits) r_.context.counters.files_cold.add();
  return pumped;
}

void FileAnswer::cut(std::string_view why) {
  r_.fail({.kind = ErrorKind::internal, .side = Side::internal, .detail = why});
  r_.cut = true;
  r_.context.counters.files_cut.add();
  r_.reason = why;
  r_.exchange.sink.cut();
}

}  // namespace edge
