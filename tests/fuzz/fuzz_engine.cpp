// Everything that reads what a Docker engine, its streams and its HTTP connection say. The first byte chooses.
//
// Goal: no answer, however cut or wrong, crashes or makes memory grow; sentences made of it are text; how a
// stream is cut into pieces does not matter.
#include <algorithm>
#include <map>

#include "fuzz/feed.hpp"
#include "io/http_head.hpp"
#include "io/ssh_probe.hpp"
#include "io/tar.hpp"
#include "protocol/codec.hpp"
#include "protocol/text.hpp"
#include "worker/core/bounds.hpp"
#include "worker/core/demultiplexer.hpp"
#include "worker/core/engine_replies.hpp"
#include "worker/core/usage_sampler.hpp"

namespace {

using namespace mc;
using fuzz::Feed;
using fuzz::require;
namespace engine = worker::engine;

void require_one_line(const std::string& text) {
    for (const char c : text) require(static_cast<unsigned char>(c) >= 0x20 && c != 0x7F);
}

void require_sentence(const std::string& text) {
    require(protocol::is_utf8(text));
    require_one_line(text);
}

template <class T>
void require_known(const Result<T>& result) {
    if (!result) require(result.error().code == ErrorCode::engine_failed);
}

/// Against samples that are nothing like it, too: a VM's counters are what its root makes of them.
void try_usage(std::string_view body) {
    const auto counters = engine::parse_usage(body);
    require_known(counters);
    if (!counters) return;
    auto before = *counters;
    before.read.unix_ms -= 2000;
    for (const std::uint64_t other : {std::uint64_t{0}, counters->cpu_ns, UINT64_MAX}) {
        before.cpu_ns = before.rx_bytes = before.tx_bytes = other;
        const auto usage = worker::usage_of(VmId{1}, before, *counters);
        require(usage.cpu_milli <= limits::cpus_milli_max);
        require(protocol::decode<protocol::VmUsage>(protocol::encode(usage)) == usage);
    }
}

void try_images(std::string_view body) {
    require_known(engine::parse_image_view(body, "debian:12"));
    const auto images = engine::parse_images(body);
    require_known(images);
    if (!images) return;
    for (const auto& image : *images) {
        require(protocol::decode<protocol::ImageView>(protocol::encode(image)) == image);
    }
}

void try_json(std::string_view body) {
    require_known(engine::parse_info(body));
    require_known(engine::parse_image(body));
    try_images(body);
    require_known(engine::parse_id(body));
    require_known(engine::parse_exec(body));
    require_known(engine::parse_network(body));
    try_usage(body);
    const auto container = engine::parse_inspect(body);
    require_known(container);
    if (container) {
        const auto report = engine::to_report(VmId{1}, *container);
        require(protocol::decode<protocol::VmReport>(protocol::encode(report)).has_value());
    }
    const auto listed = engine::parse_list(body);
    require_known(listed);
    static_cast<void>(engine::parse_event(body));
}

void try_answer(Feed& feed) {
    worker::EngineResponse response;
    response.status = static_cast<int>(feed.below(600));
    response.files.push_back({"ssh_host_ed25519_key.pub", 0644, false, feed.bytes(300)});
    response.body = feed.bytes(2000);
    require_sentence(engine::message_of(response));
    require_sentence(engine::start_message_of(response, "c0ffee"));
    static_cast<void>(engine::is_port_taken(response));
    static_cast<void>(engine::host_key_in(response));
}

void try_pull(Feed& feed) {
    engine::PullProgress progress;
    while (feed.more()) {
        progress.on_chunk(feed.bytes(400));
        require(progress.percent() <= 100);
        require_sentence(progress.detail());
        if (progress.error()) require_sentence(*progress.error());
    }
}

using Parts = std::map<protocol::Channel, std::string>;

bool split(worker::Demultiplexer& stream, std::string_view bytes, Parts& into) {
    return stream.feed(bytes, [&](protocol::Channel channel, std::string_view part) { into[channel] += part; })
        .has_value();
}

void try_stream(Feed& feed) {
    const std::string bytes = feed.bytes(4000);
    static_cast<void>(engine::last_words_in(bytes));
    worker::Demultiplexer whole;
    Parts expected;
    const bool good = split(whole, bytes, expected);
    worker::Demultiplexer piecewise;
    Parts parts;
    bool still_good = true;
    for (std::string_view rest = bytes; !rest.empty();) {
        const auto size = std::min(rest.size(), 1 + feed.below(64));
        still_good = split(piecewise, rest.substr(0, size), parts);
        rest.remove_prefix(size);
    }
    require(good == still_good && expected == parts);
    require(!good || whole.at_boundary() == piecewise.at_boundary());
}

void try_lines(Feed& feed) {
    engine::LineReader reader;
    while (feed.more()) {
        for (const auto& line : reader.feed(feed.bytes(2000))) {
            require(!line.empty() && line.size() <= worker::bounds::line_bytes_max);
        }
    }
}

void try_head(Feed& feed) {
    const std::string bytes = feed.bytes(4000);
    const auto head = io::parse_http_head(bytes);
    require_known(head);
    if (head && *head) require((*head)->bytes <= bytes.size());
    require_one_line(io::engine_message(bytes));
}

/// What a VM's root has put where its host key should be, as the engine packs it.
void try_archive(std::string_view bytes) {
    constexpr std::size_t content_bytes_max = 2000;
    const auto entries = io::unpack_tar(bytes, content_bytes_max);
    if (!entries) {
        require(entries.error().code == ErrorCode::bad_message || entries.error().code == ErrorCode::too_large);
        return;
    }
    std::size_t size = 0;
    for (const auto& entry : *entries) size += entry.content.size();
    require(size <= content_bytes_max);
}

/// What a VM's sshd shows as its key.
void try_host_key(std::string_view blob) {
    const std::string line = io::host_key_line(blob);
    if (line.empty()) return;
    require_sentence(line);
    require(std::count(line.begin(), line.end(), ' ') == 1 && line.front() != ' ' && line.front() != '#');
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
    Feed feed(data + 1, size - 1);
    if (data[0] == 0xFF) return try_archive(rest), 0;
    if (data[0] == 0xFE) return try_host_key(rest), 0;
    switch (data[0] % 6) {
        case 0:
            try_json(rest);
            return 0;
        case 1:
            try_answer(feed);
            return 0;
        case 2:
            try_pull(feed);
            return 0;
        case 3:
            try_stream(feed);
            return 0;
        case 4:
            try_lines(feed);
            return 0;
        default:
            try_head(feed);
            return 0;
    }
}
