#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "protocol/worker_bodies.hpp"
#include "worker/core/effects.hpp"
#include "worker/core/settings.hpp"

/// What a VM looks like as a container. The worker alone decides it: nothing
/// from a client reaches the engine's JSON but what is listed here.
namespace mc::worker {

/// Whose containers are ours.
struct Identity {
    CloudId cloud;
    NodeId node;

    bool operator==(const Identity&) const = default;
};

/// Names of the labels every container of ours carries.
namespace label {
inline constexpr const char* cloud = "minicloud.cloud";
inline constexpr const char* node = "minicloud.node";
inline constexpr const char* vm = "minicloud.vm";
inline constexpr const char* name = "minicloud.name";
inline constexpr const char* request = "minicloud.request";
inline constexpr const char* owner = "minicloud.owner";
inline constexpr const char* spec = "minicloud.spec";
/// "1" on a container that was started before there was a VM for it (pool.hpp). It has neither name, request, owner nor
/// spec: these were not known.
inline constexpr const char* spare = "minicloud.spare";
/// "1" on the network that workers make (engine::own_network).
inline constexpr const char* network = "minicloud.network";
/// "1" on an image that was made to be a VM (docker/vm): it has its own init
/// and takes /etc/minicloud/password-hash.
inline constexpr const char* vm_image = "io.minicloud.vm";
/// "1" on an image whose init runs /etc/minicloud/setup once, before its sshd.
inline constexpr const char* sets_up = "io.minicloud.setup";
}  // namespace label

using Labels = std::map<std::string, std::string>;

/// What matters of an image.
struct ImageInfo {
    std::string id = {};    ///< of its contents: a name may come to mean another one
    bool has_sshd = false;  ///< exposes 22/tcp
    bool is_vm = false;     ///< label io.minicloud.vm=1
    bool sets_up = false;   ///< label io.minicloud.setup=1
};

/// The container's name at the engine: "mc-" and the VM's id.
[[nodiscard]] std::string container_name(VmId vm);

/// True when `labels` prove that a container belongs to this cloud and node.
[[nodiscard]] bool is_ours(const Labels& labels, const Identity& identity);

/// The VM a container of ours says it is; nullopt when the label can't be read.
/// What each of our containers has in its environment, NAME=VALUE: all that tells whose a process is when its container
/// is gone, labels and all.
[[nodiscard]] std::string mark_of(const Identity& identity);

[[nodiscard]] std::optional<VmId> vm_of(const Labels& labels);

/// Of the encoded spec, as 16 hexadecimal digits.
[[nodiscard]] std::string spec_hash(const protocol::VmSpec& spec);

/// What a create is for.
enum class Purpose : std::uint8_t {
    vm,
    spare,  ///< a VM that nobody has asked for yet: whatever the order says of one is left out
};

[[nodiscard]] Labels container_labels(const Identity& identity, const protocol::CreateOrder& order, Purpose purpose);

/// Body of POST /containers/create (Engine API v1.41), keys in alphabetical order.
/// Of the settings: the address to publish 22/tcp on. `network`: "" = the engine's default.
[[nodiscard]] std::string container_spec(const Identity& identity, const protocol::CreateOrder& order, Purpose purpose,
                                         const ImageInfo& image, const Settings& settings, const std::string& network);

/// What of a container's limits can be changed while it runs: body of POST /containers/{id}/update.
[[nodiscard]] std::string limits_spec(const protocol::VmSpec& spec);

/// Whether a container that was started without knowing of a VM can become this one: what only its first start can do
/// (environment, password, set-up script) is not wanted. The same question is the broker's (BrokerCore::spare_for).
[[nodiscard]] bool can_be_spare(const protocol::CreateOrder& order, const ImageInfo& image);

/// What makes the container the VM: keys, password hash and set-up script. Empty when there is nothing to put there.
[[nodiscard]] std::vector<FileEntry> first_files(const protocol::CreateOrder& order, const ImageInfo& image);

/// Whether first_files() may come when the VM's sshd answers already. Else they are for what its first start does, or
/// nobody knows what the image makes of them at its start.
[[nodiscard]] bool takes_files_late(const protocol::CreateOrder& order, const ImageInfo& image);

/// The VM's SSH host key, public half, below its root.
inline const std::string host_key_file = "etc/ssh/ssh_host_ed25519_key.pub";

}  // namespace mc::worker
