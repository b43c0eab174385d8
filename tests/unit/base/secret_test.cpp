#include "base/secret.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace mc {
namespace {

// Goal: what was secret is nowhere in the memory that this type had. Spec: docs/security.md "Secrets".

bool is_wiped(const char* memory, std::size_t size) {
    return std::all_of(memory, memory + size, [](char c) { return c == 0; });
}

TEST(Secret, WipesAStringToTheEndOfItsMemory) {
    for (const std::size_t size : {5, 200}) {  // in the string itself, and outside
        std::string text(size, 'x');
        text.resize(2);
        const char* memory = text.data();
        Secret::wipe(text);
        EXPECT_TRUE(text.empty());
        EXPECT_TRUE(is_wiped(memory, size)) << size;
    }
    std::array<char, 4> bytes{'a', 'b', 'c', 'd'};
    Secret::wipe(bytes);
    EXPECT_TRUE(is_wiped(bytes.data(), bytes.size()));
}

TEST(Secret, TakesBytesOverAndLeavesNone) {
    std::string from(100, 'x');
    const char* memory = from.data();
    const Secret secret(std::move(from));
    EXPECT_EQ(secret.view(), std::string(100, 'x'));
    EXPECT_TRUE(is_wiped(memory, 100));
}

TEST(Secret, IsWipedWhenItEnds) {
    // In a place of its own, so that it may be looked at afterwards: short strings are kept in the object.
    alignas(Secret) char place[sizeof(Secret)];
    auto* secret = new (place) Secret(std::string_view("hidden"));
    ASSERT_NE(std::search(place, place + sizeof place, "hidden", "hidden" + 6), place + sizeof place);
    secret->~Secret();
    EXPECT_EQ(std::search(place, place + sizeof place, "hidden", "hidden" + 6), place + sizeof place);
}

TEST(Secret, IsCopiedMovedComparedAndPutTogether) {
    Secret one = Secret::of({"a-", std::string_view("key"), ""});
    EXPECT_EQ(one.view(), "a-key");
    Secret two = one;
    EXPECT_EQ(one, two);
    const Secret three = std::move(two);
    EXPECT_EQ(three, one);
    EXPECT_TRUE(two.view().empty());
    two = Secret(std::string_view("other"));
    EXPECT_NE(two, one);
    two = one;
    two = *&two;
    EXPECT_EQ(two.view(), "a-key");
    one = std::move(two);
    EXPECT_TRUE(two.view().empty());
    EXPECT_EQ(one.view(), "a-key");
}

}  // namespace
}  // namespace mc
