#include "broker/core/stream_table.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace mc::broker {
namespace {

template <class Map, class Predicate>
std::vector<Stream> collect(const Map& streams, Predicate predicate) {
    std::vector<Stream> found;
    for (const auto& [job, stream] : streams) {
        if (predicate(stream)) found.push_back(stream);
    }
    return found;
}

}  // namespace

Stream& StreamTable::add(Stream stream) {
    const auto [of_client, first] = by_client_[stream.client].emplace(stream.request, stream.job);
    by_request_.emplace(stream.request, stream.job);
    ++by_owner_[stream.owner];
    const JobId job = stream.job;
    const auto [it, fresh] = by_job_.emplace(job, std::move(stream));
    MC_ASSERT(first && fresh);
    return it->second;
}

void StreamTable::erase_client(const PeerId& client, RequestId request) {
    const auto requests = by_client_.find(client);
    MC_ASSERT(requests != by_client_.end());
    requests->second.erase(request);
    if (requests->second.empty()) by_client_.erase(requests);
}

void StreamTable::erase(JobId job) {
    const auto it = by_job_.find(job);
    if (it == by_job_.end()) return;
    erase_client(it->second.client, it->second.request);
    const auto [first, last] = by_request_.equal_range(it->second.request);
    by_request_.erase(std::find_if(first, last, [&](const auto& entry) { return entry.second == job; }));
    const auto owner = by_owner_.find(it->second.owner);
    MC_ASSERT(owner != by_owner_.end());
    if (--owner->second == 0) by_owner_.erase(owner);
    by_job_.erase(it);
}

void StreamTable::move(JobId job, const PeerId& client) {
    Stream* stream = find(job);
    MC_ASSERT(stream != nullptr);
    erase_client(stream->client, stream->request);
    stream->client = client;
    const auto [it, fresh] = by_client_[client].emplace(stream->request, job);
    MC_ASSERT(fresh);
}

Stream* StreamTable::find(JobId job) {
    const auto it = by_job_.find(job);
    return it == by_job_.end() ? nullptr : &it->second;
}

Stream* StreamTable::find(const PeerId& client, RequestId request) {
    const auto requests = by_client_.find(client);
    if (requests == by_client_.end()) return nullptr;
    const auto it = requests->second.find(request);
    return it == requests->second.end() ? nullptr : find(it->second);
}

Stream* StreamTable::find_request(RequestId request) {
    const auto it = by_request_.find(request);
    return it == by_request_.end() ? nullptr : find(it->second);
}

std::vector<Stream> StreamTable::of_client(const PeerId& client) const {
    std::vector<Stream> found;
    const auto requests = by_client_.find(client);
    if (requests == by_client_.end()) return found;
    for (const auto& [request, job] : requests->second) found.push_back(by_job_.at(job));
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
