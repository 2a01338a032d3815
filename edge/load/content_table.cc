// The field tables of what routes do with content: files, and compression.

#include <algorithm>

#include "edge/load/readers.h"
#include "edge/load/tables.h"

namespace edge {
namespace {

using namespace shared::load;

Reader<Coding> coding() { return one_of<Coding>({{"gzip", Coding::gzip}, {"br", Coding::br}, {"zstd", Coding::zstd}}); }

void check_files(const FilesConfig& files, const Node& node, Diagnostics& diagnostics) {
  const auto leaves = [](std::string_view name) {
    return name.starts_with('/') || name.find("..") != std::string_view::npos;
  };
  for (const std::string& index : files.index) {
    if (leaves(index) || index.find('/') != std::string::npos)
      diagnostics.error(node.at, "index: '" + index + "' is no name of a file in its directory");
  }
  if (leaves(std::string_view(files.fallback).substr(files.fallback.starts_with('/') ? 1 : 0)))
    diagnostics.error(node.at, "fallback: '" + files.fallback + "' is no file below the root");
  if (files.listing && !files.fallback.empty())
    diagnostics.error(node.at, "listing: what has no index is answered with the fallback: say one of them");
}

}  // namespace

const Table<FilesConfig>& files_table() {
  static const auto table =
      Table<FilesConfig>("edge.routes.files",
                         "Answers GET and HEAD with files below a directory: what follows the route's path is the "
                         "file's name (see docs/content.md).")
          .required("root", &FilesConfig::root, located(file_path()), "The directory; nothing outside it is served")
          .field("index", &FilesConfig::index, one_or_list(text()),
                 "Names that are looked for in a directory, in this order; an empty list: none")
          .field("fallback", &FilesConfig::fallback, text(),
                 "This file below the root, with 200, instead of what is not there: for applications of one page")
          .field("precompressed", &FilesConfig::precompressed, one_or_list(coding()),
                 "Codings whose files (NAME.br, NAME.gz, NAME.zst) are sent to clients that take them, unless they are "
                 "older than NAME")
          .field("symlinks", &FilesConfig::symlinks, boolean(), "Follow symbolic links that stay below the root")
          .field("dotfiles", &FilesConfig::dotfiles, boolean(),
                 "Serve names that begin with a dot, too; /.well-known/ is always served")
          .field("listing", &FilesConfig::listing, boolean(),
                 "A directory without an index shows the names of what is in it, but for those that are not served")
          .field("strip_path", &FilesConfig::strip_path, boolean(),
                 "The route's path is no part of the file's name; false: it is")
          .field("cache_control", &FilesConfig::cache_control, text(), "Cache-Control of the answers")
          .field("cache_control_by_ending", &FilesConfig::cache_control_by_ending, map_of("ending", text()),
                 "The same for files with this ending: {html: no-cache}")
          .check(check_files);
  return table;
}

const Table<CompressionConfig>& compression_table() {
  static const auto table =
      Table<CompressionConfig>("edge.compression",
                               "Answers that are compressed on their way to clients: of all routes, or of one, where "
                               "what is not said is as for all. Without this map nothing is.")
          .field("enabled", &CompressionConfig::enabled, optional_of(boolean()), "False: not here; true if nobody says")
          .field("codings", &CompressionConfig::codings, optional_of(one_or_list(coding())),
                 "What a client may get; between those that it likes as much, the first; zstd, br, gzip if nobody says")
          .field(
              "types", &CompressionConfig::types, optional_of(one_or_list(text())),
              "Media types: text/html, text/*, +json; text, JSON, XML, JavaScript, SVG, WebAssembly and raw fonts if "
              "nobody says")
          .field("min_size", &CompressionConfig::min_size, optional_of(size(0, std::uint64_t{1} << 30U)),
                 "What is smaller is sent as it is; 1KiB if nobody says")
          .field("gzip_level", &CompressionConfig::gzip_level, optional_of(integer<std::uint16_t>(1, 9)),
                 "5 if nobody says")
          .field("br_level", &CompressionConfig::br_level, optional_of(integer<std::uint16_t>(0, 9)),
                 "4 if nobody says")
          .field("zstd_level", &CompressionConfig::zstd_level, optional_of(integer<std::uint16_t>(1, 9)),
                 "3 if nobody says");
  return table;
}

Reader<std::vector<std::string>> hint_links() {
  const auto one =
      custom<std::string>("Link field's value, such as </style.css>; rel=preload; as=style",
                          [](const Node& node, Diagnostics& diagnostics) -> std::optional<std::string> {
                            auto value = text().read(node, diagnostics);
                            if (!value) return std::nullopt;
                            const bool plain = std::ranges::all_of(*value, [](char c) { return c >= ' ' && c < 0x7F; });
                            if (plain && value->starts_with('<') && value->find('>') != std::string::npos &&
                                value->find("rel=") != std::string::npos)
                              return value;
                            expected(node, "a link such as '</style.css>; rel=preload; as=style'", diagnostics);
                            return std::nullopt;
                          });
  return one_or_list(one);
}

}  // namespace edge
