#include "edge/serve/request/session_account.h"

#include "tests/edge/serve/fakes.h"

namespace edge::test::session_account_test {
namespace {

const SessionCounters& of(FakeWorker& worker, Transport transport) {
  return worker.context().counters.sessions[static_cast<std::size_t>(transport)];
}

TEST(SessionAccount, CountsByTransport) {
  FakeWorker worker(1);
  begin_session(worker.context(), Transport::tcp);
  begin_session(worker.context(), Transport::udp);
  EXPECT_EQ(of(worker, Transport::tcp).open.read(), 1U);
  account_session(worker.context(), {.transport = Transport::tcp, .octets_in = 3, .octets_out = 4});
  EXPECT_EQ(of(worker, Transport::tcp).open.read(), 0U);
  EXPECT_EQ(of(worker, Transport::tcp).begun.read(), 1U);
  EXPECT_EQ(of(worker, Transport::tcp).octets_in.read(), 3U);
  EXPECT_EQ(of(worker, Transport::tcp).octets_out.read(), 4U);
  EXPECT_EQ(of(worker, Transport::udp).open.read(), 1U);
}

TEST(SessionAccount, CountsErrorsAndTellsOfServersThatWereNotReached) {
  FakeWorker worker(1);
  const auto end = [&](ErrorKind kind, Side side, std::string_view pool) {
    begin_session(worker.context(), Transport::tcp);
    account_session(worker.context(), {.pool = pool, .error = Error{.kind = kind, .side = side, .detail = "test"}});
  };
  end(ErrorKind::connect_refused, Side::upstream, "web");
  EXPECT_EQ(worker.errors(ErrorKind::connect_refused), 1U);
  EXPECT_EQ(worker.context().failures.unsaid(), 0U);
  end(ErrorKind::no_server, Side::upstream, "web");
  EXPECT_EQ(worker.context().failures.unsaid(), 1U) << "one line a second";
  end(ErrorKind::forbidden, Side::client, "");
  EXPECT_EQ(worker.errors(ErrorKind::forbidden), 1U);
  EXPECT_EQ(worker.context().failures.unsaid(), 1U) << "the client's affair";
}

}  // namespace
}  // namespace edge::test::session_account_test
