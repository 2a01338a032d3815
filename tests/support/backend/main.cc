// meridian-test-backend: plays any number of the shop's servers in one process.
//   meridian-test-backend [--delay 20ms] [--with-parent] ADDRESS:PORT=NAME[,POOL[,REGION]] ...
// Port 0 takes a free one. It prints one line `NAME ADDRESS:PORT` per server, then `ready`.
// GET anything: who answered, as JSON (text with Accept: text/plain); query keys as in answer.h, and delay=20ms.
// GET /health, GET /stats, POST /fail?mode=MODE[&name=|&pool=][&cpu=95][&memory=97][&delay=20ms]; MODE is one of ok,
// 500, sick, reset, hang, off, close, cut_head, cut_body, garbage: identity.h says what each does.
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/backend/loop.h"

namespace {

constexpr const char* kUsage =
    "usage: meridian-test-backend [--delay 20ms] [--with-parent] ADDRESS:PORT=NAME[,POOL[,REGION]] ...\n";

[[noreturn]] void stop(const std::string& why) {
  std::fprintf(stderr, "meridian-test-backend: %s\n%s", why.c_str(), kUsage);
  std::exit(2);
}

backend::Identity parse_identity(std::string_view text) {
  const auto equals = text.find('=');
  const auto endpoint = shared::Endpoint::parse(text.substr(0, equals));
  if (equals == std::string_view::npos || !endpoint) stop("not ADDRESS:PORT=NAME: " + std::string(text));
  backend::Identity identity;
  identity.endpoint = *endpoint;
  std::string_view rest = text.substr(equals + 1);
  for (std::string* part : {&identity.name, &identity.pool, &identity.region}) {
    const auto comma = rest.find(',');
    *part = rest.substr(0, comma);
    rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(comma + 1);
  }
  return identity;
}

std::vector<backend::Identity> parse_arguments(int count, char** arguments) {
  std::vector<backend::Identity> identities;
  std::uint64_t delay_ms = 0;
  for (int i = 1; i < count; ++i) {
    const std::string_view argument = arguments[i];
    if (argument == "--with-parent") {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
    } else if (argument == "--delay" && i + 1 < count) {
      const auto delay = backend::parse_milliseconds(arguments[++i]);
      if (!delay) stop(std::string("not a duration: ") + arguments[i]);
      delay_ms = *delay;
    } else if (argument.starts_with('-')) {
      stop("unknown option " + std::string(argument));
    } else {
      identities.push_back(parse_identity(argument));
    }
  }
  if (identities.empty()) stop("no server named");
  for (auto& identity : identities) identity.delay_ms = delay_ms;
  return identities;
}

void raise_descriptor_limit() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

int main(int argc, char** argv) {
  raise_descriptor_limit();
  backend::Loop loop(parse_arguments(argc, argv));
  if (const auto listening = loop.listen_all(); !listening) stop(listening.error().message);
  for (const auto& identity : loop.identities()) {
    std::printf("%s %s\n", identity.name.c_str(), identity.endpoint.to_string().c_str());
  }
  std::printf("ready\n");
  std::fflush(stdout);
  loop.run();
}
