#include "broker/core/stream_table.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace mc::broker {
namespace {

template <class Entries, class Predicate>
std::vector<Stream> collect(const Entries& entries, Predicate predicate) {
    std::vector<Stream> found;
    for (const auto& [job, entry] : entries) {
        if (predicate(entry.stream)) found.push_back(entry.stream);
    }
    return found;
}

}  // namespace

Stream& StreamTable::add(JobId job, const PeerId& client, RequestId request, const std::string& owner) {
    const auto [it, fresh] = by_job_.try_emplace(job);
    MC_ASSERT(fresh && find(client, request) == nullptr);
    Entry& entry = it->second;
    entry.stream.job = job;
    entry.stream.request = request;
    entry.stream.owner = owner;
    by_request_.emplace(request, &entry);
    entry.of_owner = by_owner_.try_emplace(owner, 0).first;
    ++entry.of_owner->second;
    link(entry, client);
    return entry.stream;
}

void StreamTable::link(Entry& entry, const PeerId& client) {
    OfClient& streams = by_client_[client];
    streams.push_back(entry);
    entry.of_client = &streams;
    entry.stream.client = client;
}

void StreamTable::unlink(Entry& entry) {
    entry.of_client->erase(OfClient::s_iterator_to(entry));
    if (entry.of_client->empty()) by_client_.erase(entry.stream.client);
}

void StreamTable::erase(JobId job) {
    const auto it = by_job_.find(job);
    if (it == by_job_.end()) return;
    Entry& entry = it->second;
    unlink(entry);
    if (--entry.of_owner->second == 0) by_owner_.erase(entry.of_owner);
    const auto [first, last] = by_request_.equal_range(entry.stream.request);
    by_request_.erase(std::find_if(first, last, [&](const auto& at) { return at.second == &entry; }));
    by_job_.erase(it);
}

void StreamTable::move(JobId job, const PeerId& client) {
    const auto it = by_job_.find(job);
    MC_ASSERT(it != by_job_.end() && find(client, it->second.stream.request) == nullptr);
    unlink(it->second);
    link(it->second, client);
}

Stream* StreamTable::find(JobId job) {
    const auto it = by_job_.find(job);
    return it == by_job_.end() ? nullptr : &it->second.stream;
}

Stream* StreamTable::find(const PeerId& client, RequestId request) {
    const auto [first, last] = by_request_.equal_range(request);
    const auto it = std::find_if(first, last, [&](const auto& at) { return at.second->stream.client == client; });
    return it == last ? nullptr : &it->second->stream;
}

Stream* StreamTable::find_request(RequestId request) {
    const auto it = by_request_.find(request);
    return it == by_request_.end() ? nullptr : &it->second->stream;
}

std::vector<Stream> StreamTable::of_client(const PeerId& client) const {
    std::vector<Stream> found;
    const auto streams = by_client_.find(client);
    if (streams == by_client_.end()) return found;
    for (const Entry& entry : streams->second) found.push_back(entry.stream);
    return found;
}

std::size_t StreamTable::count_of_client(const PeerId& client) const {
    const auto it = by_client_.find(client);
    return it == by_client_.end() ? 0 : it->second.size();
}

std::size_t StreamTable::count_of_owner(const std::string& owner) const {
    const auto it = by_owner_.find(owner);
    return it == by_owner_.end() ? 0 : it->second;
}

std::vector<Stream> StreamTable::of_node(NodeId node) const {
    return collect(by_job_, [&](const Stream& s) { return s.node == node; });
}

std::vector<Stream> StreamTable::quiet_since(Instant since) const {
    return collect(by_job_, [&](const Stream& s) { return s.deadline == Instant::never() && s.client_heard <= since; });
}

std::vector<Stream> StreamTable::overdue(Instant now) const {
    return collect(by_job_, [&](const Stream& s) { return s.deadline <= now; });
}

std::vector<Stream> StreamTable::all() const {
    return collect(by_job_, [](const Stream&) { return true; });
}

}  // namespace mc::broker
