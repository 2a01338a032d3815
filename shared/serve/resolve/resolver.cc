#include "shared/serve/resolve/resolver.h"

#include <ares.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <unordered_map>
#include <utility>

#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/post.hpp>

namespace shared {
namespace {

constexpr int kClassIn = 1;
constexpr int kTypeSrv = 33;
constexpr seconds kLiteralTtl = std::chrono::hours(24);  // an address in place of a name does not change

int to_ares(ResolveFamily family) {
  switch (family) {
    case ResolveFamily::ipv4:
      return AF_INET;
    case ResolveFamily::ipv6:
      return AF_INET6;
    case ResolveFamily::any:
      break;
  }
  return AF_UNSPEC;
}

bool wanted(const IpAddress& address, ResolveFamily family) {
  if (family == ResolveFamily::any) return true;
  return (address.family == Family::ipv4) == (family == ResolveFamily::ipv4);
}

std::optional<IpAddress> from_sockaddr(const sockaddr* address) {
  if (address->sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, address, sizeof v4);
    return IpAddress::v4(ntohl(v4.sin_addr.s_addr));
  }
  if (address->sa_family != AF_INET6) return std::nullopt;
  sockaddr_in6 v6{};
  std::memcpy(&v6, address, sizeof v6);
  std::array<std::uint8_t, 16> bytes{};
  std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
  return IpAddress::v6(bytes);
}

tl::unexpected<Error> unresolved(const std::string& name, const std::string& reason) {
  return fail("cannot resolve " + name + ": " + reason);
}

Resolved collect(const ares_addrinfo& answer) {
  Resolved out;
  int ttl = 0x7FFFFFFF;
  for (const ares_addrinfo_node* node = answer.nodes; node != nullptr; node = node->ai_next) {
    if (const auto address = from_sockaddr(node->ai_addr)) out.addresses.push_back(*address);
    ttl = std::min(ttl, node->ai_ttl);
  }
  for (const ares_addrinfo_cname* cname = answer.cnames; cname != nullptr; cname = cname->next) {
    ttl = std::min(ttl, cname->ttl);
  }
  if (out.addresses.empty()) return {};
  std::ranges::sort(out.addresses);
  const auto repeated = std::ranges::unique(out.addresses);
  out.addresses.erase(repeated.begin(), repeated.end());
  out.ttl = seconds(std::max(ttl, 0));
  return out;
}

// "127.0.0.1:53,[::1]:53", as ares_set_servers_ports_csv wants it.
std::string server_list(const std::vector<Endpoint>& servers) {
  std::string out;
  for (const Endpoint& server : servers) {
    if (!out.empty()) out += ',';
    out += server.to_string();
  }
  return out;
}

}  // namespace

// Owns the channel. c-ares tells which of its sockets it wants to read or write; each is lent to a descriptor of the
// loop and given back before c-ares closes it.
class Resolver::Impl : public std::enable_shared_from_this<Resolver::Impl> {
 public:
  Impl(Loop& loop, ResolverSettings settings) : loop_(loop), settings_(std::move(settings)), timer_(loop) {}
  ~Impl();
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Result<void> open();
  void resolve(const std::string& name, ResolveFamily family, Callback done);
  void resolve_srv(const std::string& name, SrvCallback done);

 private:
  struct Lent {
    explicit Lent(Loop& loop, int fd) : descriptor(loop, fd) {}
    asio::posix::basic_stream_descriptor<LoopExecutor> descriptor;
    bool want_read = false;
    bool want_write = false;
    bool reading = false;
    bool writing = false;
  };
  template <class Done>
  struct Asked {
    std::weak_ptr<Impl> owner;
    std::string name;
    Done done;
  };
  using Query = Asked<Callback>;
  using SrvQuery = Asked<SrvCallback>;

  static void on_socket_state(void* self, ares_socket_t fd, int readable, int writable);
  static void on_answer(void* query, int status, int timeouts, ares_addrinfo* answer);
  static void on_srv_answer(void* query, int status, int timeouts, unsigned char* bytes, int size);

