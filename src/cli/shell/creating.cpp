#include "cli/shell/creating.hpp"

#include "base/version.hpp"
#include "cli/core/releases.hpp"
#include "cli/core/views.hpp"
#include "cli/shell/commands.hpp"
#include "cli/shell/user_keys.hpp"
#include "io/files.hpp"
#include "io/password.hpp"
#include "protocol/validate.hpp"

namespace mc::cli {

using protocol::ItemResult;

Result<std::vector<std::string>> keys_for_vms(App& app, const std::vector<std::string>& files) {
    auto keys = keys_to_install(app, files);
    if (!keys || keys->size() <= limits::keys_max) return keys;
    return fail(ErrorCode::invalid_argument,
                "there are more than 64 SSH keys in " +
                    std::string(files.empty() ? "~/.ssh; choose with --key FILE" : "the key files of one VM"));
}

Result<std::vector<std::string>> hashes_of(const std::vector<std::string>& passwords) {
    std::vector<std::string> hashes;
    for (const auto& password : passwords) {
        auto hash = io::hash_password_sha512(password);
        if (!hash) return fail(hash.error());
        hashes.push_back(std::move(*hash));
    }
    return hashes;
}

Result<void> begin_sheet(const std::string& file) {
    if (file.empty()) return {};
    std::error_code ignored;
    if (std::filesystem::exists(file, ignored)) {
        return fail(ErrorCode::already_exists, "--sheet: " + file + " is there already; name another file");
    }
    return io::write_file_atomic(file, sheet({}, {}));
}

bool finish_sheet(const App& app, const std::string& file, const std::vector<ItemResult>& items,
                  const std::vector<std::string>& passwords) {
    if (file.empty()) return false;
    const auto made = [](const ItemResult& item) { return item.code == ErrorCode::ok && item.vm; };
    if (std::none_of(items.begin(), items.end(), made)) {
        std::error_code ignored;
        std::filesystem::remove(file, ignored);
        return false;
    }
    const auto written = io::write_file_atomic(file, sheet(items, passwords));
    if (!written) app.report(written.error());
    return written.has_value();
}

Result<std::string> setup_script(App& app, const std::string& file) {
    if (file.empty()) return std::string();
    auto script = file == "-" ? io::read_stdin(limits::setup_bytes_max) : io::read_file(file, limits::setup_bytes_max);
    Result<void> checked;
    if (script) {
        checked = protocol::check_setup(*script);
    } else if (script.error().code == ErrorCode::not_found) {
        checked = fail(ErrorCode::invalid_argument, "there is no file " + file);
    } else if (script.error().code == ErrorCode::too_large) {
        checked = fail(ErrorCode::invalid_argument, "a set-up script has at most 64 KiB");
    } else {
        checked = fail(script.error());
    }
    if (!checked) return fail(checked.error().code, "--setup: " + checked.error().message);
    const auto hello =
        app.ask<protocol::HelloReply>(protocol::Verb::hello, protocol::encode(protocol::HelloRequest{mc::version}));
    if (!hello) return fail(hello.error());
    if (const auto knows = check_knows_setup(*hello); !knows) return fail(knows.error());
    return script;
}

std::vector<CallOutcome> call_creates(App& app, const std::vector<protocol::CreateRequest>& requests,
                                      milliseconds timeout, bool detach) {
    std::size_t size = 0;
    std::vector<protocol::Bytes> bodies;
    for (const auto& request : requests) {
        size += request.count;
        bodies.push_back(protocol::encode(request));
    }
    if (bodies.empty()) return {};
    const auto progress = progress_of(protocol::Verb::create, size, requests.front().spec.name);
    return app.call_all(protocol::Verb::create, std::move(bodies), {timeout, progress, "create", detach});
}

std::vector<ItemResult> items_of(const protocol::CreateRequest& request, const Result<protocol::Message>& reply) {
    auto body = reply ? protocol::decode<protocol::ItemsReply>(reply->body) : fail(reply.error());
    if (body && body->items.size() != request.count) {
        body = fail(ErrorCode::bad_message, "the broker's reply is about another number of VMs than it was asked for");
    }
    if (body) return std::move(body->items);
    return {{request.spec.name, body.error().code, body.error().message, std::nullopt}};
}

}  // namespace mc::cli
