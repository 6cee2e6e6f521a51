#include "base/digest.h"

#include <gtest/gtest.h>

#include <string>

namespace riacho {
namespace {

std::string hmac_in_hex(std::string_view key, std::string_view data) { return to_hex(as_text(hmac_sha256(key, data))); }

TEST(HmacSha256, has_the_values_of_rfc_4231) {
    EXPECT_EQ(hmac_in_hex(std::string(20, '\x0B'), "Hi There"),
              "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    EXPECT_EQ(hmac_in_hex("Jefe", "what do ya want for nothing?"),
              "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    EXPECT_EQ(hmac_in_hex(std::string(20, '\xAA'), std::string(50, '\xDD')),
              "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
    EXPECT_EQ(hmac_in_hex(std::string(131, '\xAA'), "Test Using Larger Than Block-Size Key - Hash Key First"),
              "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

// A key of one block is used as it is, a longer one is hashed first.
TEST(HmacSha256, keys_at_the_edge_of_a_block) {
    EXPECT_EQ(hmac_in_hex(std::string(64, 'k'), ""),
              "83026a325aaee70e36cfe607536aa1054104ad1077c36134810d4ccded1ccd3b");
    EXPECT_EQ(hmac_in_hex(std::string(65, 'k'), "x"),
              "75092ca3ee2b307470c227697b42b3e65376aa3bae98fb5a1f7b7536daa9588a");
}

}  // namespace
}  // namespace riacho
