#include "shared/serve/admin/admin.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "shared/serve/os/log.h"
#include "shared/serve/os/socket.h"
#include "shared/serve/process/builder.h"
#include "tests/shared/serve/run_until.h"

namespace shared::admin_test {
namespace {

using test::run_for;
using test::run_until;

class AdminTest : public ::testing::Test {
 protected:
  inline static const std::string kKey = "the key of the admin port";

  void start(AdminLimits limits = {}, const std::string& address = "127.0.0.1:0") {
    auto made = Admin::listen(loop_, *AdminAddress::parse(address), limits);
    ASSERT_TRUE(made) << made.error().message;
    admin_ = std::move(*made);
    admin_->set_access({.metrics_only = false, .allow = {}, .key = kKey});
    admin_->route(AdminMethod::get, "/echo", [](const AdminRequest& request) {
      return AdminResponse::text(200, std::string(request.param("name").value_or("nobody")));
    });
    admin_->route(AdminMethod::post, "/change",
                  [](const AdminRequest& request) { return AdminResponse::json(200, request.body); });
  }

  UniqueFd connect() {
    UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
    const SocketAddress address = to_socket_address(admin_->endpoint());
    ::connect(fd.get(), reinterpret_cast<const sockaddr*>(address.bytes), address.length);
    return fd;
  }

  // Reads until `enough(text)` or the end of the connection.
  template <class Enough>
  std::string read(const UniqueFd& fd, Enough enough) {
    std::string out;
    bool ended = false;
    EXPECT_TRUE(run_until(loop_, [&] {
      std::array<char, 4096> chunk{};
      const ssize_t n = ::recv(fd.get(), chunk.data(), chunk.size(), 0);
      if (n > 0) out.append(chunk.data(), static_cast<std::size_t>(n));
      ended = n == 0 || (n < 0 && errno != EAGAIN && errno != ENOTCONN);
      return ended || enough(out);
    }));
    return out;
  }
  std::string read_all(const UniqueFd& fd) {
    return read(fd, [](const std::string&) { return false; });
  }

  void send(const UniqueFd& fd, const std::string& bytes) {
    ASSERT_TRUE(run_until(loop_, [&] { return ::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) > 0; }));
  }

  // One request whose connection ends after its answer.
  std::string ask(const std::string& line, const std::string& fields = "", const std::string& body = "") {
    const UniqueFd fd = connect();
    send(fd, line + " HTTP/1.1\r\nConnection: close\r\nAuthorization: Bearer " + kKey + "\r\n" +
                 (fields.empty() ? "Host: localhost\r\n" : fields) + "\r\n" + body);
    return read_all(fd);
  }

  static std::string status(const std::string& answer) { return answer.substr(0, 12); }
  static std::string body(const std::string& answer) { return answer.substr(answer.find("\r\n\r\n") + 4); }

