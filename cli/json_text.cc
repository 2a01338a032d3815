#include "cli/json_text.h"

#include <algorithm>
#include <boost/json.hpp>
#include <vector>

#include "shared/load/values.h"

namespace cli {
namespace {

namespace json = boost::json;

constexpr std::size_t kIndent = 2;

bool is_flat(const json::value& value) { return !value.is_object() && !value.is_array(); }

std::string scalar(const json::value& value) {
  if (value.is_string()) return std::string(value.get_string());
  if (value.is_null()) return "-";
  if (value.is_double()) return shared::load::print_number(value.get_double());
  return json::serialize(value);
}

std::string inline_list(const json::array& list) {
  std::string out;
  for (const auto& value : list) out += (out.empty() ? "" : ", ") + scalar(value);
  return out.empty() ? "-" : out;
}

bool all_flat(const json::array& list) { return std::all_of(list.begin(), list.end(), is_flat); }

// What fits a cell: a scalar, or a list of them.
bool fits_cell(const json::value& value) { return is_flat(value) || (value.is_array() && all_flat(value.get_array())); }

bool is_record(const json::value& value) {
  if (!value.is_object()) return false;
  const auto& object = value.get_object();
  return std::all_of(object.begin(), object.end(), [](const auto& item) { return fits_cell(item.value()); });
}

// In a row a record is one cell, too.
bool is_row(const json::value& value) {
  if (!value.is_object()) return false;
  const auto& object = value.get_object();
  const auto cell = [](const auto& item) { return fits_cell(item.value()); };
  return std::any_of(object.begin(), object.end(), cell) &&
         std::all_of(object.begin(), object.end(),
                     [&](const auto& item) { return cell(item) || is_record(item.value()); });
}

std::string cell(const json::value& value) {
  if (value.is_array()) return inline_list(value.get_array());
  if (!value.is_object()) return scalar(value);
  std::string out;
  for (const auto& item : value.get_object()) out += (out.empty() ? "" : ", ") + cell(item.value());
  return out.empty() ? "-" : out;
}

std::string cell(const json::object& row, std::string_view key) {
  const auto* value = row.if_contains(key);
  return value == nullptr ? "-" : cell(*value);
}

// A column of nothing but these would push the others off the screen.
bool says_nothing(const std::string& cell) { return cell.empty() || cell == "-" || cell == "false" || cell == "0"; }

class Writer {
 public:
  void value(const json::value& value, std::size_t indent) {
    if (value.is_object()) return object(value.get_object(), indent);
    if (value.is_array()) return array(value.get_array(), indent);
    line(indent, scalar(value));
  }

  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  void line(std::size_t indent, std::string_view text) {
    while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
    out_.append(indent, ' ').append(text) += '\n';
  }

  void object(const json::object& object, std::size_t indent) {
    std::size_t width = 0;
    for (const auto& item : object) {
      if (fits_cell(item.value())) width = std::max(width, item.key().size());
    }
    for (const auto& item : object) {
      std::string key(item.key());
      if (fits_cell(item.value())) {
        key.resize(width, ' ');
        line(indent, key + "  " + cell(object, item.key()));
      } else {
        line(indent, key);
        value(item.value(), indent + kIndent);
      }
    }
  }

  void array(const json::array& list, std::size_t indent) {
    if (all_flat(list)) return line(indent, inline_list(list));
    if (std::all_of(list.begin(), list.end(), is_row)) return table(list, indent);
    for (const auto& element : list) {
      value(element, indent);
      line(0, "");
    }
  }

  void table(const json::array& rows, std::size_t indent) {
    std::vector<std::string> keys;
    for (const auto& row : rows) {
      for (const auto& item : row.get_object()) {
        const std::string key(item.key());
        if (std::find(keys.begin(), keys.end(), key) == keys.end()) keys.push_back(key);
      }
    }
    const std::string first = keys.empty() ? "" : keys.front();
    std::erase_if(keys, [&](const std::string& key) {
      return key != first && std::all_of(rows.begin(), rows.end(),
                                         [&](const auto& row) { return says_nothing(cell(row.get_object(), key)); });
    });
    std::vector<std::size_t> widths;
    for (const auto& key : keys) {
      std::size_t width = key.size();
      for (const auto& row : rows) width = std::max(width, cell(row.get_object(), key).size());
      widths.push_back(width);
    }
    std::vector<std::string> cells = keys;
    row_line(cells, widths, indent);
    for (const auto& row : rows) {
      for (std::size_t i = 0; i < keys.size(); ++i) cells[i] = cell(row.get_object(), keys[i]);
      row_line(cells, widths, indent);
    }
  }

  void row_line(const std::vector<std::string>& cells, const std::vector<std::size_t>& widths, std::size_t indent) {
    std::string text;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      std::string padded = cells[i];
      padded.resize(widths[i], ' ');
      text += (i > 0 ? "  " : "") + padded;
    }
    line(indent, text);
  }

  std::string out_;
};

}  // namespace

shared::Result<std::string> readable(std::string_view json_text) {
  json::error_code error;
  const auto value = json::parse(json::string_view(json_text.data(), json_text.size()), error);
  if (error) return shared::fail("not JSON: " + error.message());
  Writer writer;
  writer.value(value, 0);
  return writer.take();
}

}  // namespace cli
