#include "io/random.hpp"

#include <sys/random.h>

#include <cerrno>

#include "base/assert.hpp"

namespace mc::io {
namespace {

void fill(char* to, std::size_t count) {
    while (count > 0) {
        const ssize_t got = getrandom(to, count, 0);
        if (got < 0 && errno == EINTR) continue;
        MC_ASSERT(got > 0);  // ids and passwords from nowhere would be worse than stopping
        to += got;
        count -= static_cast<std::size_t>(got);
    }
}

}  // namespace

std::uint64_t random_u64() {
    char bytes[sizeof(std::uint64_t)];
    fill(bytes, sizeof bytes);
    std::uint64_t value = 0;
    for (const char c : bytes) value = value << 8 | static_cast<unsigned char>(c);
    return value;
}

std::string random_bytes(std::size_t count) {
    std::string bytes(count, '\0');
    fill(bytes.data(), count);
    return bytes;
}

}  // namespace mc::io
