#include "protocol/message.hpp"

#include <gtest/gtest.h>

#include <set>

#include "protocol/limits.hpp"

namespace mc::protocol {
namespace {

// Goal: 32 bytes mean the same to every peer, and nothing that a peer sends does more than be refused.
// Spec: docs/protocol.md "Header".

using namespace std::string_literals;

Header sample() {
    return {.version = 1,
            .kind = Kind::reply,
            .verb = Verb::vm_create,
            .code = ErrorCode::no_capacity,
            .id = RequestId{0x0011223344556677, 0x8899AABBCCDDEEFF},
            .value = 0x01020304,
            .sequence = 0xA0B0C0D0};
}

TEST(Header, HasItsFieldsAtTheDocumentedOffsets) {
    EXPECT_EQ(encode_header(sample()),
              "MC\x01\x02\x00\x30\x00\x14"s
              "\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xAA\xBB\xCC\xDD\xEE\xFF"s
              "\x01\x02\x03\x04\xA0\xB0\xC0\xD0"s);
}

TEST(Header, ReadsWhatItWrote) {
    const auto decoded = decode_header(encode_header(sample()));
    ASSERT_TRUE(decoded);
    EXPECT_EQ(*decoded, sample());
}

TEST(Header, IsRefusedAtEveryOtherLength) {
    const Bytes whole = encode_header(sample());
    for (std::size_t size = 0; size < whole.size(); ++size) {
        const auto decoded = decode_header(std::string_view(whole).substr(0, size));
        ASSERT_FALSE(decoded) << size << " bytes";
        EXPECT_EQ(decoded.error().code, ErrorCode::bad_message);
    }
    EXPECT_EQ(decode_header(whole + "x").error().code, ErrorCode::bad_message);
}

TEST(Header, NamesTheVersionThatIsNotSpoken) {
    Bytes bytes = encode_header(sample());
    bytes[2] = 9;
    EXPECT_EQ(decode_header(bytes).error().code, ErrorCode::unsupported_version);
    EXPECT_NE(decode_header(bytes).error().message.find("version 9"), std::string::npos);
}

TEST(Header, OfAnotherVersionMayHaveAnotherLength) {
    Bytes bytes = encode_header(sample()) + "a longer header";
    bytes[2] = 2;
    EXPECT_EQ(decode_header(bytes).error().code, ErrorCode::unsupported_version);
    EXPECT_EQ(decode_header("MC\x02").error().code, ErrorCode::unsupported_version);
}

TEST(Header, IsRefusedWithoutItsMagic) {
    for (const std::size_t i : {0, 1}) {
        Bytes bytes = encode_header(sample());
        bytes[i] = 'x';
        EXPECT_EQ(decode_header(bytes).error().code, ErrorCode::bad_message);
    }
}

TEST(Header, IsRefusedWithAKindThatIsNotDefined) {
    for (const int kind : {0, 9, 255}) {
        Bytes bytes = encode_header(sample());
        bytes[3] = static_cast<char>(kind);
        EXPECT_EQ(decode_header(bytes).error().code, ErrorCode::bad_message) << kind;
    }
}

TEST(Header, IsRefusedWithAVerbThatIsNotDefined) {
    for (int verb = 0; verb <= 0xFFFF; ++verb) {
        Bytes bytes = encode_header(sample());
        bytes[4] = static_cast<char>(verb >> 8);
        bytes[5] = static_cast<char>(verb & 0xFF);
        const auto decoded = decode_header(bytes);
        const bool known = verb_from(static_cast<std::uint16_t>(verb)).has_value();
        ASSERT_EQ(decoded.has_value(), known) << verb;
        if (!known) {
            ASSERT_EQ(decoded.error().code, ErrorCode::unknown_verb);
        }
    }
}

TEST(Header, WithACodeOfANewerPeerIsAnInternalError) {
    Bytes bytes = encode_header(sample());
    bytes[6] = 0x12;
    EXPECT_EQ(decode_header(bytes)->code, ErrorCode::internal);
}

TEST(Header, GivesItsIdEvenWhenTheRestIsUnreadable) {
    Bytes bytes = encode_header(sample());
    bytes[2] = 9;
    bytes[4] = 0x7F;
    EXPECT_EQ(peek_id(bytes), sample().id);
    EXPECT_EQ(peek_id(bytes.substr(0, 24)), sample().id);
    EXPECT_EQ(peek_id(bytes.substr(0, 23)), RequestId{});
    EXPECT_EQ(peek_id(""), RequestId{});
}

TEST(Verb, HasItemsWhereItChangesSomething) {
    std::string names;
    for (std::uint16_t number = 1; number < 100; ++number) {
        const auto verb = verb_from(number);
        if (verb && has_items(*verb)) names += std::string(name_of(*verb)) + " ";
    }
    EXPECT_EQ(names, "create start stop restart delete cordon uncordon drain forget token_create revoke update ");
}

TEST(Verb, HasOneNameAndOneSideEach) {
    std::set<std::string_view> names;
    for (int number = 0; number <= 0xFFFF; ++number) {
        const auto verb = verb_from(static_cast<std::uint16_t>(number));
        if (!verb) continue;
        EXPECT_TRUE(names.insert(name_of(*verb)).second) << name_of(*verb);
        const bool events_only = *verb == Verb::events_published || *verb == Verb::event_beacon;
        EXPECT_EQ(is_client_verb(*verb) + is_worker_verb(*verb), events_only ? 0 : 1) << name_of(*verb);
    }
    EXPECT_EQ(names.size(), 47U);
    EXPECT_EQ(name_of(Verb::remove), "delete");
    EXPECT_EQ(name_of(static_cast<Verb>(999)), "unknown");
}

TEST(JobId, TravelsInTheIdField) {
    const JobId job{7, 8};
    EXPECT_EQ(as_job_id(as_request_id(job)), job);
}

Message message(Bytes body, Bytes data) {
    return {sample(), std::move(body), std::move(data)};
}

TEST(Frames, AreTwoWithoutDataAndThreeWithIt) {
    for (const auto& original : {message("", ""), message("\x90", ""), message("\x90", "raw"), message("", "raw")}) {
        auto frames = to_frames(original);
        EXPECT_EQ(frames.size(), original.data.empty() ? 2U : 3U);
        EXPECT_EQ(frames[0].size(), limits::header_bytes);
        const auto back = from_frames(frames);
        ASSERT_TRUE(back);
        EXPECT_EQ(*back, original);
    }
}

TEST(Frames, AreRefusedInAnyOtherNumber) {
    const Bytes header = encode_header(sample());
    for (std::vector<Bytes> frames : {std::vector<Bytes>{}, {header}, {header, "", "", ""}}) {
        const auto refused = from_frames(frames);
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code, ErrorCode::bad_message);
    }
}

TEST(Frames, HoldExactlyOneMebibyteEach) {
    const Bytes header = encode_header(sample());
    const Bytes full(limits::message_bytes_max, 'x');
    std::vector<Bytes> fits{header, full, full};
    EXPECT_TRUE(from_frames(fits));
    std::vector<Bytes> body_over{header, full + "x"};
    EXPECT_EQ(from_frames(body_over).error().code, ErrorCode::too_large);
    std::vector<Bytes> data_over{header, "", full + "x"};
    EXPECT_EQ(from_frames(data_over).error().code, ErrorCode::too_large);
}

TEST(Frames, WithABadHeaderAreRefusedAsTheHeaderIs) {
    std::vector<Bytes> frames{"garbage", ""};
    EXPECT_EQ(from_frames(frames).error().code, ErrorCode::bad_message);
}

}  // namespace
}  // namespace mc::protocol
