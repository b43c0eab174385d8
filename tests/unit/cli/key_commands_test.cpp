#include "cli/core/key_commands.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/core/key_views.hpp"

namespace mc::cli {
namespace {

using protocol::KeyView;
using protocol::Role;
using testing::ElementsAre;

KeyView key(std::string fingerprint, std::string name, Role role) {
    KeyView out;
    out.fingerprint = std::move(fingerprint);
    out.name = std::move(name);
    out.role = role;
    return out;
}

// Two keys and two tokens of ada, one token of nobody's.
const std::vector<KeyView> listed{
    key("1111111111111111", "ada", Role::user),   key("2222222222222222", "ada", Role::joiner),
    key("3333333333333333", "ada", Role::joiner), key("4444444444444444", "", Role::joiner),
    key("5555555555555555", "ada", Role::user),
};

TEST(KeyCommands, TakeATargetOnce) {
    const std::vector<std::string> twice{"ada", "2222222222222222", "ada"};
    EXPECT_THAT(read_revoke(twice)->targets, ElementsAre("ada", "2222222222222222"));
    const std::vector<std::string> bad{"Ada"};
    EXPECT_EQ(read_revoke(bad).error().code, ErrorCode::invalid_argument);
}

// Goal: who takes back a token by a name does not take back the keys of that name with it.
TEST(KeyCommands, RevokeOfTokensLeavesKeysAlone) {
    const std::vector<std::string> by_name{"ada", "2222222222222222"};
    EXPECT_THAT(read_token_revoke(by_name, listed)->targets, ElementsAre("2222222222222222", "3333333333333333"));
    const std::vector<std::string> a_key{"1111111111111111"};
    const auto refused = read_token_revoke(a_key, listed);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::not_found);
    EXPECT_THAT(refused.error().message, testing::HasSubstr("mccli keys revoke"));
}

TEST(KeyCommands, RevokeNoMoreTokensThanARequestHolds) {
    std::vector<KeyView> many;
    for (std::size_t i = 0; i <= limits::batch_max; ++i) many.push_back(key(to_hex(i), "class", Role::joiner));
    const std::vector<std::string> name{"class"};
    EXPECT_EQ(read_token_revoke(name, many).error().code, ErrorCode::invalid_argument);
    many.pop_back();
    EXPECT_EQ(read_token_revoke(name, many)->targets.size(), limits::batch_max);
}

TEST(KeyCommands, ReadATokenWithItsQuota) {
    const auto read = [](Settings::Values values) { return read_token_create(Settings(std::move(values))); };
    const auto plain = read({{"role", {"worker"}}});
    ASSERT_TRUE(plain);
    EXPECT_EQ(plain->request.ttl_seconds, defaults::token_ttl_seconds);
    EXPECT_EQ(plain->request.uses, defaults::token_uses);
    const auto full = read({{"role", {"user"}},
                            {"name", {"ada"}},
                            {"ttl", {"2h"}},
                            {"uses", {"1000"}},
                            {"key-ttl", {"7d"}},
                            {"quota-vms", {"5"}},
                            {"quota-cpus", {"2.5"}},
                            {"quota-memory", {"4G"}},
                            {"quota-ttl", {"1d"}},
                            {"endpoint", {"cloud.lan:7710"}}});
    ASSERT_TRUE(full) << full.error().message;
    EXPECT_EQ(full->request.role, Role::user);
    EXPECT_EQ(full->request.name, "ada");
    EXPECT_EQ(full->request.ttl_seconds, 7200U);
    EXPECT_EQ(full->request.uses, limits::token_uses_max);
    EXPECT_EQ(full->request.key_ttl_seconds, 7U * 86400);
    EXPECT_EQ(full->request.quota, (protocol::Quota{5, 2500, 4ULL << 30, 86400}));
    EXPECT_EQ(full->endpoint, "cloud.lan:7710");
    EXPECT_EQ(read({}).error().code, ErrorCode::usage);
    EXPECT_EQ(read({{"role", {"joiner"}}}).error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(read({{"role", {"user"}}, {"uses", {"1001"}}}).error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(read({{"role", {"user"}}, {"ttl", {"31d"}}}).error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(read({{"role", {"viewer"}}, {"quota-vms", {"1"}}}).error().code, ErrorCode::usage);
}

TEST(KeyViews, TellKeysFromTokensByName) {
    ASSERT_EQ(only_keys(listed).size(), 2U);
    EXPECT_EQ(only_keys(listed).front().fingerprint, "1111111111111111");
    ASSERT_EQ(only_tokens(listed).size(), 3U);
    EXPECT_EQ(only_tokens(listed).front().fingerprint, "4444444444444444");
    EXPECT_EQ(text_keys({}, {}, {}), "");
}

TEST(KeyViews, SayAQuotaInFewWords) {
    EXPECT_EQ(quota_text({}), "");
    EXPECT_EQ(quota_text({1, 2500, 0, 0}), "1 VM, 2.5 cpus");
    EXPECT_EQ(quota_text({5, 8000, 4ULL << 30, 86400}), "5 VMs, 8 cpus, 4G, ttl 24h");
}

}  // namespace
}  // namespace mc::cli
