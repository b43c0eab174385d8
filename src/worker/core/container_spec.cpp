#include "worker/core/container_spec.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "protocol/codec.hpp"
#include "worker/core/text.hpp"

namespace mc::worker {
namespace {

using nlohmann::json;

constexpr std::uint64_t nano_cpus_per_milli = 1'000'000;

/// What root in a VM needs to run services, log people in and install packages;
/// nothing that reaches the host's devices, modules or network. Not NET_RAW, which forges packets of
/// other VMs on the same bridge: ping does without, since Docker 20.10 lets everybody have ICMP sockets.
const std::vector<std::string> capabilities{"AUDIT_WRITE",      "CHOWN",  "DAC_OVERRIDE", "FOWNER",    "FSETID", "KILL",
                                            "NET_BIND_SERVICE", "SETGID", "SETUID",       "SYS_CHROOT"};

constexpr const char* ssh_port = "22/tcp";

json limits_of(const protocol::VmSpec& spec) {
    return {{"Memory", spec.memory_bytes},
            {"MemorySwap", spec.memory_bytes},
            {"NanoCpus", spec.cpus_milli * nano_cpus_per_milli},
            {"PidsLimit", spec.pids}};
}

}  // namespace

std::string container_name(VmId vm) {
    return "mc-" + vm.str();
}

bool is_ours(const Labels& labels, const Identity& identity) {
    const auto has = [&](const char* key, const std::string& value) {
        const auto found = labels.find(key);
        return found != labels.end() && found->second == value;
    };
    return identity.cloud && identity.node && has(label::cloud, identity.cloud.str()) &&
           has(label::node, identity.node.str());
}

std::string mark_of(const Identity& identity) {
    return "MINICLOUD_NODE=" + identity.cloud.str() + "/" + identity.node.str();
}

std::optional<VmId> vm_of(const Labels& labels) {
    const auto found = labels.find(label::vm);
    if (found == labels.end()) return std::nullopt;
    const auto vm = VmId::parse(found->second);
    return vm && *vm ? vm : std::nullopt;
}

std::string spec_hash(const protocol::VmSpec& spec) {
    return to_hex(fingerprint(protocol::encode(spec)));
}

Labels container_labels(const Identity& identity, const protocol::CreateOrder& order, Purpose purpose) {
    if (purpose == Purpose::spare) {
        return Labels{{label::cloud, identity.cloud.str()},
                      {label::node, identity.node.str()},
                      {label::vm, order.vm.str()},
                      {label::spare, "1"}};
    }
    return Labels{{label::cloud, identity.cloud.str()},  {label::node, identity.node.str()},
                  {label::vm, order.vm.str()},           {label::name, order.spec.name},
                  {label::request, order.request.str()}, {label::owner, order.owner},
                  {label::spec, spec_hash(order.spec)}};
}

std::string container_spec(const Identity& identity, const protocol::CreateOrder& order, Purpose purpose,
                           const ImageInfo& image, const Settings& settings, const std::string& network) {
    const protocol::VmSpec& spec = order.spec;
    json host = limits_of(spec);
    host.update({{"CapAdd", capabilities}, {"CapDrop", json::array({"ALL"})}, {"RestartPolicy", {{"Name", "no"}}}});
    if (!network.empty()) host["NetworkMode"] = network;
    if (!image.is_vm) host["Init"] = true;  // ours has its own
    std::vector<std::string> environment = spec.env;
    environment.push_back(mark_of(identity));
    json body{{"Env", environment},  {"Hostname", spec.name},
              {"Image", spec.image}, {"Labels", container_labels(identity, order, purpose)},
              {"OpenStdin", true},  // a plain shell stays up
              {"Tty", false}};
    if (image.has_sshd) {
        body["ExposedPorts"] = {{ssh_port, json::object()}};
        host["PortBindings"] = {{ssh_port, json::array({{{"HostIp", settings.port_host_ip}, {"HostPort", ""}}})}};
    }
    body["HostConfig"] = std::move(host);
    return body.dump();
}

std::string limits_spec(const protocol::VmSpec& spec) {
    return limits_of(spec).dump();
}

bool takes_files_late(const protocol::CreateOrder& order, const ImageInfo& image) {
    return image.is_vm && image.has_sshd && order.spec.password_hash.empty() && order.setup.empty();
}

bool can_be_spare(const protocol::CreateOrder& order, const ImageInfo& image) {
    return takes_files_late(order, image) && order.spec.env.empty();
}

std::vector<FileEntry> first_files(const protocol::CreateOrder& order, const ImageInfo& image) {
    const protocol::VmSpec& spec = order.spec;
    std::vector<FileEntry> files;
    if (image.has_sshd && !spec.authorized_keys.empty()) {
        std::string lines;
        for (const auto& line : spec.authorized_keys) lines += line + "\n";
        files.push_back({.path = "root/.ssh", .mode = 0700, .directory = true, .content = {}});
        files.push_back({.path = "root/.ssh/authorized_keys", .mode = 0600, .directory = false, .content = lines});
    }
    const bool has_hash = image.is_vm && !spec.password_hash.empty();
    const bool has_setup = image.sets_up && !order.setup.empty();
    if (has_hash || has_setup) {
        files.push_back({.path = "etc/minicloud", .mode = 0755, .directory = true, .content = {}});
    }
    if (has_hash) {
        files.push_back({.path = "etc/minicloud/password-hash",
                         .mode = 0600,
                         .directory = false,
                         .content = spec.password_hash + "\n"});
    }
    if (has_setup) {
        files.push_back({.path = "etc/minicloud/setup", .mode = 0700, .directory = false, .content = order.setup});
    }
    return files;
}

}  // namespace mc::worker
