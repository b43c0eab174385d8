#include "worker/core/job.hpp"

#include "protocol/client_bodies.hpp"
#include "worker/core/text.hpp"

namespace mc::worker {

Outcome Outcome::failed(const Error& error) {
    const protocol::ErrorBody body{.message = to_sentence(error.message, limits::reason_bytes_max),
                                   .retry_after_ms = error.retry_after_ms};
    return Outcome{error.code, protocol::encode(body)};
}

void JobPort::probe(std::uint16_t port) {
    probing_ = true;
    context_.outbox.push(
        StartProbe{ProbeId{head_.owner.value}, context_.settings.probe_host, port, bounds::ssh_probe_max});
}

void JobPort::cancel_probe() {
    if (!probing_) return;
    probing_ = false;
    context_.outbox.push(CancelProbe{ProbeId{head_.owner.value}});
}

void JobPort::personalise(const engine::ContainerInfo& container, const std::string& host_name,
                          std::vector<FileEntry> files, const std::string& read) {
    context_.outbox.push(
        PersonaliseVm{VisitId{head_.owner.value}, container.id, container.pid, host_name, std::move(files), read});
}

void JobPort::end_vm(const engine::ContainerInfo& container) {
    context_.outbox.push(EndVm{VisitId{head_.owner.value}, container.id, container.pid, bounds::end_max});
}

void JobPort::progress(Now now, const std::string& stage, const std::string& detail, std::uint8_t percent) {
    if (stage == last_stage_ && now.instant - last_progress_ < bounds::progress_interval) return;
    last_stage_ = stage;
    last_progress_ = now.instant;
    protocol::Progress body;
    body.stage = stage;
    body.detail = to_sentence(detail, limits::reason_bytes_max);
    body.percent = percent;
    send(protocol::Kind::progress, 0, protocol::encode(body), {}, 0);
}

void JobPort::send(protocol::Kind kind, std::uint32_t value, protocol::Bytes body, protocol::Bytes data,
                   std::uint32_t sequence) {
    if (!head_.id) return;
    protocol::Message message;
    message.header.kind = kind;
    message.header.verb = head_.verb;
    message.header.id = protocol::as_request_id(head_.id);
    message.header.value = value;
    message.header.sequence = sequence;
    message.body = std::move(body);
    message.data = std::move(data);
    context_.outbox.push(SendBroker{std::move(message)});
}

void JobPort::log(LogLevel level, const std::string& text) {
    context_.outbox.log(level, std::string(protocol::name_of(head_.verb)) + " " + head_.vm.str() + ": " + text);
}

}  // namespace mc::worker
