#pragma once
// FileAnswer: the answer of a route with `files`: finds the file that the path means (an index, the fallback, a variant
// that is compressed already), asks content_plan.h what the request wants of it, and sends that. Plain calls, as
// SendRest's: where the disk is waited for, the waiter is woken. Owned by a Request; its worker's thread.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "edge/core/content/content_plan.h"
#include "edge/core/content/static_files.h"
#include "edge/serve/files/file_body.h"
#include "edge/serve/files/open_files.h"
#include "edge/serve/io/frame_pool.h"
#include "shared/http/head.h"

namespace edge {

struct Request;

class FileAnswer : public Pooled {
 public:
  // REQUIRES: the request's route has `files`. Both outlive the answer.
  FileAnswer(Request& request, const StaticFiles& files);
  ~FileAnswer();
  FileAnswer(const FileAnswer&) = delete;
  FileAnswer& operator=(const FileAnswer&) = delete;

  // As pump(). Once the request has a page, that is the answer, and this is over.
  [[nodiscard]] Pumped advance();
  [[nodiscard]] bool waits_for_disk() const;
  // What the client has must not pass for a whole one. `why`: a literal.
  void cut(std::string_view why);

 private:
  // What the disk is asked for; it may outlive the answer.
  struct Opening {
    FileAnswer* owner = nullptr;  // null: nobody waits any more. The worker's
    FileName name;
    OpenedFile opened;
  };
  struct Listing {
    FileAnswer* owner = nullptr;  // likewise
    FileName name;
    std::optional<std::vector<ListedName>> names;
    bool over = false;
  };

  void collect_names();
  [[nodiscard]] std::optional<OpenedFile> open(std::string name, bool variant);
  // False: it waits for the disk.
  [[nodiscard]] bool find_file();
  [[nodiscard]] bool list();
  [[nodiscard]] bool find_variant();
  void collect_variants();
  void fail(OpenedFile::Kind kind);
  void send_to_directory();
  void start();
  void push(std::string_view name, std::string_view value);
  void push_fields(const ContentPlan& plan);
  void add_parts(const ContentPlan& plan, std::string_view type);
  [[nodiscard]] Pumped send();

  Request& r_;
  const StaticFiles& files_;
  std::vector<std::string> names_;  // to be tried in this order
  std::size_t at_ = 0;              // of names_
  bool directory_asked_ = false;    // the path ends with a slash
  bool found_ = false;
  std::vector<Coding> variants_;  // to be tried, as the client likes them
  std::size_t variant_at_ = 0;
  Coding coding_ = Coding::identity;
  std::shared_ptr<const OpenFile> file_;
  std::shared_ptr<Opening> opening_;
  std::shared_ptr<Listing> listing_;
  bool is_directory_ = false;         // what was looked at last
  std::optional<OpenedFile> opened_;  // by the disk

  http::ResponseHead head_;
  std::string etag_;
  http::DateText modified_;
  std::string length_;
  std::string range_;
  std::string type_;
  std::uint64_t body_size_ = 0;
  std::optional<FileBody> body_;
  bool first_piece_ = true;
};

}  // namespace edge