  template <class Done, class Answer>
  void deliver(Done done, Result<Answer> result);
  void want(ares_socket_t fd, int readable, int writable);
  void arm(ares_socket_t fd, const std::shared_ptr<Lent>& lent);
  void process(ares_socket_t readable, ares_socket_t writable);
  void set_timer();

  Loop& loop_;
  ResolverSettings settings_;
  Timer timer_;
  ares_channel channel_ = nullptr;
  std::unordered_map<ares_socket_t, std::shared_ptr<Lent>> lent_;
};

Result<void> Resolver::Impl::open() {
  static std::once_flag once;
  std::call_once(once, [] { ares_library_init(ARES_LIB_INIT_ALL); });
  ares_options options{};
  std::string lookups = "fb";  // /etc/hosts, then DNS
  options.timeout = static_cast<int>(std::chrono::duration_cast<milliseconds>(settings_.timeout).count());
  options.tries = settings_.tries;
  options.ndots = settings_.ndots.value_or(0);
  options.lookups = lookups.data();
  options.sock_state_cb = &Impl::on_socket_state;
  options.sock_state_cb_data = this;
  int mask = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB;
  if (settings_.ndots) mask |= ARES_OPT_NDOTS;
  int status = ares_init_options(&channel_, &options, mask);
  if (status == ARES_SUCCESS && !settings_.servers.empty()) {
    status = ares_set_servers_ports_csv(channel_, server_list(settings_.servers).c_str());
  }
  if (status != ARES_SUCCESS) return fail(std::string("cannot start the resolver: ") + ares_strerror(status));
  return {};
}

Resolver::Impl::~Impl() {
  timer_.cancel();
  if (channel_ != nullptr) ares_destroy(channel_);  // gives every socket back
}

void Resolver::Impl::resolve(const std::string& name, ResolveFamily family, Callback done) {
  if (const auto literal = IpAddress::parse(name)) {
    const Resolved itself{{*literal}, kLiteralTtl};
    return deliver(std::move(done), Result<Resolved>(wanted(*literal, family) ? itself : Resolved{}));
  }
  ares_addrinfo_hints hints{};
  hints.ai_family = to_ares(family);
  hints.ai_flags = ARES_AI_NOSORT;  // sorting opens a socket per address; the order is ours
  auto query = std::make_unique<Query>(Query{weak_from_this(), name, std::move(done)});
  ares_getaddrinfo(channel_, name.c_str(), nullptr, &hints, &Impl::on_answer, query.release());
  set_timer();
}

void Resolver::Impl::on_answer(void* arg, int status, int /*timeouts*/, ares_addrinfo* answer) {
  const std::unique_ptr<Query> query(static_cast<Query*>(arg));
  const std::unique_ptr<ares_addrinfo, decltype(&ares_freeaddrinfo)> owned(answer, &ares_freeaddrinfo);
  const auto owner = query->owner.lock();
  if (!owner) return;  // the channel is being destroyed
  const auto result = [&]() -> Result<Resolved> {
    if (status == ARES_ENODATA) return Resolved{};
    if (status != ARES_SUCCESS || answer == nullptr) return unresolved(query->name, ares_strerror(status));
    return collect(*answer);
  };
  owner->deliver(std::move(query->done), result());
}

void Resolver::Impl::resolve_srv(const std::string& name, SrvCallback done) {
  auto query = std::make_unique<SrvQuery>(SrvQuery{weak_from_this(), name, std::move(done)});
  ares_query(channel_, name.c_str(), kClassIn, kTypeSrv, &Impl::on_srv_answer, query.release());
  set_timer();
}

void Resolver::Impl::on_srv_answer(void* arg, int status, int /*timeouts*/, unsigned char* bytes, int size) {
  const std::unique_ptr<SrvQuery> query(static_cast<SrvQuery*>(arg));
  const auto owner = query->owner.lock();
  if (!owner) return;  // the channel is being destroyed
  const auto result = [&]() -> Result<SrvAnswer> {
    if (status != ARES_SUCCESS || bytes == nullptr) return unresolved(query->name, ares_strerror(status));
    auto answer = parse_srv_answer(std::span<const std::uint8_t>(bytes, static_cast<std::size_t>(size)));
    if (!answer) return unresolved(query->name, answer.error().message);
    return answer;
  };
  owner->deliver(std::move(query->done), result());
}

