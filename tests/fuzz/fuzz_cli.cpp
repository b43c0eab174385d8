// What mccli reads of people, files and the broker. The first byte chooses.
//
// Goal: nothing typed, no file and no broker crashes it; what it prints of an event is what came, once and in
// order; a pinned host key stands alone in its line; what a file of VMs asks for is left alone where it is there.
#include "cli/core/audit_reader.hpp"
#include "cli/core/command_line.hpp"
#include "cli/core/endpoints.hpp"
#include "cli/core/event_follower.hpp"
#include "cli/core/keys.hpp"
#include "cli/core/quantities.hpp"
#include "cli/core/request_driver.hpp"
#include "cli/core/selector.hpp"
#include "cli/core/ssh_command.hpp"
#include "cli/core/stream_session.hpp"
#include "cli/core/vm_plan.hpp"
#include "fuzz/feed.hpp"
#include "protocol/endpoints.hpp"
#include "protocol/join_exchange.hpp"
#include "protocol/join_token.hpp"
#include "protocol/text.hpp"
#include "protocol/validate.hpp"

namespace {

using namespace mc;
using fuzz::Feed;
using fuzz::require;

constexpr std::size_t steps_max = 200;
constexpr Instant start{std::chrono::seconds(1000)};

void try_command_line(Feed& feed) {
    std::vector<std::string> words;
    while (feed.more() && words.size() < 20) words.push_back(feed.bytes(40));
    const auto line = cli::split_command_line(words);
    if (!line) require(line.error().code == ErrorCode::usage);
}

void try_words(Feed& feed) {
    const std::string word = feed.bytes(100);
    static_cast<void>(cli::parse_size(word));
    static_cast<void>(cli::parse_duration(word));
    static_cast<void>(cli::parse_cpus(word));
    static_cast<void>(cli::parse_count(word, 1, 100));
    static_cast<void>(cli::parse_moment(word, WallTime{1'795'000'000'000}));
    static_cast<void>(cli::Selector::parse(word));
    const std::string other = feed.bytes(100);
    static_cast<void>(protocol::reached_endpoint(word, other));
    static_cast<void>(cli::token_endpoint(word, other, word));
    const auto token = protocol::read_join_token(word);
    if (token) require(protocol::read_join_token(protocol::to_text(*token)) == token);
}

void try_files(Feed& feed) {
    const std::string content = feed.bytes(2000);
    static_cast<void>(cli::public_keys_in(content, "file"));
    const std::string key = feed.yes() ? "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA" : feed.bytes(100);
    const auto pinned = cli::pin_host_key(content, "abc", key);
    if (!pinned) return;
    const std::string line = "abc " + key + "\n";
    // The same within another line pins nothing: OpenSSH reads from a line's beginning.
    require(pinned->starts_with(line) || pinned->find("\n" + line) != std::string::npos);
    require(cli::pin_host_key(*pinned, "abc", key) == pinned);
}

void try_request(Feed& feed) {
    cli::Request request;
    request.id = feed.id();
    Instant now = start;
    cli::RequestDriver driver(request, now);
    for (std::size_t step = 0; step < steps_max && feed.more() && !driver.done(); ++step) {
        if (feed.yes()) {
            driver.on_message(now, {feed.header(), feed.body(), {}});
        } else {
            now = feed.yes() ? std::max(now, driver.next_deadline()) : now + milliseconds(feed.below(5000));
            driver.on_tick(now);
        }
        static_cast<void>(driver.take_send());
        static_cast<void>(driver.take_progress());
    }
    if (driver.reply()) static_cast<void>(cli::refusal(*driver.reply()));
}

void try_stream(Feed& feed) {
    Instant now = start;
    const RequestId id = feed.id();
    cli::StreamSession session(feed.yes() ? protocol::Verb::exec : protocol::Verb::logs, id, RequestId{9, 9}, "vm-1",
                               {}, milliseconds(3000), now);
    for (std::size_t step = 0; step < steps_max && feed.more() && !session.done(); ++step) {
        switch (feed.below(6)) {
            case 0:
            case 1: {
                auto header = feed.header();
                header.id = feed.below(4) == 0 ? RequestId{9, 9} : id;
                session.on_message(now, {header, feed.body(), feed.bytes(64)});
                break;
            }
            case 2:
                now = feed.yes() ? std::max(now, session.next_deadline()) : now + milliseconds(feed.below(5000));
                session.on_tick(now);
                break;
            case 3:
                session.input(now, feed.bytes(std::min<std::size_t>(session.input_bytes_max(), 64)));
                break;
            case 4:
                if (feed.yes()) session.input_ended(now);
                if (feed.yes()) session.resize(now, {40, 100});
                if (feed.below(8) == 0) session.cancel(now, RequestId{9, 10});
                break;
            default:
                if (auto* output = session.next_output()) {
                    output->written = output->bytes.size();
                    session.output_written(now);
                }
                break;
        }
        static_cast<void>(session.take_sends());
    }
}

void try_events(Feed& feed) {
    Instant now = start;
    const CloudId cloud{1};
    cli::EventFollower follower(feed.yes() ? std::optional(EventSeq{feed.below(20)}) : std::nullopt, now);
    std::uint64_t last = 0;
    for (std::size_t step = 0; step < steps_max && feed.more(); ++step) {
        const CloudId from = feed.below(16) == 0 ? CloudId{2} : cloud;
        protocol::Event event;
        event.seq = EventSeq{feed.below(40)};
        switch (feed.below(4)) {
            case 0:
                follower.on_beacon(now, {from, Epoch{feed.below(4)}, EventSeq{feed.below(40)}});
                break;
            case 1:
                follower.on_event(now, event);
                break;
            case 2: {
                protocol::EventsReply reply;
                for (std::uint64_t seq = feed.below(40); reply.events.size() < feed.below(6); ++seq) {
                    event.seq = EventSeq{seq};
                    reply.events.push_back(event);
                }
                reply.first_kept = EventSeq{feed.below(40)};
                reply.last = EventSeq{feed.below(40)};
                reply.cloud = from;
                follower.on_replay(now, reply);
                break;
            }
            default:
                now = feed.yes() ? std::max(now, follower.next_deadline()) : now + milliseconds(feed.below(5000));
                follower.on_tick(now);
                break;
        }
        for (const auto& effect : follower.take_effects()) {
            // Numbers begin anew, or come again.
            const auto* remark = std::get_if<cli::EventFollower::Remark>(&effect);
            const bool back = remark && remark->text.find("was put back") != std::string::npos;
            if (back || std::holds_alternative<cli::EventFollower::OtherCloud>(effect)) last = 0;
            const auto* print = std::get_if<cli::EventFollower::Print>(&effect);
            if (!print) continue;
            require(print->event.seq.value > last || last == 0);
            last = print->event.seq.value;
        }
    }
}

/// A good log, as a broker keeps it.
std::vector<protocol::AuditEntry> make_log(std::size_t size) {
    std::vector<protocol::AuditEntry> log;
    while (log.size() < size) {
        protocol::AuditEntry entry = protocol::samples::audit_entry();
        entry.seq = log.size() + 1;
        entry.previous = log.empty() ? "" : log.back().hash;
        entry.hash = protocol::audit_hash(entry);
        log.push_back(entry);
    }
    return log;
}

/// The page that was asked for, or another one, well or with something of it changed.
protocol::AuditReply some_page(Feed& feed, const protocol::AuditRequest& asked, bool& good) {
    static const auto log = make_log(20);
    protocol::AuditReply page{.entries = {}, .first_kept = 1, .last = log.size()};
    std::size_t from = std::min<std::size_t>(asked.after, log.size());
    if (feed.below(8) == 0) {
        from = feed.below(log.size());
        good = false;
    }
    const std::size_t count = std::min<std::size_t>({asked.limit, 1 + feed.below(8), log.size() - from});
    page.entries.assign(log.begin() + static_cast<std::ptrdiff_t>(from),
                        log.begin() + static_cast<std::ptrdiff_t>(from + count));
    if (feed.below(4) != 0) return page;
    good = false;
    page.first_kept = feed.below(25);
    page.last = feed.below(25);
    if (page.entries.empty()) return page;
    auto& entry = page.entries[feed.below(page.entries.size())];
    entry.seq = feed.yes() ? entry.seq : feed.below(25);
    entry.action = feed.yes() ? protocol::audit_cut : feed.bytes(8);
    entry.target = std::to_string(feed.below(25));
    if (feed.yes()) entry.hash = protocol::audit_hash(entry);
    return page;
}

void try_audit(Feed& feed) {
    cli::AuditReader reader({feed.yes() ? std::optional<std::uint64_t>(feed.below(25)) : std::nullopt, feed.below(30)});
    cli::AuditCheck check(feed.yes() ? "" : feed.bytes(64));
    const bool checks = feed.yes();
    bool good = true;
    for (std::size_t step = 0; step < steps_max && feed.more(); ++step) {
        const auto asked = checks ? check.next() : reader.next();
        if (!asked) break;
        const auto page = some_page(feed, *asked, good);
        const auto taken = checks ? check.on_page(page) : reader.on_page(page);
        if (!taken) {
            require(protocol::is_utf8(taken.error().message));
            require(!good);
            break;
        }
    }
    for (std::size_t i = 1; i < reader.entries().size(); ++i) {
        require(reader.entries()[i].seq > reader.entries()[i - 1].seq);
    }
    if (checks && !check.next()) static_cast<void>(check.fault());
}

void try_join(Feed& feed) {
    const RequestId id = feed.id();
    auto frames = feed.frames();
    if (feed.yes()) {
        auto header = feed.header();
        header.kind = protocol::Kind::reply;
        header.verb = protocol::Verb::join;
        header.id = id;
        frames = protocol::to_frames({header, feed.body(), feed.bytes(8)});
    }
    const auto program = feed.yes() ? protocol::Joiner::worker : protocol::Joiner::client;
    const auto reply = protocol::join_reply(id, program, std::move(frames));
    if (reply && !*reply) require(protocol::is_utf8(reply->error().message));
    if (reply && *reply) require(protocol::check_joiner(program, (*reply)->role).has_value());
}

/// As the broker shows what was made as asked.
protocol::VmView made(const cli::CreateCommand& command) {
    const auto& spec = command.request.spec;
    protocol::VmView vm;
    vm.name = spec.name;
    vm.owner = "ada";
    vm.state = protocol::VmState::running;
    vm.image = spec.image;
    vm.cpus_milli = spec.cpus_milli;
    vm.memory_bytes = spec.memory_bytes;
    vm.pids = spec.pids;
    vm.labels = spec.labels;
    vm.password = command.password;
    vm.on_lost = command.request.on_lost;
    vm.node = command.request.node;
    return vm;
}

void try_vm_file(std::string_view text) {
    const auto file = cli::read_vm_file(text, "file");
    if (!file) {
        require(file.error().code == ErrorCode::invalid_argument);
        return require(protocol::is_utf8(file.error().message));
    }
    require(file->vms.size() <= limits::batch_max);
    std::vector<protocol::VmView> vms;
    for (const auto& vm : file->vms) {
        require(vm.command.request.count == 1 && vm.command.request.spec.name == vm.name);
        require(protocol::check_name("VM name", vm.name) && protocol::check_spec(vm.command.request.spec));
        vms.push_back(made(vm.command));
    }
    const auto plan = cli::make_plan(*file, vms, {.me = "ada"});
    require(plan.size() == vms.size() && std::none_of(plan.begin(), plan.end(), cli::is_change));
    require(cli::targets_of(*file, vms, "ada").missing.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    Feed feed(data + 1, size - 1);
    if (data[0] == 0xFF) return try_audit(feed), 0;
    if (data[0] == 0xFE) return try_join(feed), 0;
    if (data[0] == 0xFD) return try_vm_file({reinterpret_cast<const char*>(data) + 1, size - 1}), 0;
    switch (data[0] % 6) {
        case 0:
            try_command_line(feed);
            return 0;
        case 1:
            try_words(feed);
            return 0;
        case 2:
            try_files(feed);
            return 0;
        case 3:
            try_request(feed);
            return 0;
        case 4:
            try_stream(feed);
            return 0;
        default:
            try_events(feed);
            return 0;
    }
}