  Loop loop_{kOneThread};
  std::unique_ptr<Admin> admin_;
};

TEST_F(AdminTest, AnswersARequestWithItsDecodedQuery) {
  start();
  const std::string answer = ask("GET /echo?x=1&name=a%20b%2Bc");
  EXPECT_EQ(status(answer), "HTTP/1.1 200");
  EXPECT_EQ(body(answer), "a b+c");
  EXPECT_EQ(body(ask("GET /echo")), "nobody");
}

TEST_F(AdminTest, PostCarriesABody) {
  start();
  const std::string answer = ask("POST /change", "Host: 127.0.0.1:9053\r\nContent-Length: 7\r\n", R"({"a":1})");
  EXPECT_EQ(status(answer), "HTTP/1.1 200");
  EXPECT_NE(answer.find("Content-Type: application/json\r\n"), std::string::npos);
  EXPECT_EQ(body(answer), R"({"a":1})");
}

TEST_F(AdminTest, HeadIsGetWithoutItsBody) {
  start();
  const std::string answer = ask("HEAD /echo");
  EXPECT_NE(answer.find("Content-Length: 6\r\n"), std::string::npos);
  EXPECT_EQ(body(answer), "");
}

TEST_F(AdminTest, ChangesArePostOnly) {
  start();
  const std::string answer = ask("GET /change");
  EXPECT_EQ(status(answer), "HTTP/1.1 405");
  EXPECT_NE(answer.find("Allow: POST\r\n"), std::string::npos);
  EXPECT_EQ(status(ask("POST /echo", "Host: localhost\r\nContent-Length: 0\r\n")), "HTTP/1.1 405");
  EXPECT_EQ(status(ask("DELETE /change")), "HTTP/1.1 405");
  EXPECT_EQ(status(ask("GET /nothing")), "HTTP/1.1 404");
}

TEST_F(AdminTest, KeepsTheConnectionAndTakesPipelinedRequests) {
  start();
  const UniqueFd fd = connect();
  const std::string request = "GET /echo?name=one HTTP/1.1\r\nHost: localhost\r\n\r\n";
  send(fd, request + request);
  std::string answers =
      read(fd, [](const std::string& text) { return text.find("one", text.find("one") + 3) != std::string::npos; });
  send(fd, request);
  answers = read(fd, [](const std::string& text) { return text.ends_with("one"); });
  EXPECT_EQ(status(answers), "HTTP/1.1 200");
}

// DNS rebinding: a page of evil.example whose name now points to 127.0.0.1.
TEST_F(AdminTest, HostMustBeAnAddressOrLocalhost) {
  start();
  for (const char* host :
       {"evil.example", "evil.example:9053", "localhost.evil.example", "127.0.0.1.evil.example", ""}) {
    EXPECT_EQ(status(ask("GET /echo", "Host: " + std::string(host) + "\r\n")), "HTTP/1.1 403") << host;
  }
  for (const char* host : {"127.0.0.1", "127.0.0.1:9053", "[::1]:9053", "localhost:9053", "192.0.2.1"}) {
    EXPECT_EQ(status(ask("GET /echo", "Host: " + std::string(host) + "\r\n")), "HTTP/1.1 200") << host;
  }
  EXPECT_EQ(status(ask("GET /echo", "X: y\r\n")), "HTTP/1.1 403");
  EXPECT_EQ(status(ask("GET /echo", "Host: localhost\r\nHost: localhost\r\n")), "HTTP/1.1 403");
}

// A page of another site that posts to 127.0.0.1 directly: its Host is right, its Origin is not.
TEST_F(AdminTest, ForeignOriginIsRefused) {
  start();
  const std::string base = "Host: 127.0.0.1:9053\r\nContent-Length: 0\r\n";
  EXPECT_EQ(status(ask("POST /change", base + "Origin: https://evil.example\r\n")), "HTTP/1.1 403");
  EXPECT_EQ(status(ask("POST /change", base + "Origin: null\r\n")), "HTTP/1.1 403");
  EXPECT_EQ(status(ask("POST /change", base + "Origin: http://127.0.0.1:9053\r\n")), "HTTP/1.1 200");
}

TEST_F(AdminTest, WhatIsNoRequestGets400AndTheEnd) {
  start();
  EXPECT_EQ(status(ask("GET  /echo")), "HTTP/1.1 400");
  EXPECT_EQ(status(ask("GET http://[/echo")), "HTTP/1.1 400");
  EXPECT_EQ(status(ask("GET /echo%zz")), "HTTP/1.1 400");
  EXPECT_EQ(status(ask("POST /change", "Host: localhost\r\nContent-Length: x\r\n")), "HTTP/1.1 400");
}

TEST_F(AdminTest, A400SaysWhy) {
  start();
  EXPECT_EQ(body(ask("GET /echo", "Host: localhost\r\nX : y\r\n")), "bad request: space before colon\n");
  EXPECT_EQ(body(ask("POST /change", "Host: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n")),
            "bad request: Content-Length with Transfer-Encoding\n");
  const UniqueFd fd = connect();
  send(fd, "\x16\x03\x01\x02");
  EXPECT_EQ(status(read_all(fd)), "HTTP/1.1 400");
}

TEST_F(AdminTest, TakesAChunkedBodyAndWhatCameBehindIt) {
  start();
  const UniqueFd fd = connect();
  const std::string fields = " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + kKey + "\r\n";
  send(fd, "POST /change" + fields +
               "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\nGET /echo?name=next" + fields +
               "Connection: close\r\n\r\n");
  const std::string answers = read_all(fd);
  EXPECT_NE(answers.find("\r\n\r\nabcHTTP/1.1 200"), std::string::npos) << answers;
  EXPECT_TRUE(answers.ends_with("next"));
}

TEST_F(AdminTest, Http10ClosesUnlessItAsksToKeep) {
  start();
  const UniqueFd fd = connect();
  send(fd, "GET /echo HTTP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_NE(
      read(fd, [](const std::string& text) { return text.ends_with("nobody"); }).find("Connection: keep-alive\r\n"),
      std::string::npos);
  send(fd, "GET /echo HTTP/1.0\r\nHost: localhost\r\n\r\n");
  EXPECT_NE(read_all(fd).find("Connection: close\r\n"), std::string::npos);
}

TEST_F(AdminTest, ABodyThatTricklesHasTheTimeOfOneRequest) {
  AdminLimits limits;
  limits.read_timeout = milliseconds(60);
  start(limits);
  const UniqueFd fd = connect();
  send(fd, "POST /change HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n");
  std::size_t sent = 0;
  const auto trickle = [&] {
    run_for(loop_, milliseconds(5));
    const bool more = ::send(fd.get(), "x", 1, MSG_NOSIGNAL) > 0;
    sent += more ? 1 : 0;
    return !more;
  };
  while (sent < 900 && !trickle()) {
  }
  EXPECT_LT(sent, 900U) << "each octet bought it more time";
}

TEST_F(AdminTest, HeadAndBodyAreLimited) {
  AdminLimits limits;
  limits.head = 1000;
  limits.body = 100;
  start(limits);
  EXPECT_EQ(status(ask("GET /echo", "Host: localhost\r\nX: " + std::string(2000, 'x') + "\r\n")), "HTTP/1.1 431");
  EXPECT_EQ(status(ask("POST /change", "Host: localhost\r\nContent-Length: 101\r\n")), "HTTP/1.1 413");
  EXPECT_EQ(status(ask("POST /change", "Host: localhost\r\nTransfer-Encoding: chunked\r\n",
                       "65\r\n" + std::string(101, 'x') + "\r\n0\r\n\r\n")),
            "HTTP/1.1 413");
}

TEST_F(AdminTest, SlowAndIdleConnectionsAreClosed) {
  AdminLimits limits;
  limits.read_timeout = milliseconds(30);
  limits.idle_timeout = milliseconds(30);
  start(limits);
  const UniqueFd idle = connect();
  EXPECT_EQ(read_all(idle), "");
  const UniqueFd slow = connect();
  send(slow, "GET /echo HTT");
  EXPECT_EQ(read_all(slow), "");
}

TEST_F(AdminTest, TheLongestIdleConnectionMakesRoomForTheNewcomer) {
  AdminLimits limits;
  limits.connections = 2;
  start(limits);
  const UniqueFd one = connect();
  send(one, "GET /echo HTTP/1.1\r\nHost: localhost\r\nX: trick");
  run_for(loop_, milliseconds(20));
  const UniqueFd two = connect();
  run_for(loop_, milliseconds(20));
  send(one, "le");  // does not count as speech
  const UniqueFd three = connect();
  EXPECT_EQ(read_all(one), "");
  for (const UniqueFd* other : {&two, &three}) {
    send(*other, "GET /echo HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    EXPECT_EQ(status(read_all(*other)), "HTTP/1.1 200");
  }
}

TEST_F(AdminTest, AConnectionThatIsBeingAnsweredStaysWhileOthersIdle) {
  AdminLimits limits;
  limits.connections = 2;
  start(limits);
  std::optional<AdminReply> held;
  admin_->route_deferred(AdminMethod::get, "/wait", [&](const AdminRequest&, AdminReply reply) { held = reply; });
  const UniqueFd waiting = connect();
  send(waiting, "GET /wait HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  ASSERT_TRUE(run_until(loop_, [&] { return held.has_value(); }));
  const UniqueFd idle = connect();
  run_for(loop_, milliseconds(20));
  EXPECT_EQ(body(ask("GET /echo")), "nobody");
  EXPECT_EQ(read_all(idle), "");
  (*held)(AdminResponse::text(200, "late"));
  EXPECT_EQ(body(read_all(waiting)), "late");
}

// All descriptors of the process, for as long as it lives.
class NoDescriptors {
 public:
  NoDescriptors() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    rlimit few = before_;
    few.rlim_cur = 64;
    ::setrlimit(RLIMIT_NOFILE, &few);
    for (int fd = ::open("/dev/null", O_RDONLY); fd >= 0; fd = ::open("/dev/null", O_RDONLY)) taken_.emplace_back(fd);
  }
  ~NoDescriptors() {
    taken_.clear();
    ::setrlimit(RLIMIT_NOFILE, &before_);
  }
  NoDescriptors(const NoDescriptors&) = delete;
  NoDescriptors& operator=(const NoDescriptors&) = delete;

  UniqueFd give_one() {
    UniqueFd one = std::move(taken_.back());
    taken_.pop_back();
    return one;
  }

 private:
  rlimit before_{};
  std::vector<UniqueFd> taken_;
};

TEST_F(AdminTest, AnswersWhenTheProcessHasNoDescriptorLeft) {
  start();
  const UniqueFd slow = connect();
  send(slow, "GET /ec");
  run_for(loop_, milliseconds(20));
  NoDescriptors none;
  for (int i = 0; i < 3; ++i) {
    none.give_one().reset();  // of the client itself
    EXPECT_EQ(body(ask("GET /echo")), "nobody");
  }
}

// Somebody else is quicker and takes the descriptor that was kept for who knocks: that one is heard a moment later.
TEST_F(AdminTest, WhoCameWhenNothingWasLeftIsHeardLater) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "without a descriptor left UBSan cannot look at an object, and takes it for none";
#endif
  const LogCapture log;
  start();
  std::optional<NoDescriptors> none(std::in_place);
  none->give_one().reset();
  const UniqueFd client = connect();
  send(client, "GET /echo HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  UniqueFd kept;
  EXPECT_TRUE(run_until(loop_, [&] {
    kept = UniqueFd(::open("/dev/null", O_RDONLY));
    return kept.valid();
  }));
  EXPECT_TRUE(run_until(loop_, [&] { return log.contains("event=admin_accept_failed"); }));
  kept.reset();
  none.reset();
  EXPECT_EQ(status(read_all(client)), "HTTP/1.1 200");
}

TEST_F(AdminTest, OverTcpNothingChangesWithoutTheKey) {
  start();
  const std::string base = "POST /change HTTP/1.1\r\nConnection: close\r\nHost: localhost\r\nContent-Length: 0\r\n";
  const auto post = [&](const std::string& more) {
    const UniqueFd fd = connect();
    send(fd, base + more + "\r\n");
    return status(read_all(fd));
  };
  EXPECT_EQ(post(""), "HTTP/1.1 403");
  EXPECT_EQ(post("Authorization: Bearer wrong\r\n"), "HTTP/1.1 403");
  EXPECT_EQ(post("Authorization: Bearer " + kKey + "x\r\n"), "HTTP/1.1 403");
  EXPECT_EQ(post("Authorization: Bearer " + kKey + "\r\n"), "HTTP/1.1 200");
  admin_->set_access({});
  EXPECT_EQ(post("Authorization: Bearer \r\n"), "HTTP/1.1 403");
  EXPECT_EQ(body(ask("GET /echo")), "nobody");
}

TEST_F(AdminTest, AMetricsListenerShowsMetricsAloneAndOnlyToWhomItMay) {
  start();
  admin_->route(AdminMethod::get, "/metrics", [](const AdminRequest&) { return AdminResponse::text(200, "up 1\n"); });
  admin_->set_access({.metrics_only = true, .allow = {*Prefix::parse("127.0.0.0/8")}, .key = kKey});
  EXPECT_EQ(body(ask("GET /metrics", "Host: edge-7.example:9100\r\n")), "up 1\n");
  EXPECT_EQ(status(ask("GET /echo")), "HTTP/1.1 404");
  EXPECT_EQ(status(ask("POST /change", "Host: localhost\r\nContent-Length: 0\r\n")), "HTTP/1.1 403");
  admin_->set_access({.metrics_only = true, .allow = {*Prefix::parse("192.0.2.0/24")}, .key = {}});
  const UniqueFd stranger = connect();
  EXPECT_EQ(read_all(stranger), "");
}

TEST_F(AdminTest, ReplyMayComeLaterAndFromAnotherThread) {
  start();
  Builder builder;
  admin_->route_deferred(AdminMethod::post, "/reload", [&](const AdminRequest&, const AdminReply& reply) {
    builder.run([reply] { reply(AdminResponse::text(200, "built")); });
  });
  EXPECT_EQ(body(ask("POST /reload", "Host: localhost\r\nContent-Length: 0\r\n")), "built");
}

TEST_F(AdminTest, ForgottenReplyIs500) {
  start();
  admin_->route_deferred(AdminMethod::get, "/forget", [](const AdminRequest&, const AdminReply&) {});
  EXPECT_EQ(status(ask("GET /forget")), "HTTP/1.1 500");
}

TEST_F(AdminTest, LateReplyToAClientThatLeftIsDropped) {
  start();
  std::optional<AdminReply> held;
  admin_->route_deferred(AdminMethod::get, "/wait", [&](const AdminRequest&, AdminReply reply) { held = reply; });
  {
    const UniqueFd fd = connect();
    send(fd, "GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n");
    ASSERT_TRUE(run_until(loop_, [&] { return held.has_value(); }));
  }
  (*held)(AdminResponse::text(200, "late"));
  (*held)(AdminResponse::text(200, "twice"));
  run_for(loop_, milliseconds(20));
  EXPECT_EQ(body(ask("GET /echo")), "nobody");
}

TEST_F(AdminTest, DestroyedWithConnectionsOpenAndRepliesHeld) {
  start();
  std::optional<AdminReply> held;
  admin_->route_deferred(AdminMethod::get, "/wait", [&](const AdminRequest&, AdminReply reply) { held = reply; });
  const UniqueFd waiting = connect();
  const UniqueFd idle = connect();
  send(waiting, "GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n");
  ASSERT_TRUE(run_until(loop_, [&] { return held.has_value(); }));
  admin_.reset();
  (*held)(AdminResponse::text(200, "late"));
  EXPECT_EQ(read_all(waiting), "");
  EXPECT_EQ(read_all(idle), "");
}

TEST_F(AdminTest, UnixSocketOnlyForOwnerAndGroup) {
  const std::string path = ::testing::TempDir() + "/meridian_admin_" + std::to_string(::getpid());
  start({}, "unix:" + path);
  EXPECT_EQ(admin_->address(), "unix:" + path);
  struct stat info{};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0660U);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0));
  ASSERT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  send(fd, "GET /echo HTTP/1.1\r\nHost: whatever.example\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(body(read_all(fd)), "nobody");
  const auto second = Admin::listen(loop_, *AdminAddress::parse("unix:" + path));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().message, "cannot listen on unix:" + path + ": another process does");
  admin_.reset();
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(AdminTest, AUnixSocketMayStandInALongFolder) {
  std::string folder = ::testing::TempDir() + "/meridian_admin_" + std::to_string(::getpid());
  std::filesystem::create_directory(folder);
  const std::string above = folder;
  folder += "/" + std::string(150, 'd');
  std::filesystem::create_directory(folder);
  start({}, "unix:" + folder + "/admin.sock");
  EXPECT_TRUE(std::filesystem::is_socket(folder + "/admin.sock"));
  const auto second = Admin::listen(loop_, *AdminAddress::parse("unix:" + folder + "/admin.sock"));
  ASSERT_FALSE(second);
  EXPECT_TRUE(second.error().message.ends_with("another process does")) << second.error().message;
  admin_.reset();
  std::filesystem::remove_all(above);
}

