#include "edge/core/content/listing.h"

#include <algorithm>
#include <tuple>

namespace edge {
namespace {

void append_escaped(std::string_view text, std::string& out) {
  for (const char c : text) {
    switch (c) {
      case '&':
        out.append("&amp;");
        break;
      case '<':
        out.append("&lt;");
        break;
      case '>':
        out.append("&gt;");
        break;
      case '"':
        out.append("&quot;");
        break;
      default:
        out.push_back(static_cast<unsigned char>(c) < ' ' ? '?' : c);
    }
  }
}

// As a relative reference (RFC 3986 4.2): "./" before it, so that "a:b" is no scheme.
void append_reference(std::string_view name, std::string& out) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
  out.append("./");
  for (const char c : name) {
    if (kPlain.find(c) != std::string_view::npos) {
      out.push_back(c);
      continue;
    }
    const auto octet = static_cast<unsigned char>(c);
    out.push_back('%');
    out.push_back(kDigits[octet >> 4U]);
    out.push_back(kDigits[octet & 15U]);
  }
}

void append_row(const ListedName& one, std::string& out) {
  out.append("<tr><td><a href=\"");
  append_reference(one.name, out);
  if (one.directory) out.push_back('/');
  out.append("\">");
  append_escaped(one.name, out);
  out.append(one.directory ? "/</a></td><td></td><td>" : "</a></td><td>");
  if (!one.directory) out.append(std::to_string(one.size)).append("</td><td>");
  out.append(http::write_date(one.modified).view()).append("</td></tr>\n");
}

}  // namespace

std::string listing_page(std::string_view path, std::vector<ListedName> names) {
  std::ranges::sort(names, {},
                    [](const ListedName& one) { return std::tuple(!one.directory, std::string_view(one.name)); });
  std::string title;
  append_escaped(path, title);
  std::string page = "<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"><title>" + title +
                     "</title></head>\n<body><h1>" + title + "</h1>\n<table>\n";
  if (path != "/") page.append("<tr><td><a href=\"../\">../</a></td><td></td><td></td></tr>\n");
  for (const ListedName& one : names) append_row(one, page);
  return page.append("</table></body></html>\n");
}

}  // namespace edge
