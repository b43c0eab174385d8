#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include "golden/wire/examples.hpp"

namespace mc::protocol::examples {
namespace {

// Goal: the bytes on the wire never change by accident. A file that has to change is a change of the
// protocol: MC_UPDATE_GOLDEN=1 writes them anew, and docs/protocol.md with its version says why.

std::string path_of(const Example& example) {
    return std::string(MC_GOLDEN_DIR) + "/" + example.name + ".hex";
}

std::string hex(const Bytes& bytes) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string text;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        const auto byte = static_cast<unsigned char>(bytes[i]);
        text += {digits[byte >> 4], digits[byte & 0xF]};
        if (i + 1 < bytes.size()) text += i % 32 == 31 ? '\n' : ' ';
    }
    return text.empty() ? "" : text + "\n";
}

std::string frame(const std::string& title, const std::string& type, const Bytes& bytes) {
    return title + (type.empty() ? "" : " " + type) + "\n" + hex(bytes);
}

std::string rendered(const Example& example) {
    std::string text;
    if (!example.topic.empty()) text += frame("frame topic", "", example.topic);
    auto frames = to_frames({example.header, example.body.bytes, example.data.bytes});
    text += frame("frame header", "", frames[0]);
    text += frame("frame body", example.body.type, frames[1]);
    if (frames.size() > 2) text += frame("frame data", example.data.type, frames[2]);
    return text;
}

std::string read(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
}

/// The frames of a golden file, without a topic.
std::vector<Bytes> frames_of(const std::string& text) {
    std::vector<Bytes> frames;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("frame ")) {
            frames.emplace_back();
            continue;
        }
        std::istringstream words(line);
        for (std::string word; words >> word;) {
            frames.back().push_back(static_cast<char>(std::stoi(word, nullptr, 16)));
        }
    }
    if (text.starts_with("frame topic")) frames.erase(frames.begin());
    return frames;
}

TEST(Wire, EncodesToTheGoldenBytes) {
    const bool update = std::getenv("MC_UPDATE_GOLDEN") != nullptr;
    for (const Example& example : all()) {
        if (update) std::ofstream(path_of(example), std::ios::binary) << rendered(example);
        EXPECT_EQ(rendered(example), read(path_of(example))) << path_of(example);
    }
}

TEST(Wire, DecodesTheGoldenBytesAndWritesThemAgain) {
    for (const Example& example : all()) {
        auto frames = frames_of(read(path_of(example)));
        const auto message = from_frames(frames);
        ASSERT_TRUE(message) << example.name << ": " << message.error().message;
        EXPECT_EQ(message->header, example.header) << example.name;
        const auto body = example.body.again(message->body);
        ASSERT_TRUE(body) << example.name << ": " << body.error().message;
        EXPECT_EQ(*body, message->body) << example.name;
        const auto data = example.data.again(message->data);
        ASSERT_TRUE(data) << example.name << ": " << data.error().message;
        EXPECT_EQ(*data, message->data) << example.name;
    }
}

TEST(Wire, ShowsEveryVerb) {
    std::set<Verb> shown;
    for (const Example& example : all()) shown.insert(example.header.verb);
    for (int number = 0; number <= 0xFFFF; ++number) {
        const auto verb = verb_from(static_cast<std::uint16_t>(number));
        if (verb) {
            EXPECT_TRUE(shown.contains(*verb)) << name_of(*verb);
        }
    }
}

}  // namespace
}  // namespace mc::protocol::examples
