#include "broker/core/stream_table.hpp"

#include <algorithm>
#include <iterator>

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
    MC_ASSERT(!by_job_.contains(stream.job));
    const auto [it, fresh] = by_client_.emplace(std::pair{stream.client, stream.request}, stream.job);
    MC_ASSERT(fresh);
    ++by_owner_[stream.owner];
    return by_job_[stream.job] = std::move(stream);
}

void StreamTable::erase(JobId job) {
    const auto it = by_job_.find(job);
    if (it == by_job_.end()) return;
    by_client_.erase({it->second.client, it->second.request});
    const auto owner = by_owner_.find(it->second.owner);
    MC_ASSERT(owner != by_owner_.end());
    if (--owner->second == 0) by_owner_.erase(owner);
    by_job_.erase(it);
}

void StreamTable::move(JobId job, const PeerId& client) {
    Stream* stream = find(job);
    MC_ASSERT(stream != nullptr);
    by_client_.erase({stream->client, stream->request});
    stream->client = client;
    const auto [it, fresh] = by_client_.emplace(std::pair{client, stream->request}, job);
    MC_ASSERT(fresh);
}

Stream* StreamTable::find(JobId job) {
    const auto it = by_job_.find(job);
    return it == by_job_.end() ? nullptr : &it->second;
}

Stream* StreamTable::find(const PeerId& client, RequestId request) {
    const auto it = by_client_.find({client, request});
    return it == by_client_.end() ? nullptr : find(it->second);
}

Stream* StreamTable::find_request(RequestId request) {
    for (auto& [job, stream] : by_job_) {
        if (stream.request == request) return &stream;
    }
    return nullptr;
}

std::vector<Stream> StreamTable::of_client(const PeerId& client) const {
    return collect(by_job_, [&](const Stream& s) { return s.client == client; });
}

std::size_t StreamTable::count_of_client(const PeerId& client) const {
    const auto first = by_client_.lower_bound({client, RequestId{}});
    const auto last =
        std::find_if(first, by_client_.end(), [&](const auto& entry) { return entry.first.first != client; });
    return static_cast<std::size_t>(std::distance(first, last));
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
