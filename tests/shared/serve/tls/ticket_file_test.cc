#include "shared/serve/tls/ticket_file.h"

#include <gtest/gtest.h>

#include <string>

namespace shared::ticket_file_test {
namespace {

TEST(TicketFile, AKeyIsItsOctetsInOrder) {
  std::string octets;
  for (std::size_t i = 0; i < kTicketKeySize; ++i) octets.push_back(static_cast<char>(i));
  const TicketKeys::List list = ticket_keys_of({octets, "short", std::string(kTicketKeySize, 'x')});
  ASSERT_EQ(list.size(), 2U) << "what is no key is none";
  EXPECT_EQ(list[0].name[15], 15);
  EXPECT_EQ(list[0].cipher[0], 16);
  EXPECT_EQ(list[0].hash[31], 79);
  EXPECT_EQ(list[1].name[0], 'x');
}

}  // namespace
}  // namespace shared::ticket_file_test
