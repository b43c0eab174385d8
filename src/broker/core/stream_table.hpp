#pragma once

#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/ids.hpp"
#include "base/time.hpp"
#include "broker/core/effects.hpp"
#include "protocol/message.hpp"

namespace mc::broker {

/// An exec, logs or tunnel stream: which client's request goes with which node's job.
struct Stream {
    JobId job;
    PeerId client;
    RequestId request;
    protocol::Verb verb;
    NodeId node;
    std::string vm_name;
    Instant client_heard;
    std::string owner;   ///< name of who opened it
    std::string key;     ///< the fingerprint of whose key
    std::string target;  ///< OWNER/NAME of the VM
    // Bytes that may still be sent, as the receiving end has granted them.
    std::uint64_t input_left = 0;   ///< by the client
    std::uint64_t output_left = 0;  ///< by the worker
};

/// Streams that are relayed, not stored: they end with the broker process.
///
/// Pure; owned by BrokerCore; single thread.
class StreamTable {
public:
    /// REQUIRES: no stream of that job or of that client and request.
    Stream& add(Stream stream);
    void erase(JobId job);

    [[nodiscard]] Stream* find(JobId job);
    [[nodiscard]] Stream* find(const PeerId& client, RequestId request);
    /// Whoever's it is.
    [[nodiscard]] Stream* find_request(RequestId request);

    [[nodiscard]] std::vector<Stream> of_client(const PeerId& client) const;
    [[nodiscard]] std::size_t count_of_client(const PeerId& client) const;
    [[nodiscard]] std::size_t count_of_owner(const std::string& owner) const;
    [[nodiscard]] std::vector<Stream> of_node(NodeId node) const;
    /// Those whose client has said nothing since `since`.
    [[nodiscard]] std::vector<Stream> quiet_since(Instant since) const;

    [[nodiscard]] std::size_t size() const { return by_job_.size(); }

private:
    std::unordered_map<JobId, Stream> by_job_;
    std::map<std::pair<PeerId, RequestId>, JobId> by_client_;
    std::map<std::string, std::size_t> by_owner_;  ///< how many; none is 0
};

}  // namespace mc::broker