TEST_F(AdminTest, LeftOverSocketFileIsReplacedButNothingElse) {
  const std::string path = ::testing::TempDir() + "/meridian_admin_old_" + std::to_string(::getpid());
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  {
    const UniqueFd crashed(::socket(AF_UNIX, SOCK_STREAM, 0));
    ASSERT_EQ(::bind(crashed.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  start({}, "unix:" + path);
  admin_.reset();
  std::ofstream(path) << "somebody's file";
  const auto refused = Admin::listen(loop_, *AdminAddress::parse("unix:" + path));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "cannot listen on unix:" + path + ": the file is not a socket");
  std::filesystem::remove(path);
}

TEST(AdminAddressTest, OnlyLoopbackAndUnixSockets) {
  for (const char* text : {"127.0.0.1:9053", "127.1.2.3:1", "[::1]:9053", "unix:/run/meridian/dns.sock"}) {
    const auto address = AdminAddress::parse(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(address->to_string(), text);
  }
  for (const char* text : {"0.0.0.0:9053", "192.0.2.1:9053", "[::]:9053", "[2001:db8::1]:1", "localhost", "9053",
                           "unix:relative", "unix:"}) {
    EXPECT_FALSE(AdminAddress::parse(text)) << text;
  }
  EXPECT_FALSE(AdminAddress::parse("unix:/" + std::string(200, 'x')));
}

}  // namespace
}  // namespace shared::admin_test
