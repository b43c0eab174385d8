#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "base/time.hpp"
#include "protocol/limits.hpp"

/// Bodies about the images of a node's engine. docs/protocol.md "images", ADR 31.
namespace mc::protocol {

/// Wire numbers.
enum class ImageAction : std::uint8_t {
    list = 0,
    pull = 1,
    remove = 2,  ///< never by force: what is in use stays
};

/// images, a request about one node.
struct ImagesRequest {
    std::string node;
    ImageAction action = ImageAction::list;
    std::string image;  ///< of pull and remove

    bool operator==(const ImagesRequest&) const = default;
    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.node, limits::name_bytes_max);
        archive(self.action, ImageAction::remove);
        archive(self.image, limits::image_bytes_max);
    }
};

/// One name of an image, or an image without a name.
struct ImageView {
    std::string name;  ///< with its tag: "debian:12"; "" = it has none
    std::string id;    ///< the engine's
    std::uint64_t size_bytes = 0;
    WallTime created;

    bool operator==(const ImageView&) const = default;
    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.name, limits::image_bytes_max);
        archive(self.id, limits::label_value_bytes_max);
        archive(self.size_bytes);
        archive(self.created);
    }
};

struct ImagesReply {
    /// list: by name, those without one last; pull: the image, under the name asked for.
    std::vector<ImageView> images;
    std::uint32_t left_out = 0;  ///< list: how many more there are

    bool operator==(const ImagesReply&) const = default;
    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.images, limits::images_max);
        archive(self.left_out);
    }
};

/// node_images, a request; the reply is an ImagesReply, which the broker passes on undecoded.
struct NodeImagesOrder {
    Epoch epoch;
    ImageAction action = ImageAction::list;
    std::string image;
    std::string owner;  ///< who asks: nobody has all pulls of a node

    bool operator==(const NodeImagesOrder&) const = default;
    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.epoch);
        archive(self.action, ImageAction::remove);
        archive(self.image, limits::image_bytes_max);
        archive(self.owner, limits::word_bytes_max);
    }
};

}  // namespace mc::protocol
