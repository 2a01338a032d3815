#pragma once
// AccessList: who may come, by network: the most specific network that holds the client's address decides, and of one
// that is both allowed and denied, denial. Of addresses in none of them: where anything is allowed, nobody else is.
// The order in which a list is written makes no difference.
//
//   allow: [10.0.0.0/8]   deny: [10.9.0.0/16]     10.1.1.1 yes   10.9.1.1 no   192.0.2.1 no
//
// A route asks all of its lists, and each has to let the client in. The networks are immutable and a part of routes;
// what is counted is an AccessLive, by the list's name, the same over reloads and for all workers. Any thread.

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "shared/core/ip.h"
#include "shared/core/mode.h"
#include "shared/core/prefix_table.h"

namespace edge {

// What a list has counted.
struct AccessLive {
  std::atomic<std::uint64_t> allowed{0};
  std::atomic<std::uint64_t> denied{0};
  std::atomic<std::uint64_t> shadowed{0};  // that would have been denied
};

// Keeps AccessLives by name over builds, while anybody uses them. The Builder's.
class AccessLives {
 public:
  [[nodiscard]] std::shared_ptr<AccessLive> of(std::string_view name);

 private:
  std::map<std::string, std::weak_ptr<AccessLive>, std::less<>> lives_;
};

struct AccessSettings {
  std::string name;
  shared::Mode mode = shared::Mode::enforce;
  std::vector<shared::Prefix> allow{};
  std::vector<shared::Prefix> deny{};
  bool allow_others = true;  // who is in no network of the list
};

class AccessList {
 public:
  AccessList(AccessSettings settings, std::shared_ptr<AccessLive> live);

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] shared::Mode mode() const { return mode_; }
  [[nodiscard]] AccessLive& live() const { return *live_; }
  [[nodiscard]] std::size_t networks() const { return networks_; }
  // The address as it was unmapped.
  [[nodiscard]] bool allows(const shared::IpAddress& client) const;
  // "denied by the access list 'office'"
  [[nodiscard]] std::string_view reason() const { return reason_; }
  // "office: 198.51.100.7 is denied, as all of 198.51.100.0/24", for explain.
  [[nodiscard]] std::string words_for(const shared::IpAddress& client) const;

 private:
  enum Row : std::uint32_t { unlisted, allowed, denied };

  std::string name_;
  shared::Mode mode_;
  bool allow_others_;
  std::size_t networks_;
  shared::PrefixTable table_;  // of Row
  std::shared_ptr<AccessLive> live_;
  std::string reason_;
};

using AccessLists = std::vector<std::shared_ptr<const AccessList>>;

// The first list that enforces and denies; null: all let the client in. `Foresee` counts nothing.
enum class AccessCounting : std::uint8_t { count, foresee };
[[nodiscard]] const AccessList* first_denial(std::span<const std::shared_ptr<const AccessList>> lists,
                                             const shared::IpAddress& client, AccessCounting counting);

}  // namespace edge
