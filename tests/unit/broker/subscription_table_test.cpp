#include "broker/core/subscription_table.hpp"

#include <gtest/gtest.h>

namespace mc::broker::test {
namespace {

// Goal: no key's subscriptions grow the broker without end, and nobody is barred for connecting again.
// Spec: docs/security.md "Floods".

const PublicKey ada = *PublicKey::from_bytes(std::string(32, 'a'));
const PublicKey eve = *PublicKey::from_bytes(std::string(32, 'e'));

TEST(SubscriptionTable, CountsAPrefixOnceHoweverOftenItIsSaid) {
    SubscriptionTable table;
    for (int i = 0; i < 200'000; ++i) ASSERT_TRUE(table.add(ada, ""));
}

TEST(SubscriptionTable, TakesSoManyBytesOfAKeyAndNoMore) {
    SubscriptionTable table;
    const std::string prefix(1023, 'x');  // 1 KiB with its first byte
    for (std::size_t i = 0; i < SubscriptionTable::bytes_of_key_max / 1024; ++i) {
        std::string own = prefix;
        own[0] = static_cast<char>(i);
        ASSERT_TRUE(table.add(eve, own)) << i;
    }
    EXPECT_FALSE(table.add(eve, ""));
    EXPECT_FALSE(table.add(eve, "more"));
    EXPECT_TRUE(table.add(ada, "more")) << "it is another's";
    table.clear();
    EXPECT_TRUE(table.add(eve, std::string(SubscriptionTable::bytes_of_key_max - 1, 'x')));
    table.clear();
    EXPECT_FALSE(table.add(eve, std::string(SubscriptionTable::bytes_of_key_max, 'x')));
}

}  // namespace
}  // namespace mc::broker::test
