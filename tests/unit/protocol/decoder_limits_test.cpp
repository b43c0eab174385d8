#include <gtest/gtest.h>

#include "protocol/codec.hpp"
#include "unit/protocol/samples.hpp"

namespace mc::protocol {
namespace {

// Goal: a peer can't make us allocate, recurse or misread beyond a named limit.
// Spec: docs/protocol.md "Limits"; pitfall 30 (msgpack's own limits are 4 GiB and no depth).

using namespace std::string_literals;

template <class T>
ErrorCode code_of(const Bytes& bytes) {
    const auto decoded = decode<T>(bytes);
    return decoded ? ErrorCode::ok : decoded.error().code;
}

Bytes u32(std::uint32_t value) {
    return Bytes{static_cast<char>(value >> 24), static_cast<char>((value >> 16) & 0xFF),
                 static_cast<char>((value >> 8) & 0xFF), static_cast<char>(value & 0xFF)};
}
Bytes array32(std::size_t count) {
    return "\xDD" + u32(static_cast<std::uint32_t>(count));
}
Bytes str32(std::size_t size) {
    return "\xDB" + u32(static_cast<std::uint32_t>(size)) + Bytes(size, 'a');
}
Bytes repeated(std::size_t count, const Bytes& item) {
    Bytes out;
    for (std::size_t i = 0; i < count; ++i) out += item;
    return out;
}

TEST(DecoderLimits, RefuseAFiveByteBodyThatClaimsFourGibibytes) {
    // What is claimed is compared with what is there (str, bin, ext) or with the limit (array, map) before
    // anything is allocated; under the address sanitizer an attempt to allocate it would end the test.
    const std::vector<std::pair<char, ErrorCode>> types{{'\xC6', ErrorCode::bad_message},
                                                        {'\xC9', ErrorCode::bad_message},
                                                        {'\xDB', ErrorCode::bad_message},
                                                        {'\xDD', ErrorCode::too_large},
                                                        {'\xDF', ErrorCode::too_large}};
    for (const auto& [type, code] : types) {
        const Bytes bomb = Bytes(1, type) + u32(0xFFFFFFFF);
        EXPECT_EQ(code_of<CreateRequest>(bomb), code) << static_cast<int>(type);
        EXPECT_EQ(code_of<CreateRequest>("\x91" + bomb), code) << static_cast<int>(type);
    }
}

TEST(DecoderLimits, RefuseNestingOverTheDepth) {
    const auto nested = [](std::size_t depth) { return "\x92\xA0"s + Bytes(depth, '\x91') + "\xC0"; };
    // An unknown trailing element, so that only the depth can be at fault; the body itself is one level.
    EXPECT_EQ(code_of<InfoRequest>(nested(limits::body_depth_max - 1)), ErrorCode::ok);
    EXPECT_EQ(code_of<InfoRequest>(nested(limits::body_depth_max)), ErrorCode::too_large);
    EXPECT_EQ(code_of<InfoRequest>(nested(200000)), ErrorCode::too_large);
    EXPECT_EQ(code_of<InfoRequest>(Bytes(200000, '\x81')), ErrorCode::too_large);
}

TEST(DecoderLimits, RefuseAnArrayOverTheNumberOfItems) {
    const auto with_extra = [](std::size_t count) { return "\x92\xA0" + array32(count) + Bytes(count, '\xC0'); };
    EXPECT_EQ(code_of<InfoRequest>(with_extra(limits::body_items_max)), ErrorCode::ok);
    EXPECT_EQ(code_of<InfoRequest>(with_extra(limits::body_items_max + 1)), ErrorCode::too_large);
}

/// InfoRequest, ListRequest, … : one string field first.
template <class T>
void expect_string_limit(std::size_t bytes_max) {
    EXPECT_EQ(code_of<T>("\x91" + str32(bytes_max)), ErrorCode::ok) << typeid(T).name();
    EXPECT_EQ(code_of<T>("\x91" + str32(bytes_max + 1)), ErrorCode::too_large) << typeid(T).name();
}

TEST(DecoderLimits, HoldStringsToTheirOwnLimit) {
    expect_string_limit<InfoRequest>(limits::target_bytes_max);
    expect_string_limit<StreamRequest>(limits::target_bytes_max);
    expect_string_limit<ListRequest>(limits::target_bytes_max);
    expect_string_limit<HelloReply>(limits::word_bytes_max);
    expect_string_limit<ErrorBody>(limits::reason_bytes_max);
    expect_string_limit<Label>(limits::label_key_bytes_max);
    EXPECT_EQ(code_of<Label>("\x92\xA1k" + str32(limits::label_value_bytes_max)), ErrorCode::ok);
    EXPECT_EQ(code_of<Label>("\x92\xA1k" + str32(limits::label_value_bytes_max + 1)), ErrorCode::too_large);
    EXPECT_EQ(code_of<VmSpec>("\x92\xA0" + str32(limits::image_bytes_max)), ErrorCode::ok);
    EXPECT_EQ(code_of<VmSpec>("\x92\xA0" + str32(limits::image_bytes_max + 1)), ErrorCode::too_large);
    EXPECT_EQ(code_of<ExecSpec>("\x91\x91" + str32(limits::argument_bytes_max)), ErrorCode::ok);
    EXPECT_EQ(code_of<ExecSpec>("\x91\x91" + str32(limits::argument_bytes_max + 1)), ErrorCode::too_large);
}

template <class T>
void expect_list_limit(const Bytes& before, std::size_t count_max, const Bytes& item) {
    EXPECT_EQ(code_of<T>(before + array32(count_max) + repeated(count_max, item)), ErrorCode::ok) << typeid(T).name();
    EXPECT_EQ(code_of<T>(before + array32(count_max + 1) + repeated(count_max + 1, item)), ErrorCode::too_large)
        << typeid(T).name();
}

TEST(DecoderLimits, HoldListsToTheirOwnLimit) {
    expect_list_limit<ActionRequest>("\x91", limits::batch_max,
                                     "\xA1"
                                     "a");
    expect_list_limit<ItemsReply>("\x91", limits::batch_max, "\x90");
    expect_list_limit<ListReply>("\x91", limits::page_max, "\x90");
    expect_list_limit<EventsReply>("\x91", limits::page_max, "\x90");
    expect_list_limit<JobsReply>("\x91", limits::page_max, "\x90");
    expect_list_limit<NodesReply>("\x91", limits::nodes_max, "\x90");
    expect_list_limit<Inventory>("\x92\x01", limits::inventory_max, "\x90");
    expect_list_limit<ExecSpec>("\x91", limits::arguments_max,
                                "\xA1"
                                "a");
    expect_list_limit<VmSpec>("\x96\xA0\xA0\x01\x01\x01"s, limits::env_max,
                              "\xA3"
                              "A=b");
    expect_list_limit<VmSpec>("\x97\xA0\xA0\x01\x01\x01\x90"s, limits::keys_max, "\xA1k");
    expect_list_limit<VmSpec>("\x99\xA0\xA0\x01\x01\x01\x90\x90\xA0"s, limits::labels_max, "\x90");
}

TEST(DecoderLimits, HoldAllListsOfABodyTogether) {
    // A thousand jobs with a thousand empty items each are 1 MB on the wire and would be over 500 MB here.
    const auto jobs = [](std::size_t count, std::size_t items) {
        const Bytes job = "\x95\xC4\x10" + Bytes(16, 'i') + "\x02\xC2\x01" + array32(items) + Bytes(items, '\x90');
        return "\x91" + array32(count) + repeated(count, job);
    };
    EXPECT_EQ(code_of<JobsReply>(jobs(65, 1000)), ErrorCode::ok);
    EXPECT_EQ(code_of<JobsReply>(jobs(66, 1000)), ErrorCode::too_large);
    EXPECT_EQ(code_of<JobsReply>(jobs(1000, 1000)), ErrorCode::too_large);
}

TEST(DecoderLimits, RefuseNumbersThatDoNotFit) {
    EXPECT_EQ(code_of<Resize>("\x92\xCD\xFF\xFF\x01"), ErrorCode::ok);
    EXPECT_EQ(code_of<Resize>("\x92\xCE\x00\x01\x00\x00\x01"s), ErrorCode::bad_message);
    EXPECT_EQ(code_of<Resize>("\x92\xFF\x01"), ErrorCode::bad_message);
    EXPECT_EQ(code_of<ExecResult>("\x91\xD2\x80\x00\x00\x00"s), ErrorCode::ok);
    EXPECT_EQ(code_of<ExecResult>("\x91\xD3\xFF\xFF\xFF\xFF\x7F\xFF\xFF\xFF"s), ErrorCode::bad_message);
    EXPECT_EQ(code_of<ExecResult>("\x91\xCE\x80\x00\x00\x00"s), ErrorCode::bad_message);
    EXPECT_EQ(code_of<ExecResult>("\x91\xCF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"s), ErrorCode::bad_message);
    EXPECT_EQ(code_of<Progress>("\x93\xA0\xA0\xCD\x01\x00"s), ErrorCode::bad_message);
    // Wider than needed is still the same number.
    EXPECT_EQ(decode<Resize>("\x92\xCE\x00\x00\x00\x05\x06"s)->rows, 5);
}

TEST(DecoderLimits, RefuseEnumerationsPastTheirLast) {
    EXPECT_EQ(code_of<VmView>("\x93\x01\xA0\x07"), ErrorCode::ok);
    EXPECT_EQ(code_of<VmView>("\x93\x01\xA0\x08"), ErrorCode::bad_message);
    EXPECT_EQ(code_of<VmReport>("\x92\x01\x04"), ErrorCode::ok);
    EXPECT_EQ(code_of<VmReport>("\x92\x01\x05"), ErrorCode::bad_message);
    EXPECT_EQ(code_of<NodeView>("\x93\xA0\x01\x03"), ErrorCode::bad_message);
    // A code that is not known stays an error; a verb that is not known can't be guessed.
    EXPECT_EQ(decode<ItemResult>("\x92\xA0\xCD\x10\x00"s)->code, ErrorCode::internal);
    EXPECT_EQ(code_of<JobView>("\x92\xC4\x10" + Bytes(16, 'i') + "\x7F"), ErrorCode::bad_message);
}

TEST(DecoderLimits, RefuseEveryWrongType) {
    const std::vector<std::pair<const char*, Bytes>> values{{"nil", "\xC0"},
                                                            {"bool", "\xC3"},
                                                            {"unsigned", "\x05"},
                                                            {"negative", "\xFF"},
                                                            {"float", "\xCA\x3F\x80\x00\x00"s},
                                                            {"str", "\xA1x"},
                                                            {"bin", "\xC4\x01x"},
                                                            {"array", "\x90"},
                                                            {"map", "\x80"},
                                                            {"ext", "\xD4\x01x"}};
    const auto accepted = [&]<class T>(const T&, const Bytes& before) {
        std::string names;
        for (const auto& [name, value] : values) {
            if (code_of<T>(before + value) == ErrorCode::ok) names += std::string(name) + " ";
        }
        return names;
    };
    EXPECT_EQ(accepted(InfoRequest{}, "\x91"), "str ");
    EXPECT_EQ(accepted(Resize{}, "\x91"), "unsigned ");
    EXPECT_EQ(accepted(ExecResult{}, "\x91"), "unsigned negative ");
    EXPECT_EQ(accepted(LogsSpec{}, "\x91"), "bool ");
    EXPECT_EQ(accepted(ActionRequest{}, "\x91"), "array ");
    EXPECT_EQ(accepted(JobRequest{}, "\x91"), "");  // a bin of 16 only
    EXPECT_EQ(accepted(ItemResult{}, "\x94\xA0\x01\xA0"s), "nil array ");
    EXPECT_EQ(accepted(CreateRequest{}, "\x91"), "array ");
    EXPECT_EQ(accepted(InfoRequest{}, ""), "array ");
}

TEST(DecoderLimits, RefuseIdsOfAnyOtherLength) {
    for (const std::size_t size : {0U, 15U, 17U}) {
        const Bytes body = "\x91\xC4" + Bytes(1, static_cast<char>(size)) + Bytes(size, 'i');
        EXPECT_NE(code_of<JobRequest>(body), ErrorCode::ok) << size;
    }
    EXPECT_EQ(code_of<JobRequest>("\x91\xC4\x10" + Bytes(16, 'i')), ErrorCode::ok);
}

TEST(DecoderLimits, SayWhichElementIsWrong) {
    const auto error = decode<CreateRequest>("\x92\x93\xA0\xA0\xA1x\x01").error();
    EXPECT_EQ(error.message, "element 2 of element 0 is not an unsigned integer");
    EXPECT_EQ(decode<InfoRequest>("\x05").error().message, "the body is not an array");
}

TEST(DecoderLimits, RefuseStringsThatAreNotUtf8) {
    EXPECT_EQ(code_of<InfoRequest>("\x91\xA2\xC3\xBC"), ErrorCode::ok);
    EXPECT_EQ(code_of<InfoRequest>("\x91\xA2\xC3x"), ErrorCode::bad_message);
    EXPECT_EQ(code_of<InfoRequest>("\x91\xA1\xFF"), ErrorCode::bad_message);
}

TEST(EncoderLimits, CutSentencesButNothingElse) {
    const ErrorBody cut = *decode<ErrorBody>(encode(ErrorBody{std::string(5000, 'x'), 1}));
    EXPECT_EQ(cut.message.size(), limits::reason_bytes_max);
    EXPECT_EQ(cut.retry_after_ms, 1U);
    // A cut name would be another VM's name: it is sent whole, and refused.
    EXPECT_EQ(code_of<InfoRequest>(encode(InfoRequest{std::string(128, 'x')})), ErrorCode::too_large);
}

TEST(EncoderLimits, SendWhatIsNotUtf8AsReplacementCharacters) {
    const auto back = decode<ErrorBody>(encode(ErrorBody{"the engine said \xFF!", 0}));
    ASSERT_TRUE(back);
    EXPECT_EQ(back->message, "the engine said \xEF\xBF\xBD!");
    // 1023 bytes and a two-byte character: cut before it, not in it.
    const auto cut = decode<ErrorBody>(encode(ErrorBody{std::string(1023, 'x') + "\xC3\xBC", 0}));
    ASSERT_TRUE(cut);
    EXPECT_EQ(cut->message.size(), 1023U);
}

}  // namespace
}  // namespace mc::protocol
