#include "protocol/join_token.hpp"

#include <gtest/gtest.h>

#include "base/base64.hpp"
#include "unit/protocol/samples.hpp"

namespace mc::protocol {
namespace {

// Goal: a token that was copied whole is read as it was written, and one that was not is refused without
// being repeated. Spec: docs/protocol.md "token_create".

const JoinToken token{"tcp://192.0.2.7:7710", samples::key, Secret(std::string(32, 's')), Role::user};

TEST(JoinToken, ReadsWhatItWrote) {
    const std::string text = to_text(token);
    EXPECT_TRUE(text.starts_with("mc1-"));
    EXPECT_EQ(text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"),
              std::string::npos);
    EXPECT_EQ(read_join_token(text), token);
}

TEST(JoinToken, IsRefusedWhenCutAnywhere) {
    const std::string text = to_text(token);
    for (std::size_t size = 0; size < text.size(); ++size) {
        const auto cut = read_join_token(text.substr(0, size));
        ASSERT_FALSE(cut) << size;
        EXPECT_EQ(cut.error().code, ErrorCode::invalid_argument);
    }
}

TEST(JoinToken, IsNotRepeatedByARefusal) {
    for (const std::string& text : {to_text(token) + "!", "mc2-" + to_text(token).substr(4), std::string(5000, 'x'),
                                    "mc1-" + std::string(5000, 'A'), std::string("mc1-"), std::string("mc1-kA")}) {
        const auto read = read_join_token(text);
        ASSERT_FALSE(read) << text.substr(0, 20);
        EXPECT_TRUE(text.size() < 10 || read.error().message.find(text.substr(4, 12)) == std::string::npos);
    }
}

TEST(Base64Url, IsRfc4648Section5) {
    EXPECT_EQ(to_base64url("\xFB\xFF\xFE"), "-__-");
    EXPECT_EQ(to_base64url("a"), "YQ");
    EXPECT_EQ(from_base64url("YQ", 10), "a");
    EXPECT_EQ(from_base64url("", 10), "");
    EXPECT_FALSE(from_base64url("YQ==", 10));
    EXPECT_FALSE(from_base64url("Y Q", 10));
    EXPECT_FALSE(from_base64url("YWJj", 2)) << "over its limit";
}

}  // namespace
}  // namespace mc::protocol
