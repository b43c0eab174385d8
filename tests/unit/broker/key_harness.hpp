#pragma once

#include <string>

#include "broker_harness.hpp"
#include "protocol/key_bodies.hpp"

namespace mc::broker::test {

/// A broker with keys: connection "k:X" has the key of bytes X.
class KeyHarness : public BrokerHarness {
public:
    using BrokerHarness::BrokerHarness;

    /// The connection of the key of bytes `byte`.
    std::string client(char byte) {
        const std::string peer = std::string("k:") + byte;
        keys[peer] = key(byte);
        return peer;
    }

    RequestId ask(char byte, Verb verb, protocol::Bytes body, std::optional<RequestId> id = {}) {
        return send(verb, std::move(body), id, client(byte));
    }
    [[nodiscard]] ErrorCode code_of(char byte, RequestId id) {
        const auto message = answer(id, client(byte));
        return message ? message->header.code : ErrorCode::internal;
    }
    [[nodiscard]] std::string sentence(char byte, RequestId id) {
        const auto message = answer(id, client(byte));
        if (!message) return "no answer";
        if (message->header.value == 1) return decode<protocol::ErrorBody>(message->body)->message;
        const auto items = decode<protocol::ItemsReply>(message->body)->items;
        return items.empty() ? "" : items[0].message;
    }

    /// A token made by the local admin. Its outcome.
    ErrorCode token(char byte, protocol::Role role, const std::string& name = "", std::uint32_t uses = 1,
                    protocol::Quota quota = {}, std::uint64_t ttl_seconds = 900) {
        protocol::TokenCreateRequest request;
        request.key = key(byte);
        request.role = role;
        request.name = name;
        request.uses = uses;
        request.quota = quota;
        request.ttl_seconds = ttl_seconds;
        return code(send(Verb::token_create, encode(request)));
    }
    ErrorCode join(char token, char byte, const std::string& name = "") {
        return code_of(token, ask(token, Verb::join, encode(protocol::JoinRequest{key(byte), name})));
    }
    /// Has the key of bytes `byte` authorised by a token made for it alone.
    void admit(const std::string& name, char byte, protocol::Role role, protocol::Quota quota = {}) {
        const char token_byte = static_cast<char>(byte + 100);
        if (token(token_byte, role, name, 1, quota) != ErrorCode::ok) throw std::runtime_error("no token");
        if (join(token_byte, byte) != ErrorCode::ok) throw std::runtime_error("not admitted");
    }

    /// One of every role: boss (key A, an admin), eve (V, a viewer), ada (U, a user), node-a (W, a worker), and a token
    /// (T).
    void admit_each_role(protocol::Role token_grants = protocol::Role::user) {
        admit("boss", 'A', protocol::Role::admin);
        admit("eve", 'V', protocol::Role::viewer);
        admit("ada", 'U', protocol::Role::user);
        admit("node-a", 'W', protocol::Role::worker);
        token('T', token_grants);
    }

    /// A user whose VM `web` runs on `node`, which has registered.
    void admit_with_vm(const std::string& name, char byte, const std::string& node) {
        admit(name, byte, protocol::Role::user);
        create_as(byte, "web");
        obey(node, Verb::vm_create);
    }

    RequestId create_as(char byte, const std::string& name, std::uint32_t count = 1) {
        protocol::CreateRequest request;
        request.spec.name = name;
        request.count = count;
        return ask(byte, Verb::create, encode(request));
    }
    RequestId act_as(char byte, Verb verb, std::vector<std::string> targets) {
        return ask(byte, verb, encode(protocol::ActionRequest{std::move(targets), 10}));
    }
    [[nodiscard]] std::optional<protocol::VmView> vm_as(char byte, const std::string& target) {
        const auto id = ask(byte, Verb::info, encode(protocol::InfoRequest{target}));
        if (code_of(byte, id) != ErrorCode::ok) return std::nullopt;
        return decode<protocol::InfoReply>(answer(id, client(byte))->body)->vm;
    }
    [[nodiscard]] std::string list_as(char byte) {
        const auto id = ask(byte, Verb::list, {});
        const auto reply = *decode<protocol::ListReply>(answer(id, client(byte))->body);
        std::string names;
        for (const auto& vm : reply.vms) names += vm.owner + "/" + vm.name + " ";
        return names;
    }
};

}  // namespace mc::broker::test