template <class Done, class Answer>
void Resolver::Impl::deliver(Done done, Result<Answer> result) {
  asio::post(loop_, [weak = weak_from_this(), done = std::move(done), result = std::move(result)]() mutable {
    if (weak.lock()) done(std::move(result));
  });
}

void Resolver::Impl::on_socket_state(void* self, ares_socket_t fd, int readable, int writable) {
  static_cast<Impl*>(self)->want(fd, readable, writable);
}

void Resolver::Impl::want(ares_socket_t fd, int readable, int writable) {
  auto found = lent_.find(fd);
  if (readable == 0 && writable == 0) {
    if (found == lent_.end()) return;
    found->second->descriptor.release();
    lent_.erase(found);
    return;
  }
  if (found == lent_.end()) found = lent_.emplace(fd, std::make_shared<Lent>(loop_, fd)).first;
  found->second->want_read = readable != 0;
  found->second->want_write = writable != 0;
  arm(fd, found->second);
}

void Resolver::Impl::arm(ares_socket_t fd, const std::shared_ptr<Lent>& lent) {
  using Descriptor = asio::posix::descriptor_base;
  // A wait that outlives its socket sees another `Lent`, or none, under its number.
  const auto still = [weak = weak_from_this(), fd, lent]() -> std::shared_ptr<Impl> {
    const auto self = weak.lock();
    if (!self) return nullptr;
    const auto found = self->lent_.find(fd);
    return found != self->lent_.end() && found->second == lent ? self : nullptr;
  };
  if (lent->want_read && !lent->reading) {
    lent->reading = true;
    lent->descriptor.async_wait(Descriptor::wait_read, [still, fd, lent](error_code error) {
      lent->reading = false;
      const auto self = still();
      if (!error && self) self->process(fd, ARES_SOCKET_BAD);
      if (still()) self->arm(fd, lent);
    });
  }
  if (lent->want_write && !lent->writing) {
    lent->writing = true;
    lent->descriptor.async_wait(Descriptor::wait_write, [still, fd, lent](error_code error) {
      lent->writing = false;
      const auto self = still();
      if (!error && self) self->process(ARES_SOCKET_BAD, fd);
      if (still()) self->arm(fd, lent);
    });
  }
}

void Resolver::Impl::process(ares_socket_t readable, ares_socket_t writable) {
  ares_process_fd(channel_, readable, writable);
  set_timer();
}

void Resolver::Impl::set_timer() {
  timeval wait{};
  if (ares_timeout(channel_, nullptr, &wait) == nullptr) {
    timer_.cancel();
    return;
  }
  timer_.expires_after(seconds(wait.tv_sec) + std::chrono::microseconds(wait.tv_usec) + milliseconds(1));
  timer_.async_wait([weak = weak_from_this()](error_code error) {
    const auto self = weak.lock();
    if (!error && self) self->process(ARES_SOCKET_BAD, ARES_SOCKET_BAD);
  });
}

Result<std::unique_ptr<Resolver>> Resolver::make(Loop& loop, ResolverSettings settings) {
  auto impl = std::make_shared<Impl>(loop, std::move(settings));
  if (const Result<void> opened = impl->open(); !opened) return tl::unexpected(opened.error());
  return std::unique_ptr<Resolver>(new Resolver(std::move(impl)));
}

Resolver::Resolver(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

Resolver::~Resolver() = default;

void Resolver::resolve(const std::string& name, ResolveFamily family, Callback done) {
  impl_->resolve(name, family, std::move(done));
}

void Resolver::resolve_srv(const std::string& name, SrvCallback done) { impl_->resolve_srv(name, std::move(done)); }

}  // namespace shared
